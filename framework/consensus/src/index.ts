/** The door of @coco/consensus. */
export type { Configuration, MembershipChange, NodeId } from './configuration.ts';
export { createConfiguration, isJoint, isMember, membersOf } from './configuration.ts';
export type { ConsensusCode } from './errors.ts';
export type { BatchKind, BatchPlace, Handle } from './handle.ts';
export { createHandle, decodeHandle, encodeHandle, handleBytes, lastSeqnoOf } from './handle.ts';
export type { ReplicaLimits } from './limits.ts';
export { defaultLimits } from './limits.ts';
export type { StoredBatch } from './log-tail.ts';
export type { Office, Role } from './office.ts';
export type {
  KnownNode,
  MembersMessage,
  PeerMessage,
  PeerMessageLimits,
} from './peer-message.ts';
export { encodePeerMessage, parsePeerMessage, peerMessageBytesMax } from './peer-message.ts';
export type { PeerProgress, RaftStatus } from './raft-instance.ts';
export { loadRaftModule, raftModuleHashUrl, raftModuleUrl } from './raft-module.ts';
export type { ReplicaStatus } from './replica.ts';
export { Replica } from './replica.ts';
export type { ReplicaEvents, ReplicaOptions, ReplicaPorts, ServiceStart } from './replica-ports.ts';
export type { LedgerSnapshotName, SnapshotOffer } from './snapshot-offer.ts';
export type { Verdict } from './verdict.ts';
