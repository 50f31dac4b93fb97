/** The door of @coco/adapter. */
export type {
  Adapter,
  CommittedBatch,
  Decision,
  Executed,
  Host,
  OpenBatch,
  VisibleItem,
  Write,
} from './adapter.ts';
export { confineView } from './confined-view.ts';
export type { TestEntry, TestHostOptions } from './test-host.ts';
export { TestHost } from './test-host.ts';
