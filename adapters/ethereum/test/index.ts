/** All tests of the room in one process. */
import './engine-decode.test.ts';
import './engine-execute.test.ts';
import './clients.test.ts';
