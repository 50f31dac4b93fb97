/** The door of @coco/node. */
export { hostAdapter } from './adapter-host.ts';
export { BatchFollower } from './batch-follower.ts';
export { BatchPipeline } from './batch-pipeline.ts';
export { bugReport } from './bug-report.ts';
export type { NodeConfiguration } from './configuration.ts';
export { parseConfiguration } from './configuration.ts';
export { FileDisk } from './file-disk.ts';
export { handOver } from './hand-over.ts';
export { type LoadedLedger, loadLedger } from './load-ledger.ts';
export { measureCode } from './measure-code.ts';
export { NodeOffice } from './node-office.ts';
export { createLog, systemClock, systemRandom } from './real-ports.ts';
export { ReplicaHost } from './replica-host.ts';
export type { FromReplica, RoleReport } from './replica-messages.ts';
export type { AdapterFactory, RunNodeOptions, RunningNode } from './run-node.ts';
export { runNode } from './run-node.ts';
export { runOptimistic } from './run-optimistic.ts';
export type { NodeState } from './service-runtime.ts';
