import './bug-report.test.ts';
import './memory-watch.test.ts';
import './metric-table.test.ts';
import './network-watch.test.ts';
import './request-counts.test.ts';
