/** The samples of this room's tests, for the tests of other rooms. */
export { beginRecovery, copyFolder, endRecovery, writeFile } from './sample-recovery.ts';
export {
  createIdentity,
  type Identity,
  SampleService,
  serviceInfo,
  signerOf,
  testTimeMs,
  writes,
} from './sample-service.ts';
