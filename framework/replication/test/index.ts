import './batch-pipeline.test.ts';
import './membership-driver.test.ts';
import './membership-step.test.ts';
import './node-office.test.ts';
import './replica-host.test.ts';
import './run-optimistic.test.ts';
import './snapshot-maker.test.ts';
