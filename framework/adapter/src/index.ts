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
