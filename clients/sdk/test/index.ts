import './browser.test.ts';
import './connect.test.ts';
import './memory.test.ts';
