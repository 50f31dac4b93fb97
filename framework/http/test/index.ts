/** All tests of the room, in one process. */
import './byte-budget.test.ts';
import './channels.test.ts';
import './http-listener.test.ts';
import './issuer-client.test.ts';
import './node-caller.test.ts';
import './refuse-malformed.test.ts';
