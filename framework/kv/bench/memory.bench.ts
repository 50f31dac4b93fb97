/**
 * Measures what a key costs in memory, at 10 thousand, 100 thousand and 1 million keys: small rows,
 * Ethereum's accounts and its storage slots, when just written and after each was overwritten once
 * in no order. Then fills a store as far as a node does before it refuses writes: how many keys
 * that are, and that half of them deleted make room for others. Every key is read back before a
 * figure is printed.
 *
 * `npm run bench -- memory [--json] [--keys=10000,100000,1000000] [--limit=256]` (limit in MiB; a
 * node's is 4096); ends with 1 over a budget. It sets the flag for V8's collector itself.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { assert, equalBytes, present, type Seqno } from '@coco/base';
import { Store } from '../src/index.ts';

interface Shape {
  readonly name: string;
  readonly keyBytes: number;
  /** Bytes at the beginning that all keys share. */
  readonly prefixBytes: number;
  readonly valueBytes: number;
}

const shapes: readonly Shape[] = [
  { name: 'small row', keyBytes: 16, prefixBytes: 4, valueBytes: 16 },
  { name: 'Ethereum account', keyBytes: 20, prefixBytes: 0, valueBytes: 16 },
  { name: 'Ethereum storage slot', keyBytes: 52, prefixBytes: 20, valueBytes: 32 },
];
const slot = present(shapes[2], 'there are three shapes');

/** The bar. */
const overheadBytesMax = 150;
/** Entries of a batch: then the store is sealed, and the batch before the last is committed. */
const batchEntries = 200;
const mebibyte = 2 ** 20;
const nodeLimitMib = 4096;
const shortShare = 0.9;

const option = (name: string): string | undefined =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
const isJson = process.argv.includes('--json');
const keyCounts = (option('keys') ?? '10000,100000,1000000').split(',').map(Number);
const limitMib = Number(option('limit') ?? 256);

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Heap and buffers of this process, without garbage. */
function memoryBytes(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function show(name: string, figures: Readonly<Record<string, number>>): void {
  if (isJson) {
    console.log(JSON.stringify({ bench: 'memory', name, ...figures }));
    return;
  }
  const parts = Object.entries(figures).map(([column, value]) => `${column} ${value}`);
  console.log(`${name.padEnd(44)} ${parts.join(', ')}`);
}

/** A 32-bit mix (Murmur3's finaliser): keys in no order, each number its own key. */
function mix(number: number): number {
  let mixed = number | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

class Filled {
  readonly store: Store;
  readonly #shape: Shape;
  #writes = 0;
  #before: Seqno | undefined;

  constructor(shape: Shape, store: Store = new Store()) {
    this.#shape = shape;
    this.store = store;
  }

  key(number: number): Uint8Array {
    const { keyBytes, prefixBytes } = this.#shape;
    const key = new Uint8Array(keyBytes);
    let word = mix(number + 1);
    for (let at = prefixBytes; at < keyBytes; at += 4) {
      new DataView(key.buffer).setUint32(at, word >>> 0);
      word = mix(word + at);
    }
    return key;
  }

  value(number: number, round: number): Uint8Array {
    const value = new Uint8Array(this.#shape.valueBytes);
    const view = new DataView(value.buffer);
    view.setUint32(0, number);
    view.setUint32(4, round);
    return value;
  }

  /** One entry; a batch ends where it is due. */
  put(number: number, value: Uint8Array | undefined): void {
    this.store.apply({ maps: [{ name: 'rows', rows: [{ key: this.key(number), value }] }] });
    if (++this.#writes % batchEntries === 0) this.endBatch();
  }

  endBatch(): void {
    this.store.seal();
    if (this.#before !== undefined) this.store.commit(this.#before);
    this.#before = this.store.seqno;
  }

  /** Nothing but the newest state is held. */
  settle(): void {
    for (let batch = 0; batch < 200; batch++) this.endBatch();
    while (this.store.reclaim(1000));
  }

  check(count: number, round: number): void {
    const reader = this.store.readAt(this.store.seqno).map('rows');
    assert(reader.size === count, 'every key is there');
    for (let number = 0; number < count; number++) {
      const found = reader.get(this.key(number));
      assert(found !== undefined && equalBytes(found, this.value(number, round)), 'as written');
    }
  }
}

function measure(shape: Shape, count: number): void {
  const ownBytes = shape.keyBytes + shape.valueBytes;
  const before = memoryBytes();
  const filled = new Filled(shape);
  const bytesPerKey = (): number => (memoryBytes() - before) / count;
  for (let number = 0; number < count; number++) filled.put(number, filled.value(number, 0));
  filled.settle();
  const written = bytesPerKey();
  filled.check(count, 0);
  // A number that shares no factor with the counts: each key once, in another order.
  for (let at = 0; at < count; at++) {
    const number = (at * 7_919) % count;
    filled.put(number, filled.value(number, 1));
  }
  filled.settle();
  const overwritten = bytesPerKey();
  filled.check(count, 1);
  show(`${shape.name}, ${count.toLocaleString('en-US')} keys`, {
    own_bytes: ownBytes,
    bytes_per_key: Math.round(written),
    after_overwriting: Math.round(overwritten),
    total_mib: Number(((written * count) / mebibyte).toFixed(1)),
  });
  // What a store has at first weighs on few keys.
  if (count < 100_000 || Math.max(written, overwritten) - ownBytes <= overheadBytesMax) return;
  console.error(`over its budget: ${overheadBytesMax} bytes per key over its own size`);
  process.exitCode = 1;
}

/** As a node does: from nine tenths of the limit on it refuses what adds to the state. */
function fillUp(shape: Shape): void {
  const limitBytes = limitMib * mebibyte;
  const filled = new Filled(shape, new Store({ storeBytesMax: limitBytes }));
  const isShort = (): boolean => filled.store.stats().liveBytes >= limitBytes * shortShare;
  let count = 0;
  while (!isShort()) {
    for (let at = 0; at < batchEntries; at++, count++) filled.put(count, filled.value(count, 0));
  }
  filled.settle();
  filled.check(count, 0);
  // As in a node that is short: old states show what was deleted, and a deletion takes memory, too.
  filled.store.keepStates(8);
  for (let number = 0; number < count; number += 2) filled.put(number, undefined);
  filled.settle();
  assert(!isShort(), 'deleting makes room');
  for (let number = 0; number < count / 2; number += 2) filled.put(number, filled.value(number, 0));
  show(`${shape.name}: a store of ${limitMib} MiB takes no more`, {
    keys: count,
    bytes_per_key: Math.round((limitBytes * shortShare) / count),
    keys_in_a_node: Math.round((count * nodeLimitMib) / limitMib),
  });
}

for (const shape of shapes) for (const count of keyCounts) measure(shape, count);
fillUp(slot);
