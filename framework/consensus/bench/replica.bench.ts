/**
 * Measures what agreement costs one node when the disk costs nothing: time to load and to start,
 * microseconds from propose to commit, and memory after a long run. First it checks that what is
 * measured is agreement: every batch is persisted and delivered once, in order.
 *
 * `node framework/consensus/bench/replica.bench.ts [--json]`; ends with 1 over a budget.
 */
import { readFileSync } from 'node:fs';
import { asSeqno, assert, asView, SeededRandom } from '@coco/base';
import type { Handle, StoredBatch } from '../src/index.ts';
import {
  createConfiguration,
  createHandle,
  loadRaftModule,
  Replica,
  raftModuleHashUrl,
  raftModuleUrl,
} from '../src/index.ts';

/** A small batch commits within this, the disk apart. */
const commitUsMax = 250;
/** WebAssembly memory of one replica after the run. */
const linearBytesMax = 48 << 20;
const batchCount = 10_000;
const bodyBytes = 1000;
const view = asView(2);
const isJson = process.argv.includes('--json');

class OneNode {
  readonly replica: Replica;
  persistedCount = 0;
  deliveredCount = 0;
  #onDelivered: () => void = () => {};

  constructor(module: WebAssembly.Module) {
    this.replica = new Replica({
      id: 1,
      module,
      random: new SeededRandom(1),
      ports: {
        persist: async (batches) => {
          this.persistedCount += batches.length;
        },
        send: () => assert(false, 'one node has no peer'),
        readBody: async () => undefined,
        installSnapshot: async () => assert(false, 'one node installs nothing'),
      },
      events: {
        onRole: () => {},
        onCommitted: (batches) => this.#deliver(batches),
        onConfiguration: () => {},
        onRemoved: () => {},
        onFailed: (error) => {
          throw error;
        },
      },
    });
  }

  async start(): Promise<void> {
    const configuration = createConfiguration([1]);
    this.replica.start({ configuration, view, seqno: asSeqno(0) });
    while (!this.replica.status().office.canExecute) await Promise.resolve();
  }

  /** Resolves when the batch is delivered. */
  commit(handle: Handle, body: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#onDelivered = resolve;
      this.replica.propose(handle, body);
    });
  }

  #deliver(batches: readonly StoredBatch[]): void {
    for (const { handle } of batches) {
      this.deliveredCount += 1;
      assert(handle.firstSeqno === this.deliveredCount, 'batches are delivered once and in order');
    }
    assert(this.persistedCount >= this.deliveredCount, 'nothing is delivered before it is durable');
    this.#onDelivered();
  }
}

function quantile(sorted: readonly number[], part: number): number {
  return sorted[Math.floor(part * (sorted.length - 1))] ?? Number.NaN;
}

async function main(): Promise<number> {
  const loadedMs = performance.now();
  const hashText = readFileSync(raftModuleHashUrl, 'utf8');
  const module = await loadRaftModule(readFileSync(raftModuleUrl), hashText);
  const startedMs = performance.now();
  const node = new OneNode(module);
  await node.start();
  const runningMs = performance.now();
  const timesUs: number[] = [];
  for (let number = 1; number <= batchCount; number++) {
    const body = new Uint8Array(bodyBytes).fill(number);
    const kind = number === 1 ? 'genesis' : 'batch';
    const handle = createHandle({ kind, view, firstSeqno: asSeqno(number), entryCount: 1 }, body);
    const before = performance.now();
    await node.commit(handle, body);
    timesUs.push(1000 * (performance.now() - before));
  }
  assert(node.deliveredCount === batchCount, 'every batch is delivered');
  timesUs.sort((left, right) => left - right);
  const { linearBytes, heapBytes } = node.replica.status();
  const figures = {
    load_ms: startedMs - loadedMs,
    start_ms: runningMs - startedMs,
    commit_p50_us: quantile(timesUs, 0.5),
    commit_p99_us: quantile(timesUs, 0.99),
    linear_bytes: linearBytes,
    heap_bytes: heapBytes,
  };
  if (isJson) console.log(JSON.stringify(figures));
  else for (const [name, value] of Object.entries(figures)) console.log(name, value.toFixed(1));
  const isWithin = figures.commit_p50_us <= commitUsMax && linearBytes <= linearBytesMax;
  if (!isWithin) console.error(`over a budget: ${commitUsMax} us or ${linearBytesMax} bytes`);
  return isWithin ? 0 : 1;
}

process.exitCode = await main();
