/** The door of @coco/kv. */
export type { KvErrorCode } from './errors.ts';
export type { StoreLimits } from './limits.ts';
export { storeLimitsDefault } from './limits.ts';
export { compareMapNames, isPublicMap } from './map-name.ts';
export type { MapReader, MapWriter, RangeOptions, ReadView, Row } from './map-reader.ts';
export type { BeginOptions, HeldState, StoreStats } from './store.ts';
export { Store } from './store.ts';
export type { Savepoint } from './transaction.ts';
export { Transaction } from './transaction.ts';
export type { MapWrites, WriteRow, WriteSet } from './write-set.ts';
