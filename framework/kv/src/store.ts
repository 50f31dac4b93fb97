/**
 * The transactional store: maps of bytes, one writer, states that stay readable.
 *
 * The caller applies write sets in order of seqno, seals at each batch's end, and tells what is
 * committed. `apply` is all or nothing: everything that can refuse is checked before the first
 * change. Memory of superseded records is reclaimed a bounded number of steps at a time.
 */
import { assert, BugError, type Seqno } from '@coco/base';
import { kvError } from './errors.ts';
import { type StoreLimits, storeLimits } from './limits.ts';
import type { ReadView, Row } from './map-reader.ts';
import { MapCatalog, type MapTable } from './map-table.ts';
import { ReadSet } from './read-set.ts';
import { RecordHeap } from './record-heap.ts';
import { SlabMemory } from './slab-memory.ts';
import { StateHistory } from './state-history.ts';
import { StateView, type StoreParts } from './state-view.ts';
import { Transaction } from './transaction.ts';
import { innerBytes, leafBytes } from './tree-page.ts';
import { ensureWriteSet, type WriteSet } from './write-set.ts';

/** Steps of reclamation that each written row pays for; one row causes at most three. */
const stepsPerRow = 4;
/** Steps that any change of the store does beside: about 1 ms. */
const stepsPerChange = 2048;
/** Pages that one new key may split off: a leaf, and in the long run less than one inner page. */
const pageBytesPerRow = leafBytes + innerBytes;
/** Pages for the root's growth. */
const pageBytesPerMap = 2 * innerBytes;

export interface BeginOptions {
  /** The transaction can touch no other maps. */
  readonly maps?: ReadonlySet<string> | undefined;
  /** The state to read; the present one by default. A sealed one stays readable for longest. */
  readonly at?: Seqno | undefined;
  /** Notes what is read, for Transaction.isCurrent. */
  readonly tracksReads?: boolean | undefined;
}

/** A state that stays readable. */
export interface HeldState {
  readonly state: ReadView;
  /** Twice does no harm. */
  release(): void;
}

export interface StoreStats {
  /** Keys present now, in all maps. */
  readonly keyCount: number;
  readonly mapCount: number;
  /** Blocks and large values in use: newest and superseded records, and the index. */
  readonly liveBytes: number;
  /** What is allocated for them, spare chunks included. */
  readonly reservedBytes: number;
  /** Sealed states that are readable. */
  readonly sealedStateCount: number;
  /** Records written above commit or not settled yet, and superseded ones due for release. */
  readonly backlogCount: number;
}

export class Store {
  readonly #limits: StoreLimits;
  readonly #memory: SlabMemory;
  readonly #records: RecordHeap;
  readonly #catalog: MapCatalog;
  readonly #history: StateHistory;
  readonly #parts: StoreParts;
  /** Maps whose size may have changed since the last seal. */
  readonly #changed = new Set<MapTable>();
  #seqno = 0 as Seqno;
  /** The youngest restored row. */
  #restoredMax = 0;

  constructor(options: Partial<StoreLimits> = {}) {
    this.#limits = storeLimits(options);
    this.#memory = new SlabMemory(this.#limits.storeBytesMax);
    this.#records = new RecordHeap(this.#memory);
    this.#catalog = new MapCatalog(this.#memory, this.#records);
    this.#history = new StateHistory(this.#records, this.#catalog, this.#limits.statesMax);
    this.#parts = {
      catalog: this.#catalog,
      records: this.#records,
      history: this.#history,
      limits: this.#limits,
    };
  }

  /** The last seqno applied or skipped; 0 at first. */
  get seqno(): Seqno {
    return this.#seqno;
  }

  /** The seqno below which nothing is rolled back; 0 at first. */
  get committed(): Seqno {
    return this.#history.committed;
  }

  get limits(): StoreLimits {
    return this.#limits;
  }

  /**
   * A transaction on the present state or, with `at`, on one that readAt would give.
   * @throws StateForgotten
   */
  begin(options: BeginOptions = {}): Transaction {
    const { at = this.#seqno, tracksReads = false, maps } = options;
    const reads = tracksReads ? new ReadSet(this.#limits) : undefined;
    return new Transaction(this.#viewAt(at, reads), this.#limits, maps);
  }

  /**
   * Writes all rows as the entry with this seqno, which must be the next.
   * @throws InvalidWriteSet, InvalidMapName, KeyTooLarge, ValueTooLarge, WriteSetTooLarge,
   * TooManyMaps, StoreFull; then nothing has changed
   */
  apply(writeSet: WriteSet, seqno: Seqno = (this.#seqno + 1) as Seqno): void {
    assert(seqno === this.#seqno + 1, 'write sets are applied in order of seqno');
    ensureWriteSet(writeSet, this.#limits);
    this.#ensureMaps(writeSet);
    this.#ensureMemory(writeSet);
    this.#write(writeSet, seqno);
    this.#seqno = seqno;
    this.#history.reclaim(rowCountOf(writeSet) * stepsPerRow);
  }

  /** Advances to a greater seqno: entries without writes stand between. */
  skip(seqno: Seqno): void {
    assert(seqno > this.#seqno, 'seqnos ascend');
    this.#seqno = seqno;
  }

  /** Keeps the present state readable; called at each batch's end. Twice does no harm. */
  seal(): void {
    this.#history.seal(this.#seqno);
    for (const table of this.#changed) {
      if (!table.isDropped) table.recordSize(this.#seqno, this.#history.oldest);
    }
    this.#changed.clear();
    this.#history.reclaim(stepsPerChange);
  }

  /**
   * A state to read while the store goes on: sealed and not forgotten, or from commit up to the
   * present. The view refuses with StateForgotten once its state is gone.
   * @throws StateForgotten
   */
  readAt(seqno: Seqno): ReadView {
    return this.#viewAt(seqno, undefined);
  }

  /**
   * Like readAt of a sealed and committed state, which stays readable until `release`: for who
   * reads all of it. A store that would refuse a write for want of memory releases it first.
   * @throws StateForgotten
   */
  hold(seqno: Seqno): HeldState {
    const state = this.readAt(seqno);
    this.#history.hold(seqno);
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.#history.release(seqno);
      isHeld = false;
    };
    return { state, release };
  }

  #viewAt(seqno: Seqno, reads: ReadSet | undefined): StateView {
    if (seqno > this.#seqno) {
      throw kvError('StateForgotten', 'The store has not reached this seqno.', { seqno });
    }
    const view = new StateView(this.#parts, seqno, reads);
    view.ensureReadable();
    return view;
  }

  /** Goes back to any seqno from commit up; takes time in proportion to the rows undone. */
  rollback(to: Seqno): void {
    assert(to >= this.#history.committed, 'what is committed is not rolled back');
    assert(to <= this.#seqno, 'a rollback goes back');
    this.#history.rollback(to);
    this.#changed.clear();
    for (const table of this.#catalog.tables()) {
      table.forgetSizesAfter(to);
      this.#changed.add(table);
    }
    this.#seqno = to;
  }

  /** No rollback below `seqno` any more; of sealed states up to it the last `statesMax` are kept. */
  commit(seqno: Seqno): void {
    assert(seqno >= this.#history.committed, 'commit goes forward');
    assert(seqno <= this.#seqno, 'what is committed was applied');
    this.#history.commit(seqno);
    this.#history.reclaim(stepsPerChange);
  }

  /**
   * Fills an empty store with rows of a snapshot, which keep their versions; then call
   * `finishRestore`. A map's rows may come in several calls, ascending in each. After a refusal the
   * store is of no use.
   * @throws InvalidWriteSet, InvalidMapName, KeyTooLarge, ValueTooLarge, WriteSetTooLarge,
   * TooManyMaps, StoreFull
   */
  restoreRows(name: string, rows: readonly Row[]): void {
    assert(this.#seqno === 0, 'only a store that nothing was applied to is restored');
    const writeSet: WriteSet = { maps: [{ name, rows }] };
    ensureWriteSet(writeSet, this.#limits);
    this.#ensureMaps(writeSet);
    this.#ensureMemory(writeSet);
    const table = this.#catalog.tableOrNew(name);
    for (const { key, value, version } of rows) {
      const record = table.write(key, value, version);
      if (this.#records.previous(record) !== 0) {
        throw kvError('InvalidWriteSet', 'A restored key comes once.', { rowCount: rows.length });
      }
      this.#restoredMax = Math.max(this.#restoredMax, version);
    }
    this.#changed.add(table);
  }

  /**
   * What was restored becomes the committed and sealed state at `seqno`.
   * @throws InvalidWriteSet when a row is younger than that
   */
  finishRestore(seqno: Seqno): void {
    assert(this.#seqno === 0, 'only a store that nothing was applied to is restored');
    if (this.#restoredMax > seqno) {
      throw kvError('InvalidWriteSet', 'A restored row is younger than the snapshot.', { seqno });
    }
    this.#seqno = seqno;
    this.#history.commit(seqno);
    this.seal();
  }

  /**
   * Another number of committed sealed states that stay readable, at least 1: fewer while memory is
   * short, since a superseded record goes when no state shows it.
   */
  keepStates(statesMax: number): void {
    assert(Number.isSafeInteger(statesMax) && statesMax >= 1, 'one state is always readable');
    this.#history.keep(statesMax);
  }

  /**
   * Reclaims memory for at most `stepsMax` records; returns whether more is due. Other calls do
   * enough of it: this is for idle time.
   */
  reclaim(stepsMax: number): boolean {
    return this.#history.reclaim(stepsMax);
  }

  stats(): StoreStats {
    let keyCount = 0;
    for (const table of this.#catalog.tables()) keyCount += table.size;
    return {
      keyCount,
      mapCount: this.#catalog.size,
      liveBytes: this.#memory.liveBytes + this.#records.largeBytes,
      reservedBytes: this.#memory.reservedBytes + this.#records.largeBytes,
      sealedStateCount: this.#history.sealedCount,
      backlogCount: this.#history.backlog,
    };
  }

  #write(writeSet: WriteSet, seqno: Seqno): void {
    try {
      for (const { name, rows } of writeSet.maps) {
        const table = this.#catalog.tableOrNew(name);
        for (const { key, value } of rows) {
          const record = table.write(key, value, seqno);
          if (record !== 0) this.#history.noteWrite(record);
        }
        this.#changed.add(table);
        this.#catalog.dropIfEmpty(table);
      }
    } catch (cause) {
      // The host gave less memory than the limit: half of the rows are written.
      const error = new BugError('a write set is applied as a whole');
      error.cause = cause;
      throw error;
    }
  }

  #ensureMaps(writeSet: WriteSet): void {
    let mapCount = this.#catalog.size;
    for (const { name } of writeSet.maps) if (this.#catalog.table(name) === undefined) mapCount++;
    if (mapCount > this.#limits.mapsMax) {
      throw kvError('TooManyMaps', `A store has at most ${this.#limits.mapsMax} maps.`);
    }
  }

  #ensureMemory(writeSet: WriteSet): void {
    const needed = bytesNeeded(writeSet);
    if (this.#hasRoom(needed)) return;
    // What is due for release may make the room: rather a pause than a refusal.
    while (this.#history.reclaim(stepsPerChange));
    if (this.#hasRoom(needed)) return;
    if (this.#history.releaseAll()) {
      this.#history.commit(this.#history.committed);
      while (this.#history.reclaim(stepsPerChange));
      if (this.#hasRoom(needed)) return;
    }
    throw kvError('StoreFull', `The store is limited to ${this.#limits.storeBytesMax} bytes.`, {
      liveBytes: this.#memory.liveBytes + this.#records.largeBytes,
    });
  }

  #hasRoom(needed: number): boolean {
    const used = this.#memory.reservedBytes - this.#memory.spareBytes + this.#records.largeBytes;
    return used + needed <= this.#limits.storeBytesMax;
  }
}

function rowCountOf(writeSet: WriteSet): number {
  let rowCount = 0;
  for (const { rows } of writeSet.maps) rowCount += rows.length;
  return rowCount;
}

/** An upper bound of the memory that applying the write set can take. */
function bytesNeeded(writeSet: WriteSet): number {
  let blockBytes = 0;
  let largeBytes = 0;
  for (const { rows } of writeSet.maps) {
    blockBytes += pageBytesPerMap;
    for (const { key, value } of rows) {
      const valueLength = value?.length ?? 0;
      // A new key may also become a separator.
      blockBytes += RecordHeap.blockBytes(key.length, valueLength) + pageBytesPerRow;
      blockBytes += RecordHeap.blockBytes(key.length, 0);
      largeBytes += RecordHeap.largeValueBytes(valueLength);
    }
  }
  // Each row takes a record, pages and a separator: blocks of up to four classes.
  return SlabMemory.reserveFor(blockBytes, rowCountOf(writeSet) * 4) + largeBytes;
}
