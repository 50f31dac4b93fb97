/** A service as this node runs it: keys, ledger, pipeline and where in its life it stands. */

import type { Evidence, Platform } from '@coco/attestation';
import { reportDataOf } from '@coco/attestation';
import type { Clock, LedgerError, Log, Random, Seqno } from '@coco/base';
import type { EndorsementRow, HistoricalSecretRow } from '@coco/governance';
import type { ScriptRunner } from '@coco/isolate';
import type { LedgerSecrets } from '@coco/ledger';
import type { MerkleTree } from '@coco/merkle';
import type { NodeConfiguration } from './configuration.ts';
import { createNodeIdentity, type NodeIdentity, type ServiceIdentity } from './identities.ts';
import type { NodeCore } from './node-core.ts';

/** CCF's names of a node's states, as GET /node/state shows them. */
export type NodeState =
  | 'Initialized'
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
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly onFailed: (error: LedgerError) => void;
  /** Where constitution and ballots run. */
  readonly scripts: ScriptRunner;
}

export interface ServiceRuntime {
  readonly node: NodeIdentity;
  readonly service: ServiceIdentity;
  readonly evidence: Evidence;
  readonly core: NodeCore;
  readonly tree: MerkleTree;
  readonly secrets: LedgerSecrets;
  /** Seqno of the snapshot that the node began from; 0 without. */
  readonly startupSeqno: Seqno;
  /** What a recovery found; empty in a new service. */
  readonly historicalSecretRows: readonly HistoricalSecretRow[];
  /** Endorsements of earlier service identities, newest first. */
  endorsements(): readonly EndorsementRow[];
}

/** New node keys, their certificates under the service, and evidence bound to the key. */
export async function createNode(
  surroundings: NodeSurroundings,
  service: ServiceIdentity,
): Promise<{ readonly node: NodeIdentity; readonly evidence: Evidence }> {
  const { configuration, clock, platform } = surroundings;
  const hosts = configuration.interfaces.flatMap(({ host, publishedAddress }) => [
    host,
    publishedAddress.replace(/:\d+$/, ''),
  ]);
  const node = await createNodeIdentity({
    service,
    subject: configuration.nodeSubject,
    hosts: [...new Set([...configuration.nodeHosts, ...hosts, 'localhost'])],
    days: configuration.nodeCertificateDays,
    clock,
  });
  const evidence = await platform.evidenceFor(await reportDataOf(node.key.spki));
  return { node, evidence };
}
