/** The door of @coco/recovery. */
export { type BackUpOptions, type BackUpReport, backUp } from './back-up.ts';
export type { BackupFile, BackupManifest } from './backup-manifest.ts';
export { decideRecovery, type RecoveryDecision } from './decide-recovery.ts';
export {
  type JudgedCopy,
  type Judgement,
  judgeCopies,
  type Standing,
} from './judge-copies.ts';
export type { ConfiguredNode } from './last-configuration.ts';
export { nodeOfMark, readMarks, removeOtherMarks, signMark, writeMark } from './ledger-mark.ts';
export { type RestoreOptions, restore } from './restore.ts';
export {
  CopyRecorder,
  folderSigns,
  type LedgerCopy,
  type SurveyOptions,
  type SurveyProgress,
  surveyCopy,
  type UnusableCopy,
} from './survey-copy.ts';
