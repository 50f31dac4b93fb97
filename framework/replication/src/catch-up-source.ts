/**
 * Other nodes as somebody reads from them who lacks a part of the ledger. Each is asked in turn.
 * One whose answer does not verify is not asked again by this reader: its host changed the files,
 * or they are of another ledger. One that does not answer, or does not have the part, may have it a
 * moment later.
 */
import { asSeqno, type Clock, LedgerError, type Log, type Seqno } from '@coco/base';
import type { CommittedBody } from '@coco/ledger';
import { replicationError } from './errors.ts';

/** How long nobody may be able to answer. */
const roundsMax = 60;
const roundMs = 1_000;

/** A node that the committed ledger trusts. What it says is checked, as its files are its host's. */
export interface CatchUpSource {
  /** Its id, for the log. */
  readonly name: string;
  /** A part of a committed snapshot's file from a byte on. @throws LedgerError */
  readSnapshotPart(name: string, from: number): Promise<SnapshotPart>;
  /**
   * Whole committed batches, the first of which begins at `from`, up to `to`; at least one.
   * @throws LedgerError
   */
  readBatches(from: Seqno, to: Seqno): Promise<readonly CommittedBody[]>;
}

export interface SnapshotPart {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly size: number;
}

export interface SourcesOptions {
  /** Who is trusted now, other than this node. */
  readonly sources: () => readonly CatchUpSource[];
  readonly clock: Clock;
  readonly log: Log;
  /** Whether nobody waits for an answer any more. */
  readonly isStopped?: () => boolean;
}

export class CatchUpSources {
  readonly #options: SourcesOptions;
  readonly #refused = new Set<string>();
  /** Who answered last: asked first. */
  #preferred: string | undefined;

  constructor(options: SourcesOptions) {
    this.#options = options;
  }

  /** What it served does not hold: it is asked no more. */
  refuse(source: CatchUpSource, cause: LedgerError): void {
    // Two answers of one source may be under way.
    if (this.#refused.has(source.name)) return;
    this.#refused.add(source.name);
    const { code, message } = cause;
    this.#options.log.write('error', 'install.refused', { node: source.name, code, message });
  }

  /**
   * Asks one after another, until one answers with what `read` accepts. What `read` throws as
   * SourceRefused counts against the source, anything else means that it cannot answer now.
   * @throws CatchUpFailed when all were refused, or nobody could answer for a minute
   */
  async ask<Answer>(
    what: string,
    read: (source: CatchUpSource) => Promise<Answer>,
    limits: { readonly roundsMax?: number } = {},
  ): Promise<Answer> {
    let reason = 'no other trusted node is known';
    for (let round = 0; round < (limits.roundsMax ?? roundsMax); round++) {
      if (round > 0) await this.#pause();
      const sources = this.#open();
      if (sources.length === 0 && this.#refused.size > 0) {
        reason = 'what the other nodes served does not verify';
        break;
      }
      for (const source of sources) {
        if (this.#options.isStopped?.() === true) throw failed(what, 'this node stops');
        try {
          const answer = await read(source);
          this.#preferred = source.name;
          return answer;
        } catch (error) {
          if (!(error instanceof LedgerError)) throw error;
          if (error.code === 'SourceRefused') this.refuse(source, error);
          else reason = `${source.name} answers ${error.code}: ${error.message}`;
        }
      }
    }
    throw failed(what, reason);
  }

  /** The next batches, of the form that was asked for. What is in them is still to be shown. */
  async batches(
    from: Seqno,
    to: Seqno,
    limits: { readonly roundsMax?: number } = {},
  ): Promise<AskedBatches> {
    const read = async (source: CatchUpSource): Promise<AskedBatches> => {
      const batches = await checked(source, () => source.readBatches(from, to));
      const last = batches.at(-1);
      const end = last ? last.firstSeqno + last.entryCount - 1 : 0;
      const isInOrder = batches.every(({ firstSeqno }, at) => {
        const before = batches[at - 1];
        return firstSeqno === (before ? before.firstSeqno + before.entryCount : from);
      });
      if (!isInOrder || end < from || end > to) {
        throw refused(source, 'it answers with batches that were not asked for.');
      }
      return { source, batches, next: asSeqno(end + 1) };
    };
    return this.ask(`batches from ${from}`, read, limits);
  }

  #open(): readonly CatchUpSource[] {
    const sources = this.#options.sources().filter(({ name }) => !this.#refused.has(name));
    const preferred = sources.filter(({ name }) => name === this.#preferred);
    return [...preferred, ...sources.filter((source) => !preferred.includes(source))];
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.setTimer(roundMs, resolve);
    });
  }
}

export interface AskedBatches {
  readonly source: CatchUpSource;
  readonly batches: readonly CommittedBody[];
  /** The seqno behind them. */
  readonly next: Seqno;
}

/** Bytes that do not parse are the source's fault; that it does not answer is not. */
export async function checked<Value>(
  source: CatchUpSource,
  read: () => Promise<Value>,
): Promise<Value> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code !== 'InvalidInput') throw cause;
    throw refused(source, cause.message, cause);
  }
}

/** The fault of a source whose answer does not verify. */
export function refused({ name }: CatchUpSource, reason: string, cause?: LedgerError): LedgerError {
  const message = `Node ${name} is asked no more: ${reason}`;
  return replicationError('SourceRefused', message, { node: name }, cause);
}

function failed(what: string, reason: string): LedgerError {
  const message = `This node cannot get ${what}: ${reason}.`;
  return replicationError('CatchUpFailed', message);
}
