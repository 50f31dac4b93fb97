import './crypto-functions.test.ts';
import './hostile.test.ts';
import './isolate-message.test.ts';
import './limit-memory.test.ts';
import './map-permission.test.ts';
import './packed-value.test.ts';
import './script-access.test.ts';
import './script-run.test.ts';
