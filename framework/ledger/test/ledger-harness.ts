/** Services in miniature, their recoveries and snapshots, for the tests of other rooms. */
export { copyFolder, recoverSample } from './sample-recovery.ts';
export {
  createIdentity,
  type Identity,
  row,
  SampleService,
  signerOf,
  writes,
} from './sample-service.ts';
export { fileOf, runWhole } from './snapshot-sample.ts';
