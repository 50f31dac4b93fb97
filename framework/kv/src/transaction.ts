/**
 * Reads and writes of one request: it reads the state it began at and its own writes, and changes
 * nothing until the store applies its write set.
 *
 * A synchronous handler runs alone: nobody else writes between `begin` and `apply`. One that waits
 * in between begins with `tracksReads` and asks `isCurrent` before its writes are applied; if not,
 * it runs again (design.md section 3, decision 6).
 */
import { assert, compareBytes, cutCopy, present, type Seqno } from '@coco/base';
import { kvError } from './errors.ts';
import { ensureKey, ensureValue, type StoreLimits } from './limits.ts';
import { compareMapNames } from './map-name.ts';
import type { MapWriter, RangeOptions, Row } from './map-reader.ts';
import type { StateMap, StateScan, StateView } from './state-view.ts';
import { keyText, type OwnWrite, WriteOverlay } from './write-overlay.ts';
import { tooLarge, type WriteSet } from './write-set.ts';

/** A loop that only sets savepoints must end too. */
const savepointsMax = 65_536;

/** A point of a transaction to go back to. It stays usable after a rollback to it. */
export interface Savepoint {
  /** Writes noted for undoing before it. */
  readonly undoCount: number;
  /** Savepoints before it. */
  readonly depth: number;
}

interface UndoStep {
  readonly map: TransactionMap;
  readonly text: string;
  readonly former: OwnWrite | undefined;
}

export class Transaction {
  readonly #view: StateView;
  readonly #limits: StoreLimits;
  readonly #maps = new Map<string, TransactionMap>();
  readonly #allowed: ReadonlySet<string> | undefined;
  /** What the writes since the first savepoint replaced, oldest first. */
  readonly #undo: UndoStep[] = [];
  readonly #savepoints: Savepoint[] = [];
  /**
   * Savepoints made so far. What replaces a write of the same epoch needs no step to undo: no
   * savepoint lies between the two.
   */
  #epoch = 0;
  /** Bytes of the writes, those included that only a rollback would bring back. */
  #byteCount = 0;

  /** Made by Store.begin. */
  constructor(view: StateView, limits: StoreLimits, allowed: ReadonlySet<string> | undefined) {
    this.#view = view;
    this.#limits = limits;
    this.#allowed = allowed;
  }

  /** The state that it reads. */
  get seqno(): Seqno {
    return this.#view.seqno;
  }

  /** @throws InvalidMapName, ForeignMap */
  map(name: string): MapWriter {
    const known = this.#maps.get(name);
    if (known !== undefined) return known;
    if (this.#allowed?.has(name) === false) {
      throw kvError('ForeignMap', 'The transaction may not touch this map.', { name });
    }
    const map = new TransactionMap(this, this.#view.map(name), this.#limits);
    this.#maps.set(name, map);
    return map;
  }

  /** @throws WriteSetTooLarge after 65,536 of them */
  savepoint(): Savepoint {
    const depth = this.#savepoints.length;
    if (depth === savepointsMax) throw tooLarge(this.#limits);
    const savepoint: Savepoint = { undoCount: this.#undo.length, depth };
    this.#savepoints.push(savepoint);
    this.#epoch++;
    return savepoint;
  }

  /**
   * Undoes every write since the savepoint; later savepoints are gone, this one stays.
   * @throws SavepointGone
   */
  rollbackTo(savepoint: Savepoint): void {
    if (this.#savepoints[savepoint.depth] !== savepoint) {
      throw kvError('SavepointGone', 'The transaction has no such savepoint.');
    }
    this.#savepoints.length = savepoint.depth + 1;
    while (this.#undo.length > savepoint.undoCount) {
      const { map, text, former } = present(this.#undo.pop(), 'there is a step to undo');
      const undone = map.overlay.put(text, former);
      this.#byteCount -= writeBytes(undone);
    }
  }

  get hasWrites(): boolean {
    for (const map of this.#maps.values()) if (map.overlay.count > 0) return true;
    return false;
  }

  /** What it wrote, in canonical order. The arrays belong to the transaction: do not change them. */
  writeSet(): WriteSet {
    const written = [...this.#maps.values()].filter((map) => map.overlay.count > 0);
    written.sort((left, right) => compareMapNames(left.name, right.name));
    return { maps: written.map((map) => ({ name: map.name, rows: map.overlay.sorted() })) };
  }

  /**
   * Whether everything that it read would read the same in the store's present state; false also
   * when the state it reads is gone. Only for a transaction begun with `tracksReads`.
   */
  isCurrent(): boolean {
    const reads = this.#view.reads;
    assert(reads !== undefined, 'the transaction tracks its reads');
    return this.#view.isReadable() && reads.isCurrent(this.#view);
  }

  /** Called by its maps only. @throws WriteSetTooLarge */
  write(map: TransactionMap, write: { key: Uint8Array; value: Uint8Array | undefined }): void {
    const text = keyText(write.key);
    const former = map.overlay.get(text);
    const isUndoable = this.#epoch > 0 && former?.epoch !== this.#epoch;
    const own: OwnWrite = { key: write.key, value: write.value, epoch: this.#epoch };
    const byteCount = this.#byteCount + writeBytes(own) - (isUndoable ? 0 : writeBytes(former));
    if (byteCount > this.#limits.transactionBytesMax) throw tooLarge(this.#limits);
    this.#byteCount = byteCount;
    map.overlay.put(text, own);
    if (isUndoable) this.#undo.push({ map, text, former });
  }
}

function writeBytes(write: OwnWrite | undefined): number {
  return write === undefined ? 0 : write.key.length + (write.value?.length ?? 0);
}

class TransactionMap implements MapWriter {
  readonly overlay: WriteOverlay = new WriteOverlay();
  readonly #transaction: Transaction;
  readonly #base: StateMap;
  readonly #limits: StoreLimits;

  constructor(transaction: Transaction, base: StateMap, limits: StoreLimits) {
    this.#transaction = transaction;
    this.#base = base;
    this.#limits = limits;
  }

  get name(): string {
    return this.#base.name;
  }

  get size(): number {
    let size = this.#base.size;
    for (const { key, value } of this.overlay.values()) {
      size += (value === undefined ? 0 : 1) - (this.#base.has(key) ? 1 : 0);
    }
    return size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const own = this.#own(key);
    return own === undefined ? this.#base.get(key) : own.value?.slice();
  }

  has(key: Uint8Array): boolean {
    const own = this.#own(key);
    return own === undefined ? this.#base.has(key) : own.value !== undefined;
  }

  versionOf(key: Uint8Array): Seqno | undefined {
    return this.#base.versionOf(key);
  }

  set(key: Uint8Array, value: Uint8Array): void {
    ensureKey(key, this.#limits);
    ensureValue(value, this.#limits);
    this.#transaction.write(this, { key: cutCopy(key), value: cutCopy(value) });
  }

  delete(key: Uint8Array): void {
    ensureKey(key, this.#limits);
    this.#transaction.write(this, { key: cutCopy(key), value: undefined });
  }

  /** Writes made during the iteration are seen if they lie ahead of the last row. */
  *range(options: RangeOptions = {}): Iterable<Row> {
    const merge = new MergedScan(this.overlay, this.#base.scan(options), options);
    const version = (this.#transaction.seqno + 1) as Seqno;
    for (let left = options.limit ?? Number.POSITIVE_INFINITY; left > 0; left--) {
      const row = merge.next(version);
      if (row === undefined) return;
      yield row;
    }
  }

  #own(key: Uint8Array): OwnWrite | undefined {
    return this.overlay.count === 0 ? undefined : this.overlay.get(keyText(key));
  }
}

/**
 * A range: the rows of the state merged with the transaction's own writes, which hide them. Each
 * step returns the next key after the last one, as state and writes then stand.
 */
class MergedScan {
  readonly #overlay: WriteOverlay;
  readonly #scan: StateScan;
  readonly #isReverse: boolean;
  readonly #options: RangeOptions;
  /** The state's next row, fetched but not returned yet. */
  #pending: Row | undefined;
  #isScanDone = false;
  #lastText: string | undefined;

  constructor(overlay: WriteOverlay, scan: StateScan, options: RangeOptions) {
    this.#overlay = overlay;
    this.#scan = scan;
    this.#options = options;
    this.#isReverse = options.reverse === true;
  }

  next(version: Seqno): Row | undefined {
    for (;;) {
      const row = this.#stateRow();
      const write = this.#ownWrite();
      const order = row === undefined ? 1 : write === undefined ? -1 : this.#order(row, write);
      if (row !== undefined && order < 0) return this.#take(row);
      if (write === undefined) return undefined;
      if (order === 0) this.#pending = undefined;
      this.#lastText = keyText(write.key);
      if (write.value === undefined) continue;
      return { key: write.key.slice(), value: write.value.slice(), version };
    }
  }

  #order(row: Row, write: OwnWrite): number {
    const order = compareBytes(row.key, write.key);
    return this.#isReverse ? -order : order;
  }

  #take(row: Row): Row {
    this.#pending = undefined;
    this.#lastText = keyText(row.key);
    return row;
  }

  #stateRow(): Row | undefined {
    if (this.#pending === undefined && !this.#isScanDone) {
      this.#pending = this.#scan.next();
      this.#isScanDone = this.#pending === undefined;
    }
    return this.#pending;
  }

  #ownWrite(): OwnWrite | undefined {
    if (this.#overlay.count === 0) return undefined;
    const { from, to } = this.#options;
    const fromText = from === undefined ? '' : keyText(from);
    const toText = to === undefined ? undefined : keyText(to);
    const text = this.#isReverse
      ? this.#overlay.before(this.#lastText ?? toText)
      : this.#overlay.after(this.#lastText ?? fromText, this.#lastText === undefined);
    if (text === undefined || text < fromText) return undefined;
    return toText !== undefined && text >= toText ? undefined : this.#overlay.get(text);
  }
}
