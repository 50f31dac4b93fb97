/**
 * The one ledger: every batch that any node has heard to be committed, in order. All nodes must
 * agree with it byte for byte, and with the state that it leads to.
 */
import {
  asSeqno,
  equalBytes,
  formatTransactionId,
  fromBase64,
  type Seqno,
  toHex,
  type View,
} from '@coco/base';
import { sha256 } from '@coco/crypto';
import { identityEndorsement } from '@coco/governance';
import type { ReadView, WriteSet } from '@coco/kv';
import {
  type CommittedBody,
  type DecodedEntry,
  decodeEntry,
  isSignatureEntry,
  type LedgerSecrets,
  type OpenedEntry,
  openEntry,
  parseSignatureEntry,
  singletonKey,
  treeMap,
} from '@coco/ledger';
import { check } from './errors.ts';
import { ReferenceState, stateDigest } from './reference-state.ts';

type ReadEntry = Pick<OpenedEntry, 'id' | 'writeSet'>;

/** A state is compared at one commit of so many, on every node at the same ones. */
const digestEvery = 3;

export interface Commit {
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly lastSeqno: Seqno;
  readonly state: ReadView;
  /** Whether the state holds more than what is public: not while a recovery is under way. */
  readonly isWhole: boolean;
}

interface LoggedBatch extends CommittedBody {
  readonly lastSeqno: number;
  /** Of the state after it, where it is compared. */
  readonly stateDigest: string | undefined;
}

export class CommittedLog {
  #state: ReferenceState = new ReferenceState();
  /** How recoveries endorse the services before them, the oldest first. */
  #endorsements: Uint8Array[] = [];
  readonly secrets: LedgerSecrets;
  readonly #onEntry: (entry: ReadEntry) => void;
  readonly #onNew: (batch: CommittedBody, by: number) => void;
  /** Batches as they were proposed, by view and first seqno. */
  readonly #proposed = new Map<string, CommittedBody>();
  /** Ids of their last entries. */
  readonly #ends = new Set<string>();
  readonly #batches = new Map<number, LoggedBatch>();
  /** The first seqno of each batch by its last. */
  readonly #firsts = new Map<number, number>();
  /** Where each node's next commit begins; nothing of a node that holds nothing yet. */
  readonly #next = new Map<number, number>();
  /** Ids of all committed entries. */
  readonly #ids = new Set<string>();
  /** Digests of all committed entries by seqno. */
  readonly #entries = new Map<number, string>();
  #end = 0;

  constructor(parts: {
    readonly secrets: LedgerSecrets;
    /** Before an entry is applied; a rekey adds its secret. */
    readonly onEntry: (entry: ReadEntry) => void;
    /** A batch is heard to be committed for the first time. */
    readonly onNew: (batch: CommittedBody, by: number) => void;
  }) {
    this.secrets = parts.secrets;
    this.#onEntry = parts.onEntry;
    this.#onNew = parts.onNew;
  }

  get state(): ReferenceState {
    return this.#state;
  }

  /** The newest first. */
  get endorsements(): readonly Uint8Array[] {
    return this.#endorsements.toReversed();
  }

  get batchCount(): number {
    return this.#batches.size;
  }

  /** The last committed seqno. */
  get end(): number {
    return this.#end;
  }

  /** Batches that begin at `from` or later and end at `to` or before. */
  batchesBetween(from: number, to: number): number {
    let count = 0;
    for (let seqno = from; seqno <= to; ) {
      const batch = this.#batches.get(seqno);
      if (!batch) break;
      seqno = batch.lastSeqno + 1;
      count++;
    }
    return count;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Nodes that begin with everything that is committed by now. */
  admit(nodes: readonly number[]): void {
    for (const node of nodes) this.#next.set(node, this.#end + 1);
  }

  /** The digest of a committed entry, to compare files with. */
  entryDigest(seqno: number): string | undefined {
    return this.#entries.get(seqno);
  }

  /** A primary hands a batch to its replica. */
  proposes(node: number, batch: CommittedBody): void {
    const key = `${batch.view}.${batch.firstSeqno}`;
    const known = this.#proposed.get(key) ?? batch;
    const isSame = equalBytes(known.body, batch.body);
    check(isSame, `node ${node} proposes another batch at ${key} than was proposed before`);
    this.#proposed.set(key, batch);
    this.#ends.add(`${batch.view}.${batch.firstSeqno + batch.entryCount - 1}`);
  }

  /** Whether a batch that was proposed ends with this id: it is of a signature. */
  isSignature(id: string): boolean {
    return this.#ends.has(id);
  }

  /** A replica delivers a body: it is one that a primary proposed. */
  delivers(node: number, batch: CommittedBody): void {
    const key = `${batch.view}.${batch.firstSeqno}`;
    const known = this.#proposed.get(key);
    check(known !== undefined, `node ${node} is given ${key}, which nobody proposed`);
    const isSame = known !== undefined && equalBytes(known.body, batch.body);
    check(isSame, `node ${node} is given another batch at ${key} than was proposed`);
  }

  /** A node has committed a batch, and its state stands behind it. */
  commits(node: number, { view, firstSeqno, lastSeqno, state, isWhole }: Commit): void {
    const next = this.#next.get(node) ?? 1;
    check(firstSeqno === next, `node ${node} commits ${firstSeqno}, its next one is ${next}`);
    const isAdopted = !this.#next.has(node);
    this.#next.set(node, lastSeqno + 1);
    if (isAdopted) {
      this.#adopts(node, { view, lastSeqno, state });
      return;
    }
    if (firstSeqno > this.#end) {
      const proposed = this.#proposed.get(`${view}.${firstSeqno}`);
      check(proposed !== undefined, `${view}.${firstSeqno} commits, which nobody proposed`);
      if (proposed) {
        this.#append(proposed);
        this.#onNew(proposed, node);
      }
    }
    const batch = this.#batches.get(firstSeqno);
    const isSame = batch?.view === view && batch.lastSeqno === lastSeqno;
    const range = `${view}.${firstSeqno}-${lastSeqno}`;
    check(isSame, `node ${node} commits ${range}, others ${batch?.view}.${firstSeqno}`);
    if (isWhole) checkState(node, { state, batch });
  }

  /** A node that lacked batches is given them by another: they are what committed. */
  installs(node: number, batches: readonly CommittedBody[]): void {
    for (const batch of batches) {
      const known = this.#batches.get(batch.firstSeqno) ?? this.#proposedAs(batch);
      check(
        known !== undefined,
        `node ${node} installs ${batch.firstSeqno}, which nobody proposed`,
      );
      const isSame = known !== undefined && equalBytes(known.body, batch.body);
      check(isSame, `node ${node} installs another batch at ${batch.firstSeqno} than committed`);
      if (batch.firstSeqno > this.#end) this.#append(batch);
    }
  }

  /** A node that held nothing has the whole ledger at once. */
  #adopts(node: number, commit: Pick<Commit, 'view' | 'lastSeqno' | 'state'>): void {
    const { view, lastSeqno, state } = commit;
    const batch = this.#batches.get(this.#firsts.get(lastSeqno) ?? 0);
    const isSame = batch?.view === view;
    check(isSame, `node ${node} begins at ${view}.${lastSeqno}, where no batch ends`);
    checkState(node, { state, batch });
  }

  /**
   * The service is recovered from a ledger that agrees with this one up to `kept`, and holds these
   * batches behind: what else was here is gone. Nodes that come hold nothing.
   */
  recover(
    kept: number,
    batches: readonly { readonly view: View; readonly firstSeqno: Seqno }[],
  ): void {
    const all = [...this.#batches.values()].filter(({ lastSeqno }) => lastSeqno <= kept);
    this.#next.clear();
    this.secrets.rollback(asSeqno(kept));
    if (kept < this.#end) {
      this.#forget();
      for (const batch of all) this.#append(batch);
    }
    for (const { view, firstSeqno } of batches) {
      const batch = this.#proposed.get(`${view}.${firstSeqno}`);
      check(batch !== undefined, `a ledger holds ${view}.${firstSeqno}, which nobody proposed`);
      if (batch) this.#append(batch);
    }
    for (const [key, { firstSeqno }] of this.#proposed) {
      if (firstSeqno > this.#end) this.#proposed.delete(key);
    }
  }

  /** Decrypts and applies an entry; of a signature the state keeps the tree alone. */
  #read(entry: DecodedEntry): void {
    const { id } = entry;
    if (isSignatureEntry(entry)) {
      const rows = [{ key: singletonKey, value: parseSignatureEntry(entry).treeBytes }];
      this.#state.apply({ maps: [{ name: treeMap, rows }] }, id.seqno);
      return;
    }
    const writeSet = openEntry(this.secrets.secretFor(id.seqno), entry);
    this.#onEntry({ id, writeSet });
    this.#state.apply(writeSet, id.seqno);
    this.#noteEndorsement(writeSet);
  }

  #forget(): void {
    this.#state = new ReferenceState();
    this.#endorsements = [];
    this.#end = 0;
    for (const all of [this.#batches, this.#firsts, this.#ids, this.#entries]) all.clear();
  }

  #noteEndorsement({ maps }: WriteSet): void {
    const map = maps.find(({ name }) => name === identityEndorsement.name);
    const value = map?.rows[0]?.value;
    if (!value) return;
    const row = identityEndorsement.decode(value);
    if (row.endorsement_epoch_end === undefined) return;
    this.#endorsements.push(fromBase64(row.endorsement));
  }

  #proposedAs({ view, firstSeqno }: CommittedBody): CommittedBody | undefined {
    return this.#proposed.get(`${view}.${firstSeqno}`);
  }

  #append(batch: CommittedBody): void {
    const { view, firstSeqno, entryCount } = batch;
    check(firstSeqno === this.#end + 1, `${firstSeqno} commits behind ${this.#end}`);
    for (const bytes of entriesOf(batch.body)) {
      const entry = decodeEntry(bytes);
      this.#read(entry);
      this.#end = entry.id.seqno;
      this.#entries.set(entry.id.seqno, toHex(sha256(bytes)));
    }
    for (let seqno = Number(firstSeqno); seqno <= this.#end; seqno++) {
      this.#ids.add(formatTransactionId({ view, seqno: seqno as Seqno }));
    }
    const isCompared = this.#batches.size % digestEvery === 0;
    const digest = isCompared ? this.state.digest() : undefined;
    const lastSeqno = firstSeqno + entryCount - 1;
    this.#batches.set(firstSeqno, { ...batch, lastSeqno, stateDigest: digest });
    this.#firsts.set(lastSeqno, firstSeqno);
  }
}

/** The whole state of a node, where it is compared. */
function checkState(
  node: number,
  { state, batch }: { readonly state: ReadView; readonly batch: LoggedBatch | undefined },
): void {
  if (batch?.stateDigest === undefined) return;
  const isSame = stateDigest(state) === batch.stateDigest;
  check(isSame, `the state of node ${node} is wrong at ${batch.view}.${batch.lastSeqno}`);
}

/** Entries that stand back to back; one that is cut ends them. */
export function entriesOf(body: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < body.length; ) {
    // u32 of the size without the header of 8 bytes stands behind version and flags.
    if (at + 8 > body.length) break;
    const size = new DataView(body.buffer, body.byteOffset + at + 2, 4).getUint32(0, true) + 8;
    if (at + size > body.length) break;
    entries.push(body.subarray(at, at + size));
    at += size;
  }
  return entries;
}

/** A short name of a body, for people. */
export function nameOf(body: Uint8Array): string {
  return toHex(sha256(body)).slice(0, 8);
}

/** The ids of a batch, for people. */
export function rangeOf(batch: {
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly entryCount: number;
}): string {
  return `${batch.view}.${batch.firstSeqno}-${batch.firstSeqno + batch.entryCount - 1}`;
}
