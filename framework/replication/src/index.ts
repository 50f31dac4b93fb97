/** The door of @coco/replication. */
export { hostAdapter } from './adapter-host.ts';
export { adoptSecret, type SecretOutcome, type SecretReceiver } from './adopt-secret.ts';
export { BatchFollower } from './batch-follower.ts';
export { BatchPipeline } from './batch-pipeline.ts';
export type { CatchUpSource, SnapshotPart } from './catch-up-source.ts';
export { ConfigurationRecorder } from './configuration-recorder.ts';
export { replicationError } from './errors.ts';
export { handOver } from './hand-over.ts';
export type { HistogramMeasures } from './histogram.ts';
export type { ReplicaMeasures } from './host-measures.ts';
export type { LedgerMembers } from './known-peers.ts';
export { createLeadership, type Leadership } from './leadership.ts';
export {
  type InstallFiles,
  LedgerInstaller,
  type LedgerInstallerOptions,
} from './ledger-installer.ts';
export { type LoadedLedger, loadLedger, recoveredTracker, replay } from './load-ledger.ts';
export { NodeOffice } from './node-office.ts';
export { OlderLedger } from './older-ledger.ts';
export type { CommitObserver, ProposalKind } from './pipeline-ports.ts';
export { ReplicaHost } from './replica-host.ts';
export type {
  CatchUpOrder,
  ConfigurationReport,
  CoveredEntry,
  FollowedBatch,
  ProposedBatch,
  ReplicaMessage,
  RoleReport,
  StorageReport,
} from './replica-messages.ts';
export { runOptimistic } from './run-optimistic.ts';
export { SnapshotFetcher } from './snapshot-fetcher.ts';
export { type KeptSnapshot, SnapshotMaker } from './snapshot-maker.ts';
export {
  type StorageLevel,
  type StorageLimits,
  storageLimitsDefault,
} from './storage-watch.ts';
export { storeLimits } from './store-limits.ts';
export { type MemoryLevel, WriteGate } from './write-gate.ts';
