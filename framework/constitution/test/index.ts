import './action-refusals.test.ts';
import './actions.test.ts';
import './constitution.test.ts';
