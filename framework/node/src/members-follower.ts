/**
 * Tells the replica who the nodes of the service are, whenever the committed ledger says otherwise
 * than before: consensus follows the ledger.
 */
import type { Log, Seqno } from '@coco/base';
import { nodeInfos } from '@coco/governance';
import type { ReadView } from '@coco/kv';
import type { Peer } from '@coco/peers';
import type { CommitObserver, LedgerMembers } from '@coco/replication';
import { nodesOfService, peerAddress } from './node-addresses.ts';

export interface MembersFollowerOptions {
  /** This node. */
  readonly nodeId: string;
  /** Of states before it nothing is told: a node that catches up knows of newer ones already. */
  readonly from: Seqno;
  readonly log: Log;
  tell(members: LedgerMembers): void;
}

export class MembersFollower implements CommitObserver {
  readonly #options: MembersFollowerOptions;
  /** Ids and statuses that were told last. */
  #told: string | undefined;

  constructor(options: MembersFollowerOptions) {
    this.#options = options;
  }

  onCommitted({ state, lastSeqno }: { readonly state: ReadView; readonly lastSeqno: Seqno }): void {
    const { nodeId, from, tell, log } = this.#options;
    if (lastSeqno < from) return;
    const versions = versionsOf(state);
    if (versions === this.#told) return;
    this.#told = versions;
    tell(ledgerMembers(state, nodeId, log));
  }

  rolledBack(): void {
    // What was told was committed.
  }
}

/** Changes whenever a row of a node does. */
function versionsOf(state: ReadView): string {
  return [...state.map(nodeInfos.name).range()].map(({ version }) => version).join();
}

/** The members of the service in a committed state, as node `nodeId` sees them. */
export function ledgerMembers(state: ReadView, nodeId: string, log: Log): LedgerMembers {
  const peers: Peer[] = [];
  const trusted: Seqno[] = [];
  for (const { id, raftId, info } of nodesOfService(state)) {
    if (info.status === 'Trusted') trusted.push(raftId);
    const isGone = info.status === 'Pending' || info.retired_committed === true;
    if (id === nodeId || isGone) continue;
    const address = peerAddress(info);
    if (address) peers.push({ id: raftId, keyId: id, ...address });
    else log.write('warning', 'peer.addressUnknown', { node: id });
  }
  return { seqno: state.seqno, peers, trusted };
}
