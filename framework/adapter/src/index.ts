/** The door of @coco/adapter. */
export type {
  Adapter,
  CommittedBatch,
  Decision,
  Executed,
  GovernedSettings,
  Host,
  OpenBatch,
  VisibleItem,
  Write,
} from './adapter.ts';
export { confineView } from './confined-view.ts';
export type { ConformanceCheck, ConformanceSubject } from './conformance.ts';
export { conformanceChecks } from './conformance.ts';
export type { TestEntry, TestHostOptions } from './test-host.ts';
export { TestHost } from './test-host.ts';
