import './connect.test.ts';
import './memory.test.ts';
