/** All tests of the room, in one process. */
import './byte-budget.test.ts';
import './http-listener.test.ts';
import './refuse-malformed.test.ts';
