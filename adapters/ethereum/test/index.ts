/** All tests of the room in one process. */
import './engine-decode.test.ts';
import './engine-instance.test.ts';
import './engine-execute.test.ts';
import './engine-refuse.test.ts';
import './engine-limits.test.ts';
import './engine-differential.test.ts';
import './engine-block.test.ts';
import './clients.test.ts';
import './conformance.test.ts';
