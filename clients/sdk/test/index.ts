import './browser.test.ts';
import './client.test.ts';
import './connect.test.ts';
import './history.test.ts';
import './memory.test.ts';
