/** A service as this node runs it: keys, ledger, pipeline and where in its life it stands. */

import type { Evidence, Platform } from '@coco/attestation';
import type { Clock, LedgerError, Log, Random, Seqno } from '@coco/base';
import type { EndorsementRow, HistoricalSecretRow } from '@coco/governance';
import type { ScriptRunner } from '@coco/isolate';
import type { LedgerSecrets } from '@coco/ledger';
import type { MerkleTree } from '@coco/merkle';
import type { NodeConfiguration } from './configuration.ts';
import type { NodeIdentity, ServiceIdentity } from './identities.ts';
import type { NodeCore } from './node-core.ts';

/** CCF's names of a node's states, as GET /node/state shows them. */
export type NodeState =
  | 'Initialized'
  /** It asked to join, or catches up. */
  | 'Pending'
  | 'PartOfPublicNetwork'
  | 'ReadingPrivateLedger'
  | 'PartOfNetwork';

export interface NodeSurroundings {
  readonly configuration: NodeConfiguration;
  /** Folder that the configuration's paths are relative to. */
  readonly baseFolder: string;
  readonly platform: Platform;
  /** What new nodes must show to join: this node's own measurement and host data. */
  readonly joinPolicy: { readonly measurement: string; readonly hostData: string };
  /** Keys (DER) whose virtual evidence this node believes. */
  readonly developmentRoots: readonly Uint8Array[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onFailed: (error: LedgerError) => void;
  /** The members have retired this node, and the ledger is closed to it. */
  readonly onLockedOut: () => void;
  /** Where constitution and ballots run. */
  readonly scripts: ScriptRunner;
}

/** How far the private part of a recovered ledger is read. */
export interface RecoveryProgress {
  readonly targetSeqno: Seqno;
  /** Invariant: at most `targetSeqno`. */
  recoveredSeqno: Seqno;
}

export interface ServiceRuntime {
  readonly node: NodeIdentity;
  readonly service: ServiceIdentity;
  readonly evidence: Evidence;
  readonly core: NodeCore;
  readonly tree: MerkleTree;
  readonly secrets: LedgerSecrets;
  /** What signatures of the ledger name as issuer and subject. */
  readonly signer: { readonly issuer: string; readonly subject: string };
  /** Seqno of the snapshot that the node began from; 0 without. */
  readonly startupSeqno: Seqno;
  /** Of a node that recovered the service. */
  readonly progress?: RecoveryProgress;
  /** What a recovery found; empty in a new service. */
  readonly historicalSecretRows: readonly HistoricalSecretRow[];
  /** Endorsements of earlier service identities, newest first. */
  endorsements(): readonly EndorsementRow[];
}
