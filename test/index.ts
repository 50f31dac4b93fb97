/** The tests of the repository itself: its tools, its tidiness, its docs. */
import './boundaries.test.ts';
import './tidy.test.ts';
