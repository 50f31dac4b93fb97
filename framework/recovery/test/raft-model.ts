/**
 * Raft in miniature, for the rule of recovery: nodes with logs of batches and membership entries,
 * elections, replication, commits, and Raft's configuration behind the ledger's. It knows what is
 * committed, which the rule has to find out from the files. Single changes of membership only.
 */
import { asSeqno, asView, concatBytes, type SeededRandom, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { ViewStart } from '@coco/ledger';
import { type Judgement, judgeCopies, type LedgerCopy } from '../src/index.ts';
import { SignedHistory } from '../src/signed-history.ts';

type Id = number;

/** What the ledger says of nodes. */
interface Ledger {
  readonly status: ReadonlyMap<Id, 'Trusted' | 'Retired' | 'Gone'>;
  readonly voters: ReadonlySet<Id>;
}

type Entry =
  | {
      readonly kind: 'batch';
      readonly view: number;
      readonly name: string;
      readonly ledger: Ledger;
    }
  | { readonly kind: 'voters'; readonly view: number; readonly voters: ReadonlySet<Id> };

interface Node {
  readonly id: Id;
  view: number;
  log: Entry[];
  /** Entries that it knows to be committed. */
  commit: number;
}

const first: readonly Id[] = [1, 2, 3];

export class RaftModel {
  readonly nodes: Map<Id, Node> = new Map();
  /** The longest log that was ever committed. */
  committed: Entry[] = [];
  readonly #random: SeededRandom;
  #leader: Node | undefined;
  #nextNode = 4;
  #batches = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    const status = new Map(first.map((id) => [id, 'Trusted' as const]));
    const ledger = { status, voters: new Set(first) };
    const log: Entry[] = [
      { kind: 'voters', view: 2, voters: new Set(first) },
      { kind: 'batch', view: 2, name: 'first', ledger },
    ];
    for (const id of first) this.nodes.set(id, { id, view: 2, log: [...log], commit: 2 });
    this.committed = log;
    this.#leader = this.nodes.get(1);
  }

  step(): void {
    const at = this.#random.below(20);
    const leader = this.#leader;
    if (!leader || at === 0) this.#elect();
    else if (at < 5) this.#append(leader);
    else if (at < 12) this.#replicate(leader);
    else if (at < 16) this.#commitUpTo(leader);
    else this.#follow(leader);
  }

  /** The judgement on the files of the nodes given. */
  judge(ids: readonly Id[], options: { readonly mayBeginLate?: boolean } = {}): Judgement {
    const isLate = (): boolean => options.mayBeginLate === true && this.#random.below(2) === 0;
    return judgeCopies(ids.map((id) => this.#copyOf(this.#node(id), isLate())));
  }

  /** How many committed batches the copy lacks. */
  lacking(copy: LedgerCopy): number {
    const batches = this.committed.filter(({ kind }) => kind === 'batch').length;
    return batches - copy.history.lastInCommon(historyOf(this.committed));
  }

  /** Nodes whose ledger has an entry: those that left keep their files. */
  get idsWithFiles(): readonly Id[] {
    return [...this.nodes.values()]
      .filter(({ log }) => historyOf(log).count > 0)
      .map(({ id }) => id);
  }

  #node(id: Id): Node {
    const node = this.nodes.get(id) ?? { id, view: 0, log: [], commit: 0 };
    this.nodes.set(id, node);
    return node;
  }

  #append(leader: Node): void {
    const ledger = ledgerOf(leader.log);
    const status = new Map(ledger.status);
    const voters = new Set(ledger.voters);
    const raft = votersOf(leader);
    const trusted = [...status].flatMap(([id, is]) => (is === 'Trusted' ? [id] : []));
    const at = this.#random.below(6);
    if (at === 0 && trusted.length < 5) status.set(this.#nextNode++, 'Trusted');
    const retired = trusted[this.#random.below(trusted.length)];
    if (at === 1 && trusted.length > 1 && retired !== undefined) status.set(retired, 'Retired');
    if (at === 2) for (const id of raft) voters.add(id);
    if (at === 3) {
      for (const [id, is] of status) if (is === 'Retired' && !raft.has(id)) status.set(id, 'Gone');
    }
    this.#write(leader, { status, voters });
  }

  #write(leader: Node, ledger: Ledger): void {
    const name = `batch ${this.#batches++} of ${leader.id}`;
    leader.log.push({ kind: 'batch', view: leader.view, name, ledger });
  }

  #replicate(leader: Node): void {
    const { status } = ledgerOf(leader.log.slice(0, leader.commit));
    const members = new Set([...votersOf(leader), ...status.keys()]);
    const ids = [...members].filter((id) => id !== leader.id && status.get(id) !== 'Gone');
    const id = ids[this.#random.below(ids.length)];
    if (id === undefined) return;
    const node = this.#node(id);
    if (node.view > leader.view) return;
    node.view = leader.view;
    const common = commonLength(node.log, leader.log);
    const isPrefix = common === node.log.length;
    const end = common + this.#random.below(leader.log.length - common + 1);
    if (!isPrefix && end === common) return;
    if (end > common || isPrefix) node.log = leader.log.slice(0, Math.max(end, common));
    node.commit = Math.max(node.commit, Math.min(leader.commit, node.log.length));
  }

  #commitUpTo(leader: Node): void {
    for (let end = leader.log.length; end > leader.commit; end--) {
      if (leader.log[end - 1]?.view !== leader.view) return;
      const holders = [...votersOf(leader)].filter(
        (id) => commonLength(this.#node(id).log, leader.log) >= end,
      );
      if (holders.length * 2 <= votersOf(leader).size) continue;
      // What changes the voters counts from its commit on.
      const change = leader.log.findIndex(
        (one, at) => at >= leader.commit && one.kind === 'voters',
      );
      leader.commit = change >= 0 ? Math.min(end, change + 1) : end;
      if (leader.commit > this.committed.length)
        this.committed = leader.log.slice(0, leader.commit);
      return;
    }
  }

  /** Raft's configuration goes one step towards the committed ledger's. */
  #follow(leader: Node): void {
    const isPending = leader.log.slice(leader.commit).some(({ kind }) => kind === 'voters');
    if (isPending || leader.log[leader.commit - 1]?.view !== leader.view) return;
    const { status } = ledgerOf(leader.log.slice(0, leader.commit));
    const voters = new Set(votersOf(leader));
    const wanted = [...status].flatMap(([id, is]) => (is === 'Trusted' ? [id] : []));
    const added = wanted.find((id) => !voters.has(id));
    const removed = [...voters].find((id) => !wanted.includes(id));
    if (added !== undefined) voters.add(added);
    else if (removed !== undefined && removed !== leader.id) voters.delete(removed);
    else return;
    leader.log.push({ kind: 'voters', view: leader.view, voters });
  }

  #elect(): void {
    const ids = [...this.nodes.keys()];
    const candidate = this.#node(ids[this.#random.below(ids.length)] ?? 1);
    const voters = votersOf(candidate);
    if (!voters.has(candidate.id)) return;
    const view = candidate.view + 1 + this.#random.below(2);
    const votes = [...voters].filter((id) => {
      const voter = this.#node(id);
      return voter.view < view && this.#random.below(3) > 0 && isUpToDate(candidate, voter);
    });
    for (const id of votes) this.#node(id).view = view;
    if (votes.length * 2 <= voters.size) return;
    candidate.view = view;
    this.#leader = candidate;
    this.#write(candidate, ledgerOf(candidate.log));
  }

  /** `isLate`: its files begin behind a snapshot, which is of a committed batch. */
  #copyOf(node: Node, isLate: boolean): LedgerCopy {
    const { status, voters } = ledgerOf(node.log);
    const committed = batchesOf(node.log.slice(0, node.commit)).length;
    const beginsAfter = isLate && committed > 0 ? this.#random.below(committed) : 0;
    const history = historyOf(node.log, beginsAfter);
    const batches = batchesOf(node.log);
    const nodes = [...status].flatMap(([id, is]) => {
      if (is === 'Gone') return [];
      const isCertain = is === 'Trusted' && voters.has(id);
      return [{ nodeId: String(id), status: is, address: '', isCertain }];
    });
    return {
      kind: 'copy',
      name: String(node.id),
      lastSigned: {
        view: asView(batches.at(-1)?.view ?? 0),
        seqno: asSeqno(batches.length),
      },
      root: new Uint8Array(32),
      highestView: asView(node.view),
      history,
      identities: [],
      beginsAfter: asSeqno(beginsAfter),
      nodes,
      marks: [String(node.id)],
      namedCommitted: asSeqno(0),
      cuts: [],
      isCutShort: false,
      isRestored: false,
      isBeforeMarks: false,
    };
  }
}

function batchesOf(log: readonly Entry[]): readonly (Entry & { readonly kind: 'batch' })[] {
  return log.filter((entry) => entry.kind === 'batch');
}

/** An entry follows the same ones in every log. */
const leaves = new WeakMap<Entry, Uint8Array>();

/** With `beginsAfter`, what a copy knows that begins with a snapshot of that batch. */
function historyOf(log: readonly Entry[], beginsAfter = 0): SignedHistory {
  const history = new SignedHistory();
  const service = { keyId: 'the service', since: asSeqno(1) };
  const views: ViewStart[] = [];
  if (beginsAfter === 0) history.addService(service);
  // A signature entry holds all before it, so its leaf does.
  let leaf: Uint8Array = new Uint8Array(32);
  for (const [at, entry] of batchesOf(log).entries()) {
    const { name, view: number } = entry;
    leaf = leaves.get(entry) ?? sha256(concatBytes(leaf, utf8Encode(name)));
    leaves.set(entry, leaf);
    const [view, seqno] = [asView(number), asSeqno(at + 1)];
    if (views.at(-1)?.view !== view) views.push({ view, firstSeqno: seqno });
    if (seqno > beginsAfter) history.add({ view, seqno }, leaf);
    if (seqno === beginsAfter) history.begin({ view, seqno }, leaf, { views: [...views], service });
  }
  return history;
}

function ledgerOf(log: readonly Entry[]): Ledger {
  const last = log.findLast((entry) => entry.kind === 'batch');
  return last?.kind === 'batch' ? last.ledger : { status: new Map(), voters: new Set() };
}

/** The voters by what the node knows to be committed. */
function votersOf(node: Node): ReadonlySet<Id> {
  const last = node.log.slice(0, node.commit).findLast((entry) => entry.kind === 'voters');
  return last?.kind === 'voters' ? last.voters : new Set();
}

function commonLength(one: readonly Entry[], other: readonly Entry[]): number {
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at++) if (one[at] !== other[at]) return at;
  return end;
}

function isUpToDate(candidate: Node, voter: Node): boolean {
  const [mine, its] = [candidate.log.at(-1)?.view ?? 0, voter.log.at(-1)?.view ?? 0];
  return mine > its || (mine === its && candidate.log.length >= voter.log.length);
}
