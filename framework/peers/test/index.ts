import './peer-beats.test.ts';
import './peer-channel.test.ts';
import './peer-frames.test.ts';
import './peer-journal.test.ts';
import './peer-link.test.ts';
