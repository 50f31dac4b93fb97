import './evidence.test.ts';
import './verify-evidence.test.ts';
