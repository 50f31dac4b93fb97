/**
 * Whom this node speaks with: the nodes that its own ledger names and, where it is behind, those
 * that another node names by a newer one. Without this a node that was away while another was let
 * in and took office could never be reached by it: it would not know the key of its own primary.
 *
 * Who tells is a node that this one's ledger trusts, over a link that has proven its key, as is the
 * one whose answer a joiner begins with. What is told opens links and nothing else: who is a member
 * is Raft's to say, and who may lead a change of members goes by its own ledger.
 */
import type { Seqno } from '@coco/base';
import type { KnownNode, MembersMessage, NodeId } from '@coco/consensus';

/** Beats between two tellings: a second, by the worker's beat of 50 ms. */
const tellTicks = 20;

/** The other nodes to speak with, as of a committed seqno. */
interface LedgerPeers {
  readonly seqno: Seqno;
  readonly peers: readonly KnownNode[];
}

/** Who is to be a member, as the committed ledger has it. */
export interface LedgerMembers extends LedgerPeers {
  /** Ids of trusted nodes, this one's among them while it is trusted. */
  readonly trusted: readonly NodeId[];
}

interface KnownPeersOptions {
  readonly nodeId: NodeId;
  readonly send: (to: NodeId, message: MembersMessage) => void;
  /** The nodes to speak with from now on; who is not among them is cut off. */
  readonly onPeers: (peers: readonly KnownNode[]) => void;
}

export class KnownPeers {
  readonly #options: KnownPeersOptions;
  #ledger: LedgerPeers | undefined;
  /** Invariant: of a later seqno than the ledger's. */
  #told: LedgerPeers | undefined;
  #tickCount = 0;

  constructor(options: KnownPeersOptions) {
    this.#options = options;
  }

  /** What the committed ledger of this node says. */
  setLedger(ledger: LedgerPeers): void {
    this.#ledger = ledger;
    if (this.#told && this.#told.seqno <= ledger.seqno) this.#told = undefined;
    this.#tell();
  }

  /** What another node says. Returns whether it is news. */
  take({ seqno, nodes }: Pick<MembersMessage, 'seqno' | 'nodes'>): boolean {
    const known = this.#told ?? this.#ledger;
    if (!known || seqno <= known.seqno) return false;
    this.#told = { seqno, peers: nodes };
    this.#tell();
    return true;
  }

  /** One beat: now and then the others are told, for nobody knows who missed something. */
  tick(): void {
    if (!this.#ledger || ++this.#tickCount % tellTicks !== 0) return;
    const { seqno, peers: nodes } = this.#ledger;
    for (const { id } of this.#peers()) this.#options.send(id, { kind: 'members', seqno, nodes });
  }

  #tell(): void {
    this.#options.onPeers(this.#peers());
  }

  /** Of the ledger's all, and of the told those that are new. */
  #peers(): readonly KnownNode[] {
    const peers = [...(this.#ledger?.peers ?? [])];
    for (const told of this.#told?.peers ?? []) {
      const { id, keyId } = told;
      const isKnown = peers.some((peer) => peer.id === id || peer.keyId === keyId);
      if (!isKnown && id !== this.#options.nodeId) peers.push(told);
    }
    return peers;
  }
}
