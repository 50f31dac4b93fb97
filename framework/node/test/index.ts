import './batch-pipeline.test.ts';
import './byte-budget.test.ts';
import './configuration.test.ts';
import './fuzz.test.ts';
import './http-listener.test.ts';
import './output-files.test.ts';
import './replica-client.test.ts';
import './run-node.test.ts';
