import './action-refusals.test.ts';
import './actions.test.ts';
import './constitution.test.ts';
import './examples.test.ts';
import './read-rules.test.ts';
import './set-rules.test.ts';
