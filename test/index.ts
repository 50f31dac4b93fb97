/** The tests of the repository itself: its tools, its tidiness, its docs. */
import './bootstrap.test.ts';
import './boundaries.test.ts';
import './docs.test.ts';
import './errors.test.ts';
import './lock-file.test.ts';
import './sbom.test.ts';
import './tidy.test.ts';
