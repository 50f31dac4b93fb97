/** The door of @coco/node. */
export { bugReport } from '@coco/monitor';
export type { NodeConfiguration } from './configuration.ts';
export { parseConfiguration } from './configuration.ts';
export { FileDisk } from './file-disk.ts';
export { measureCode } from './measure-code.ts';
export { ledgerMembers, MembersFollower } from './members-follower.ts';
export { ReadOnlyDisk } from './read-only-disk.ts';
export { createLog, systemClock, systemRandom } from './real-ports.ts';
export { readReceipt, receiptEndpoint } from './receipt-endpoint.ts';
export type { RunningNode } from './run-node.ts';
export { runNode } from './run-node.ts';
export type { AdapterFactory, RunNodeOptions } from './run-node-options.ts';
export type { NodeState } from './service-runtime.ts';
