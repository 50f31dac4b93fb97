import './browser.test.ts';
import './client.test.ts';
import './connect.test.ts';
import './deadline.test.ts';
import './failover.test.ts';
import './history.test.ts';
import './hostile-bytes.test.ts';
import './memory.test.ts';
