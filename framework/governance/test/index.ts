/** All tests of the room, in one process. */
import './lifecycle.test.ts';
