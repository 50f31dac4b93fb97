import './batch-pipeline.test.ts';
import './certificate-watch.test.ts';
import './configuration.test.ts';
import './http-listener.test.ts';
import './run-node.test.ts';
