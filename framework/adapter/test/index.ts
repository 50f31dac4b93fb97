/** All tests of the room in one process. */
import './conformance.test.ts';
