/**
 * Snapshots that another node made. The primary alone makes them, because their evidence is a
 * transaction; each node keeps the files, for a recovery of its own and for nodes that join. When
 * evidence commits, this node asks the others for the file: its content must have the digest that
 * the committed evidence states, and its receipt must be the service's. Nothing depends on it: what
 * does not come about is logged, and the next snapshot is another chance.
 *
 * Bounded memory: one part of the file at a time.
 */
import type { CommittedBatch } from '@coco/adapter';
import {
  asSeqno,
  type Clock,
  concatBytes,
  equalBytes,
  fromHex,
  LedgerError,
  type Log,
  parseTransactionId,
  refuse,
  type Seqno,
} from '@coco/base';
import { Sha256 } from '@coco/crypto';
import { serviceInfo, snapshotEvidence } from '@coco/governance';
import type { ReadView } from '@coco/kv';
import {
  formatSnapshotName,
  type ReceivedSnapshot,
  type SnapshotFiles,
  type SnapshotName,
  snapshotEntryBytes,
  verifySnapshot,
} from '@coco/ledger';
import { type CatchUpSource, CatchUpSources, checked, refused } from './catch-up-source.ts';
import type { CommitObserver } from './pipeline-ports.ts';
import { snapshotParts } from './read-snapshot.ts';
import type { KeptSnapshot } from './snapshot-maker.ts';

/** CCF's receipts take some 1 to 4 KB. */
const receiptBytesMax = 64 * 1024;
/** Hashing them takes a millisecond. */
const readBytes = 1024 * 1024;

export interface SnapshotFetcherOptions {
  readonly files: SnapshotFiles;
  /** The service's public key. */
  readonly serviceSpki: Uint8Array;
  /** Whether this node makes snapshots itself now. */
  readonly isPrimary: () => boolean;
  readonly sources: () => readonly CatchUpSource[];
  readonly onKept: (kept: KeptSnapshot) => void;
  readonly clock: Clock;
  readonly log: Log;
}

interface Wanted {
  readonly name: SnapshotName;
  /** SHA-256 of the entry, as the evidence states it. */
  readonly digest: Uint8Array;
}

export class SnapshotFetcher implements CommitObserver {
  readonly #options: SnapshotFetcherOptions;
  /** The newest evidence that was looked at. */
  #seen = 0;
  #wanted: Wanted | undefined;
  #fetching: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: SnapshotFetcherOptions) {
    this.#options = options;
  }

  onCommitted({ state }: Pick<CommittedBatch, 'state'>): void {
    const evidenceSeqno = snapshotEvidence.versionOf(state) ?? asSeqno(0);
    if (evidenceSeqno <= this.#seen) return;
    this.#seen = evidenceSeqno;
    if (this.#options.isPrimary()) return;
    if (evidenceSeqno < firstSeqnoOf(state)) return;
    const { version, hash } = snapshotEvidence.require(state);
    const name = { seqno: asSeqno(version), evidenceSeqno, isCommitted: true };
    this.#wanted = { name, digest: fromHex(hash) };
    this.#fetchIfDue();
  }

  rolledBack(): void {
    // What is fetched is committed.
  }

  /** Resolves when nothing is being fetched. */
  async whenIdle(): Promise<void> {
    while (this.#fetching !== undefined) await this.#fetching;
  }

  /** Nobody is asked any more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#fetching;
  }

  #fetchIfDue(): void {
    const wanted = this.#wanted;
    if (!wanted || this.#fetching || this.#isStopped) return;
    this.#wanted = undefined;
    this.#fetching = this.#fetch(wanted).finally(() => {
      this.#fetching = undefined;
      this.#fetchIfDue();
    });
  }

  async #fetch(wanted: Wanted): Promise<void> {
    const { files, sources, clock, log, onKept } = this.#options;
    const name = formatSnapshotName(wanted.name);
    if (files.has(wanted.name)) {
      // What the node began from: it was verified then, and who is offered it verifies it again.
      onKept({ name, seqno: wanted.name.seqno, digest: await this.#digestOf(name) });
      return;
    }
    const isStopped = (): boolean => this.#isStopped || this.#wanted !== undefined;
    const asked = new CatchUpSources({ sources, clock, log, isStopped });
    try {
      const digest = await asked.ask(`snapshot ${name}`, (source) => this.#take(wanted, source));
      log.write('info', 'snapshot.kept', { name });
      onKept({ name, seqno: wanted.name.seqno, digest });
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      log.write('warning', 'snapshot.missed', { name, code: error.code, reason: error.message });
    }
  }

  async #digestOf(name: string): Promise<Uint8Array> {
    const { files } = this.#options;
    const size = await files.size(name);
    const digest = new Sha256();
    for (let offset = 0; offset < size; offset += readBytes) {
      digest.update(await files.read(name, { offset, length: Math.min(readBytes, size - offset) }));
    }
    return digest.digest();
  }

  /** The digest of the whole file. @throws SourceRefused where it is not the one, DiskFault */
  async #take(wanted: Wanted, source: CatchUpSource): Promise<Uint8Array> {
    const received = await this.#options.files.receive();
    try {
      const digest = await this.#receive(received, wanted, source);
      await received.keep(wanted.name);
      return digest;
    } catch (error) {
      await received.discard();
      throw error;
    }
  }

  async #receive(
    received: ReceivedSnapshot,
    { name, digest }: Wanted,
    source: CatchUpSource,
  ): Promise<Uint8Array> {
    const [whole, entry] = [new Sha256(), new Sha256()];
    const receiptParts: Uint8Array[] = [];
    let entryBytes = 0;
    for await (const { from, bytes, size } of snapshotParts(source, formatSnapshotName(name))) {
      if (from === 0) entryBytes = await checked(source, async () => snapshotEntryBytes(bytes));
      if (size <= entryBytes || size - entryBytes > receiptBytesMax) {
        throw refused(source, 'its snapshot has no receipt, or more than that.');
      }
      const cut = Math.min(Math.max(entryBytes - from, 0), bytes.length);
      whole.update(bytes);
      entry.update(bytes.subarray(0, cut));
      receiptParts.push(bytes.slice(cut));
      await received.append(bytes);
    }
    if (!equalBytes(entry.digest(), digest)) {
      throw refused(source, 'its snapshot is not the one of the evidence.');
    }
    try {
      await this.#verify(concatBytes(...receiptParts), { name, digest });
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      throw refused(source, cause.message, cause);
    }
    return whole.digest();
  }

  async #verify(receipt: Uint8Array, { name, digest }: Wanted): Promise<void> {
    const { seqno, evidenceSeqno } = name;
    const { serviceSpki } = this.#options;
    const { transactionId } = await verifySnapshot({ receipt, digest, seqno }, serviceSpki);
    if (transactionId.seqno === evidenceSeqno) return;
    throw refuse('InvalidInput', 'The receipt of the snapshot is of another transaction.');
  }
}

/** Where the service as it is now begins: what was made before a recovery, its key does not prove. */
function firstSeqnoOf(state: ReadView): Seqno {
  const created = serviceInfo.get(state)?.current_service_create_txid;
  return created === undefined ? asSeqno(0) : parseTransactionId(created).seqno;
}
