import './batch-pipeline.test.ts';
import './configuration.test.ts';
