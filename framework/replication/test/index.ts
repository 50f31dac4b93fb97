import './batch-pipeline.test.ts';
import './node-office.test.ts';
import './replica-host.test.ts';
import './run-optimistic.test.ts';
import './snapshot-maker.test.ts';
