/**
 * The one ledger: every batch that any node has heard to be committed, in order. All nodes must
 * agree with it byte for byte, and with the state that it leads to.
 */
import { equalBytes, formatTransactionId, type Seqno, toHex, type View } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { ReadView } from '@coco/kv';
import {
  type CommittedBody,
  entryId,
  type LedgerSecrets,
  type OpenedEntry,
  openBatch,
  singletonKey,
  treeMap,
} from '@coco/ledger';
import { check } from './errors.ts';
import { ReferenceState, stateDigest } from './reference-state.ts';

/** A state is compared at one commit of so many, on every node at the same ones. */
const digestEvery = 3;

export interface Commit {
  readonly view: View;
  readonly firstSeqno: Seqno;
  readonly lastSeqno: Seqno;
  readonly state: ReadView;
}

interface LoggedBatch extends CommittedBody {
  readonly lastSeqno: number;
  /** Of the state after it, where it is compared. */
  readonly stateDigest: string | undefined;
}

export class CommittedLog {
  readonly state: ReferenceState = new ReferenceState();
  readonly secrets: LedgerSecrets;
  readonly #onEntry: (entry: OpenedEntry) => void;
  readonly #onNew: (batch: CommittedBody) => void;
  /** Batches as they were proposed, by view and first seqno. */
  readonly #proposed = new Map<string, CommittedBody>();
  readonly #batches = new Map<number, LoggedBatch>();
  /** Where each node's next commit begins. */
  readonly #next = new Map<number, number>();
  /** Ids of all committed entries. */
  readonly #ids = new Set<string>();
  /** Digests of all committed entries by seqno. */
  readonly #entries = new Map<number, string>();
  #end = 0;

  constructor(parts: {
    readonly secrets: LedgerSecrets;
    /** Before an entry is applied; a rekey adds its secret. */
    readonly onEntry: (entry: OpenedEntry) => void;
    /** A batch is heard to be committed for the first time. */
    readonly onNew: (batch: CommittedBody) => void;
  }) {
    this.secrets = parts.secrets;
    this.#onEntry = parts.onEntry;
    this.#onNew = parts.onNew;
  }

  get batchCount(): number {
    return this.#batches.size;
  }

  /** The last committed seqno. */
  get end(): number {
    return this.#end;
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
  commits(node: number, { view, firstSeqno, lastSeqno, state }: Commit): void {
    const next = this.#next.get(node);
    check(firstSeqno === next, `node ${node} commits ${firstSeqno}, its next one is ${next}`);
    this.#next.set(node, lastSeqno + 1);
    if (firstSeqno > this.#end) {
      const proposed = this.#proposed.get(`${view}.${firstSeqno}`);
      check(proposed !== undefined, `${view}.${firstSeqno} commits, which nobody proposed`);
      if (proposed) {
        this.#append(proposed);
        this.#onNew(proposed);
      }
    }
    const batch = this.#batches.get(firstSeqno);
    const isSame = batch?.view === view && batch.lastSeqno === lastSeqno;
    const range = `${view}.${firstSeqno}-${lastSeqno}`;
    check(isSame, `node ${node} commits ${range}, others ${batch?.view}.${firstSeqno}`);
    if (batch?.stateDigest === undefined) return;
    check(
      stateDigest(state) === batch.stateDigest,
      `the state of node ${node} is wrong at ${range}`,
    );
  }

  #append(batch: CommittedBody): void {
    const { view, firstSeqno, entryCount } = batch;
    check(firstSeqno === this.#end + 1, `${firstSeqno} commits behind ${this.#end}`);
    const { signature } = openBatch(batch, this.secrets, (entry) => {
      this.#onEntry(entry);
      this.state.apply(entry.writeSet, entry.id.seqno);
    });
    const rows = [{ key: singletonKey, value: signature.treeBytes }];
    this.state.apply({ maps: [{ name: treeMap, rows }] }, signature.id.seqno);
    this.#end = signature.id.seqno;
    for (const bytes of entriesOf(batch.body)) {
      this.#entries.set(entryId(bytes).seqno, toHex(sha256(bytes)));
    }
    for (let seqno = Number(firstSeqno); seqno <= this.#end; seqno++) {
      this.#ids.add(formatTransactionId({ view, seqno: seqno as Seqno }));
    }
    const isCompared = this.#batches.size % digestEvery === 0;
    const digest = isCompared ? this.state.digest() : undefined;
    const lastSeqno = firstSeqno + entryCount - 1;
    this.#batches.set(firstSeqno, { ...batch, lastSeqno, stateDigest: digest });
  }
}

/** Entries that stand back to back. */
function entriesOf(body: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < body.length; ) {
    // u32 of the size without the header of 8 bytes stands behind version and flags.
    const size = new DataView(body.buffer, body.byteOffset + at + 2, 4).getUint32(0, true) + 8;
    entries.push(body.subarray(at, at + size));
    at += size;
  }
  return entries;
}

/** A short name of a body, for people. */
export function nameOf(body: Uint8Array): string {
  return toHex(sha256(body)).slice(0, 8);
}
