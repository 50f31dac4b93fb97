/**
 * Reads and writes of one request: it reads the state it began at and its own writes, and changes
 * nothing until the store applies its write set. Single-threaded: between `begin` and `apply` of a
 * synchronous handler nobody else writes.
 */
import { compareBytes, present, type Seqno } from '@coco/base';
import { kvError } from './errors.ts';
import { ensureKey, ensureValue, type StoreLimits } from './limits.ts';
import { compareMapNames } from './map-name.ts';
import type { MapWriter, RangeOptions, Row } from './map-reader.ts';
import type { StateMap, StateScan, StateView } from './state-view.ts';
import { keyText, type OwnWrite, WriteOverlay } from './write-overlay.ts';
import { tooLarge, type WriteSet } from './write-set.ts';

/** A point of a transaction to go back to. It stays usable after a rollback to it. */
export interface Savepoint {
  readonly position: number;
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
  /** Kept from the first savepoint on: what each write replaced, oldest first. */
  readonly #undo: UndoStep[] = [];
  #savepoints: Savepoint[] = [];
  #byteCount = 0;

  readonly #allowed: ReadonlySet<string> | undefined;

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

  savepoint(): Savepoint {
    const savepoint: Savepoint = { position: this.#undo.length };
    this.#savepoints.push(savepoint);
    return savepoint;
  }

  /**
   * Undoes every write since the savepoint; later savepoints are gone, this one stays.
   * @throws SavepointGone
   */
  rollbackTo(savepoint: Savepoint): void {
    const depth = this.#savepoints.indexOf(savepoint);
    if (depth < 0) throw kvError('SavepointGone', 'The transaction has no such savepoint.');
    this.#savepoints = this.#savepoints.slice(0, depth + 1);
    while (this.#undo.length > savepoint.position) {
      const { map, text, former } = present(this.#undo.pop(), 'there is a step to undo');
      this.#byteCount += writeBytes(former) - writeBytes(map.overlay.get(text));
      map.overlay.put(text, former);
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

  /** Called by its maps only. @throws TransactionTooLarge */
  write(map: TransactionMap, write: OwnWrite): void {
    const text = keyText(write.key);
    const former = map.overlay.get(text);
    const byteCount = this.#byteCount + writeBytes(write) - writeBytes(former);
    if (byteCount > this.#limits.transactionBytesMax) throw tooLarge(this.#limits);
    this.#byteCount = byteCount;
    map.overlay.put(text, write);
    if (this.#savepoints.length > 0) this.#undo.push({ map, text, former });
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
    this.#transaction.write(this, { key: key.slice(), value: value.slice() });
  }

  delete(key: Uint8Array): void {
    ensureKey(key, this.#limits);
    this.#transaction.write(this, { key: key.slice(), value: undefined });
  }

  /**
   * Each step returns the next key after the last one as the transaction then stands: writes made
   * during the iteration are seen if they lie ahead of it.
   */
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

/** Merges a scan of the state with the transaction's own writes, which hide the state's rows. */
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
