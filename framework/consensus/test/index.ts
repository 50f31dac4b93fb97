import './lossy-links.test.ts';
import './transcripts.test.ts';
