/**
 * Measures the store at a million keys in the shape of Ethereum's storage (52-byte keys that share
 * a 20-byte prefix, 32-byte values): time per get, put and transaction of five writes, bytes per
 * key over its own size, longest pause. First it checks that what it reads is right.
 *
 * `node framework/kv/bench/kv.bench.ts [--json] [--keys=1000000]`; ends with 1 over a budget.
 * The collector is called to measure memory, by a flag that the bench sets itself.
 */
import {
  constants,
  type NodeGCPerformanceDetail,
  type PerformanceEntry,
  PerformanceObserver,
} from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { asSeqno, assert, equalBytes, type Seqno } from '@coco/base';
import { Store, type WriteSet } from '../src/index.ts';

const keyBytes = 52;
const prefixBytes = 20;
const valueBytes = 32;
const mapName = 'ethereum.storage';
/** The bar. */
const overheadBytesMax = 150;
const pauseMsMax = 20;
/** Entries of a batch: then the store is sealed, and the batch before the last is committed. */
const batchEntries = 200;

const readCount = 1_000_000;

const isJson = process.argv.includes('--json');
const keyCount = Number(
  process.argv.find((word) => word.startsWith('--keys='))?.slice('--keys='.length) ?? 1_000_000,
);

const garbageCollections = { longestMs: 0, count: 0 };
/** What Node's types leave out. */
interface CollectionEntry extends PerformanceEntry {
  readonly detail: NodeGCPerformanceDetail;
}

const observer = new PerformanceObserver((list) => noteCollections(list.getEntries()));
observer.observe({ entryTypes: ['gc'] });

function noteCollections(entries: readonly PerformanceEntry[]): void {
  for (const { duration, detail } of entries as readonly CollectionEntry[]) {
    const { flags = 0 } = detail;
    // Those that measuring memory forces do not come in service.
    if ((flags & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) !== 0) continue;
    garbageCollections.count++;
    garbageCollections.longestMs = Math.max(garbageCollections.longestMs, duration);
  }
}

/** A 32-bit mix (Murmur3's finaliser): keys in no order, each number its own key. */
function mix(number: number): number {
  let mixed = number | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** The key of a number, written into `key`; its first bytes stay zero in all keys. */
function writeKey(key: Uint8Array, number: number): Uint8Array {
  let word = mix(number + 1);
  for (let at = prefixBytes; at < keyBytes; at += 4) {
    key[at] = word >>> 24;
    key[at + 1] = word >>> 16;
    key[at + 2] = word >>> 8;
    key[at + 3] = word;
    word = mix(word + at);
  }
  return key;
}

function valueFor(number: number, round: number): Uint8Array {
  const value = new Uint8Array(valueBytes);
  new DataView(value.buffer).setUint32(0, number);
  new DataView(value.buffer).setUint32(4, round);
  return value;
}

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly max?: number;
}

const figures: Figure[] = [];

function report(figure: Figure): void {
  figures.push(figure);
  const { name, value, unit, max } = figure;
  if (isJson) console.log(JSON.stringify({ bench: 'kv', keyCount, ...figure }));
  else {
    const bar = max === undefined ? '' : `  (at most ${max})`;
    console.log(
      `${name.padEnd(44)} ${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit}${bar}`,
    );
  }
}

/** CPU time of this thread: the machine may be shared, and others' work is no pause of ours. */
function cpuUs(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** The kernel accounts CPU time in ticks: what one step is charged may be one tick short. */
const tickMs = 4;
const sampleEvery = 64;

/**
 * Runs `step` so many times and reports the mean CPU time and the longest single step: the clock's
 * time of it, or the CPU time and a tick where that is less, since then others held the CPU.
 */
function measure(name: string, count: number, step: (index: number) => void): void {
  const beginUs = cpuUs();
  let sampleUs = beginUs;
  let longestMs = 0;
  let longestByClockMs = 0;
  for (let index = 0; index < count; index++) {
    if (index % sampleEvery === 0) sampleUs = cpuUs();
    const startMs = performance.now();
    step(index);
    const tookMs = performance.now() - startMs;
    if (tookMs <= longestMs) continue;
    longestByClockMs = Math.max(longestByClockMs, tookMs);
    longestMs = Math.max(longestMs, Math.min(tookMs, (cpuUs() - sampleUs) / 1000 + tickMs));
  }
  report({ name, value: ((cpuUs() - beginUs) / count) * 1000, unit: 'ns' });
  report({ name: `${name}, longest`, value: longestMs, unit: 'ms', max: pauseMsMax });
  report({ name: `${name}, longest by the clock`, value: longestByClockMs, unit: 'ms' });
}

/** Mean CPU time of a step, without a clock in the loop. */
function loopNs(count: number, step: (index: number) => unknown): number {
  const startUs = cpuUs();
  for (let index = 0; index < count; index++) step(index);
  return ((cpuUs() - startUs) / count) * 1000;
}

const store = new Store();
const roundOf = new Uint8Array(keyCount);
let commitNext: Seqno | undefined;

/** What the node does between batches. */
function endBatch(): void {
  store.seal();
  if (commitNext !== undefined) store.commit(commitNext);
  commitNext = store.seqno;
}

function oneRow(number: number, round: number): WriteSet {
  roundOf[number] = round;
  const key = writeKey(new Uint8Array(keyBytes), number);
  return { maps: [{ name: mapName, rows: [{ key, value: valueFor(number, round) }] }] };
}

/** V8's collector, also where the process was started without its flag. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

function memoryBytes(): number {
  const collect = collector();
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function checkAll(): void {
  const reader = store.readAt(store.seqno).map(mapName);
  const key = new Uint8Array(keyBytes);
  assert(reader.size === keyCount, 'every key is there');
  for (let number = 0; number < keyCount; number++) {
    const value = reader.get(writeKey(key, number));
    const expected = valueFor(number, roundOf[number] as number);
    assert(value !== undefined && equalBytes(value, expected), 'every key has its last value');
  }
  let count = 0;
  let previous: Uint8Array | undefined;
  for (const row of reader.range()) {
    assert(previous === undefined || Buffer.compare(previous, row.key) < 0, 'a range ascends');
    previous = row.key;
    count++;
  }
  assert(count === keyCount, 'a range returns every key');
}

function fill(): void {
  const beforeBytes = memoryBytes();
  measure('put of a new key (one entry each)', keyCount, (number) => {
    store.apply(oneRow(number, 0));
    if (number % batchEntries === 0) endBatch();
  });
  endBatch();
  endBatch();
  const overhead = (memoryBytes() - beforeBytes) / keyCount - keyBytes - valueBytes;
  report({
    name: 'bytes per key over its size',
    value: overhead,
    unit: 'B',
    max: overheadBytesMax,
  });
}

function measureReads(): void {
  const reader = store.readAt(store.seqno).map(mapName);
  const map = store.begin().map(mapName);
  const key = new Uint8Array(keyBytes);
  const anyKey = (index: number): Uint8Array => writeKey(key, (mix(index) >>> 0) % keyCount);
  /** The loop's own time, that of making keys, is taken off. */
  const read = (name: string, keyOf: typeof anyKey, step: (key: Uint8Array) => unknown): void => {
    const ownNs = loopNs(readCount, keyOf);
    const value = loopNs(readCount, (index) => step(keyOf(index))) - ownNs;
    report({ name, value, unit: 'ns' });
  };
  read('get of a random key', anyKey, (each) => reader.get(each));
  read('get of a random key in a transaction', anyKey, (each) => map.get(each));
  read('has of a random key', anyKey, (each) => reader.has(each));
  const absentKey = (index: number): Uint8Array => writeKey(key, keyCount + index);
  read('get of an absent key', absentKey, (each) => reader.get(each));
  const startUs = cpuUs();
  for (const row of reader.range()) assert(row.value.length === valueBytes, 'values are whole');
  report({ name: 'row of a range', value: ((cpuUs() - startUs) / keyCount) * 1000, unit: 'ns' });
  measure('page of 100 rows from a random key', 10_000, (index) => {
    const page = [...reader.range({ from: anyKey(index), limit: 100 })];
    assert(page.length > 0, 'a page has rows');
  });
}

function measureWrites(): void {
  measure('put of a random key (one entry each)', keyCount / 2, (index) => {
    store.apply(oneRow((mix(index) >>> 0) % keyCount, 1));
    if (index % batchEntries === 0) endBatch();
  });
  measure('transaction of 5 writes', keyCount / 5, (index) => {
    const transaction = store.begin();
    const map = transaction.map(mapName);
    const key = new Uint8Array(keyBytes);
    for (let write = 0; write < 5; write++) {
      const number = (mix(index * 5 + write) >>> 0) % keyCount;
      roundOf[number] = 2;
      map.set(writeKey(key, number), valueFor(number, 2));
    }
    store.apply(transaction.writeSet());
    if (index % batchEntries === 0) endBatch();
  });
}

function measureHistory(): void {
  endBatch();
  endBatch();
  const before = store.seqno;
  for (let index = 0; index < batchEntries; index++) {
    store.apply(oneRow((mix(index) >>> 0) % keyCount, roundOf[(mix(index) >>> 0) % keyCount] ?? 0));
  }
  measure('rollback of 200 entries', 1, () => store.rollback(asSeqno(before)));
  checkAll();
  const bytes = store.stats().liveBytes / keyCount;
  report({ name: 'live bytes per key, last 128 states kept', value: bytes, unit: 'B' });
}

function judge(): void {
  assert(garbageCollections.count > 0, 'the observer sees collections');
  // No budget: it is part of the longest step that it fell into.
  report({
    name: 'longest garbage collection by the clock',
    value: garbageCollections.longestMs,
    unit: 'ms',
  });
  observer.disconnect();
  const over = figures.filter(({ value, max }) => max !== undefined && value > max);
  for (const { name } of over) console.error(`over its budget: ${name}`);
  process.exitCode = over.length > 0 ? 1 : 0;
}

for (const phase of [fill, checkAll, measureReads, measureWrites, measureHistory, judge]) {
  phase();
  // The observer of collections is called between phases.
  await new Promise((resolve) => setImmediate(resolve));
}
