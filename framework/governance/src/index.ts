/** The door of @coco/governance. */
export { type Admission, admitNode, type JoinPorts, nodeReplacements } from './admit-node.ts';
export { checkConstitution } from './check-constitution.ts';
export type { RecoveryRow } from './coco-tables.ts';
export { nodeVoters, recoveryRecord, snapshotRequest } from './coco-tables.ts';
export { governanceError } from './errors.ts';
export type { NewMember, NewNode, NewService, VirtualJoinPolicy } from './genesis.ts';
export { genesis, recover } from './genesis.ts';
export { governanceEndpoints } from './governance-endpoints.ts';
export type { GovernanceMessage, PreparedRequest } from './governance-request.ts';
export {
  decryptShare,
  finishGovernanceRequest,
  prepareGovernanceRequest,
  signGovernanceRequest,
} from './governance-request.ts';
export { endorseIdentity, recoveryViewGap } from './identity-endorsement.ts';
export {
  historicalSecretAt,
  type LedgerSecret,
  restoreLedgerSecrets,
} from './issue-recovery-shares.ts';
export {
  encodePendingAnswer,
  encodeTrustedAnswer,
  type JoinAnswer,
  type JoinedNetwork,
  type JoinedPeer,
  parseJoinAnswer,
} from './join-answer.ts';
export { verifyJoiner } from './join-policy.ts';
export {
  encodeJoinRequest,
  type JoinRequest,
  joinRequestBytesMax,
  parseJoinRequest,
} from './join-request.ts';
export type { RefreshedIssuer } from './jwt-tables.ts';
export { refreshedIssuers, tokenIssuers } from './jwt-tables.ts';
export { identityLookup } from './members.ts';
export type { NativeContext, NativeFunction, NativeFunctions } from './native-function.ts';
export { nativeFunctions } from './native-functions.ts';
export { nodeJoins, raftIdOf } from './node-joins.ts';
export {
  isReadingPrivateLedger,
  openRecoveredService,
  ServiceStatusReader,
  secretsForNode,
  serviceStatus,
} from './open-service.ts';
export type { AdapterSettings, GovernancePorts, LedgerEffects } from './ports.ts';
export {
  type AppliedConfiguration,
  type ConfigurationFacts,
  recordFacts,
  unrecordedFacts,
} from './record-configuration.ts';
export type { WrappingSecret } from './recovery-share.ts';
export {
  combineShares,
  createShares,
  decodeShare,
  encodeShare,
  isFullKey,
  openFullKey,
  shareBytes,
  unwrapLedgerSecret,
  wrapLedgerSecret,
} from './recovery-share.ts';
export { certificateRenewals, isRenewalDue, renewCertificates } from './renew-certificates.ts';
export { resolveDue } from './resolve-due.ts';
export type { Share } from './shamir.ts';
export type { CertificateRenewalPermission } from './standing-permissions.ts';
export { parseCertificateRenewal, standingPermissions } from './standing-permissions.ts';
export type { Readable, Writable } from './table.ts';
export { Singleton, Table } from './table.ts';
export type {
  EndorsementRow,
  HistoricalSecretRow,
  MemberAckRow,
  MemberInfoRow,
  NodeInfoRow,
  ProposalInfoRow,
  ProposalState,
  QuoteInfoRow,
  RecoveryRole,
  ServiceInfoRow,
  ServiceStatus,
  SnapshotEvidenceRow,
} from './tables.ts';
export {
  constitution,
  governanceHistory,
  historicalSecret,
  identityEndorsement,
  memberAcks,
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  nodeCertificates,
  nodeInfos,
  nodeSecrets,
  previousServiceIdentity,
  previousSignedRoot,
  proposalInfos,
  proposals,
  recentProposals,
  recoveryShares,
  serviceConfig,
  serviceInfo,
  signedTree,
  snapshotEvidence,
  submittedShares,
  userCertificates,
  virtualHostData,
  virtualMeasurements,
} from './tables.ts';
export { refreshTokenKeys } from './token-keys.ts';
export { type TrustedNode, trustedNode } from './trusted-node.ts';
export type { WakerPorts } from './wake-proposals.ts';
export { ProposalWaker } from './wake-proposals.ts';
