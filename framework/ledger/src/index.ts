/** The door of @coco/ledger. */

export { acceptBatch } from './accept-batch.ts';
export {
  type AuditFinding,
  type AuditGap,
  type AuditOptions,
  type AuditProgress,
  type AuditReport,
  auditLedger,
  type BatchPlace,
} from './audit-ledger.ts';
export { decodeBatches, encodeBatches } from './batch-frames.ts';
export { buildReceipt } from './build-receipt.ts';
export type { LedgerFolder } from './chunk-file.ts';
export { committedThrough, parseChunkName } from './chunk-name.ts';
export { commitEvidence } from './commit-evidence.ts';
export { copyMissingChunks } from './copy-chunks.ts';
export { createLedgerFiles } from './create-ledger-files.ts';
export {
  type DecodedSnapshot,
  decodeSnapshot,
  restoreSnapshot,
  snapshotEntryBytes,
  verifySnapshot,
} from './decode-snapshot.ts';
export { type EncodedSnapshot, encodeSnapshot, type SnapshotSource } from './encode-snapshot.ts';
export type { DecodedEntry, EntryParts, EntrySealer } from './entry.ts';
export {
  decodeEntry,
  encodeEntry,
  entryBytesMax,
  entryFlag,
  entryId,
  leafOf,
  openEntry,
  zeroDigest,
} from './entry.ts';
export { readFolderBatches } from './folder-batches.ts';
export {
  type EndorseOptions,
  endorsementMap,
  endorsementWrites,
  type IdentityEndorsement,
  readEndorsementRow,
  signEndorsement,
} from './identity-endorsement.ts';
export {
  type FoundBegin,
  findBegin,
  type LedgerBegin,
  reopenBegin,
  verifierStart,
} from './ledger-begin.ts';
export { type BatchBody, LedgerFiles, readBytesMax } from './ledger-files.ts';
export type { LedgerSecret } from './ledger-secrets.ts';
export { LedgerSecrets, ledgerSecretBytes } from './ledger-secrets.ts';
export { createLedgerTree } from './ledger-tree.ts';
export {
  LedgerVerifier,
  type SignedState,
  type VerifiedEntry,
  type VerifierStart,
  type ViewStart,
} from './ledger-verifier.ts';
export type { BatchVisitor, LedgerTail } from './ledger-walk.ts';
export { NonceGuard, type NonceRule, SnapshotNonceGuard } from './nonce-guard.ts';
export { OlderFiles } from './older-files.ts';
export { type CommittedBody, type OpenedBatch, type OpenedEntry, openBatch } from './open-batch.ts';
export { type DiskAttendant, PatientDisk } from './patient-disk.ts';
export { readBatches } from './read-batches.ts';
export { RecoveredLedger, type RecoverOptions, recoverLedger } from './recover-ledger.ts';
export type { Batch, Entry, PendingSignature } from './sealed-batch.ts';
export type { SequencerOptions } from './sequencer.ts';
export { chunkBytesDefault, Sequencer } from './sequencer.ts';
export {
  parseServiceState,
  type ServiceState,
  type ServiceStatus,
  serviceInfoMap,
} from './service-history.ts';
export type { LedgerSignature, SignerName, SignerNames } from './signature-entry.ts';
export {
  isSignatureEntry,
  parseSignatureEntry,
  singletonKey,
  treeMap,
  verifyLedgerSignature,
} from './signature-entry.ts';
export { type ReceivedSnapshot, SnapshotFiles } from './snapshot-files.ts';
export { formatSnapshotName, parseSnapshotName, type SnapshotName } from './snapshot-name.ts';
