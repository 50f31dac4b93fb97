/**
 * A small write's way from execution to its commit, stage by stage, on one node with its replica
 * worker and a real disk; and what one signature and one flush cost alone, for comparison.
 * `node framework/node/bench/commit.bench.ts [--json]`; ends with 1 over a budget.
 */
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asSeqno, assert, asView, type Log, present, utf8Encode } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { TransactionStatusTracker } from '@coco/endpoint';
import { Store } from '@coco/kv';
import {
  createLedgerTree,
  LedgerSecrets,
  ledgerSecretBytes,
  NonceGuard,
  Sequencer,
} from '@coco/ledger';
import { storageLimitsDefault } from '@coco/replication';
import { createNodeKeys } from '../src/identities.ts';
import { type NodeCore, openCore } from '../src/node-core.ts';
import { systemClock, systemRandom } from '../src/real-ports.ts';
import { ReplicaClient } from '../src/replica-client.ts';

const idleWrites = 300;
const batchedWrites = 20_000;
const writesPerTurn = 100;
const mapName = 'bench.rows';
const valueBytes = 32;
const valueLengths = [100, 1_000, 10_000, 100_000, 1_000_000];
const idleOfSize = 50;
/** Written of each size in full batches. */
const bytesOfSize = 40e6;
/** Less than the pipeline holds in an open batch. */
const openBytesMax = 5 * 1024 * 1024;
/** The bar: an idle commit costs at most this over one signature and one flush. */
const idleOverheadMsMax = 2;
const silent: Log = { write: () => {} };
const isJson = process.argv.includes('--json');

interface Timing {
  execute: number;
  close: number;
  sign: number;
  commit: number;
  total: number;
}

const median = (values: readonly number[], at = 0.5): number =>
  present(
    [...values].sort((left, right) => left - right)[Math.floor(values.length * at)],
    'values',
  );

/** A signing key that notes when it was asked and when it was done. */
function timed(key: SigningKey, marks: { asked: number; done: number }): SigningKey {
  return new Proxy(key, {
    get: (target, name) => {
      if (name !== 'signInPool') return Reflect.get(target, name, target);
      return async (input: Uint8Array) => {
        marks.asked = performance.now();
        const signature = await target.signInPool(input);
        marks.done = performance.now();
        return signature;
      };
    },
  });
}

async function startCore(folder: string, serviceKey: SigningKey): Promise<NodeCore> {
  const secret = { fromSeqno: asSeqno(1), key: systemRandom.bytes(ledgerSecretBytes) };
  const secrets = new LedgerSecrets([secret]);
  const sequencer = new Sequencer({
    view: asView(2),
    start: 'genesis',
    tree: createLedgerTree(),
    secrets,
    guard: new NonceGuard(),
    signer: {
      keyId: serviceKey.id,
      algorithm: serviceKey.algorithm,
      issuer: 'bench',
      subject: 'bench',
    },
    committed: asSeqno(0),
  });
  return openCore({
    ledgerFolder: join(folder, 'ledger'),
    store: new Store(),
    sequencer,
    secrets,
    tracker: new TransactionStatusTracker(),
    keys: await createNodeKeys({ subject: 'bench', hosts: [], days: 1, clock: systemClock }),
    configuration: {
      snapshots: { directory: 'snapshots', entriesBetween: 1, filesMax: 1 },
      readOnlyLedgerDirectories: [],
    },
    baseFolder: folder,
    serviceKey,
    replica: await ReplicaClient.open({ peerListen: undefined }),
    uncommittedMax: 20_000,
    storage: storageLimitsDefault,
    begin: { kind: 'create', execute: async () => {} },
    clock: systemClock,
    log: silent,
    onLockedOut: () => {},
    onFailed: (error) => {
      throw error;
    },
  });
}

function write(core: NodeCore, name: string, length = valueBytes) {
  const { id } = core.pipeline.execute((transaction) => {
    transaction.map(mapName).set(utf8Encode(name), systemRandom.bytes(length));
    return { result: undefined };
  });
  return present(id, 'a write has an id');
}

async function idleCommits(
  core: NodeCore,
  marks: { asked: number; done: number },
): Promise<readonly Timing[]> {
  const timings: Timing[] = [];
  for (let at = 0; at < idleWrites; at++) {
    const started = performance.now();
    const id = write(core, `idle ${at}`);
    const executed = performance.now();
    const decision = await core.tracker.whenDecided(id);
    const committed = performance.now();
    assert(decision === 'Committed', 'every idle write commits');
    timings.push({
      execute: executed - started,
      close: marks.asked - executed,
      sign: marks.done - marks.asked,
      commit: committed - marks.done,
      total: committed - started,
    });
  }
  return timings.slice(idleWrites / 10);
}

async function aloneMs(act: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < 100; at++) {
    const started = performance.now();
    await act();
    times.push(performance.now() - started);
  }
  return median(times);
}

async function flushAlone(folder: string): Promise<number> {
  const file = await open(join(folder, 'flush'), 'w');
  let offset = 0;
  const bytes = systemRandom.bytes(1000);
  const time = await aloneMs(async () => {
    await file.write(bytes, 0, bytes.length, offset);
    offset += bytes.length;
    await file.datasync();
  });
  await file.close();
  return time;
}

async function folderBytes(folder: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(folder)) total += (await stat(join(folder, name))).size;
  return total;
}

async function fullBatches(core: NodeCore): Promise<{ perSecond: number; batches: number }> {
  const started = performance.now();
  const before = core.pipeline.measures.batches;
  let id = write(core, 'full');
  for (let at = 1; at < batchedWrites; at++) {
    while (core.pipeline.uncommittedCount > 15_000) await new Promise((done) => setImmediate(done));
    id = write(core, `full ${at}`);
    if (at % writesPerTurn === 0) await new Promise((done) => setImmediate(done));
  }
  assert((await core.tracker.whenDecided(id)) === 'Committed', 'the last write commits');
  const seconds = (performance.now() - started) / 1000;
  return {
    perSecond: batchedWrites / seconds,
    batches: core.pipeline.measures.batches - before,
  };
}

/** How the cost of a write grows with its value: alone, and in batches as full as they may be. */
async function valueSizes(core: NodeCore): Promise<Readonly<Record<string, number>>> {
  const figures: Record<string, number> = {};
  for (const length of valueLengths) {
    const times: number[] = [];
    for (let at = 0; at < idleOfSize; at++) {
      const started = performance.now();
      await core.tracker.whenDecided(write(core, `size ${at}`, length));
      times.push(performance.now() - started);
    }
    const count = Math.min(batchedWrites, Math.ceil(bytesOfSize / length));
    const started = performance.now();
    let id = write(core, 'size', length);
    for (let at = 1; at < count; at++) {
      const { openEntryBytes } = core.pipeline.state.sequencer;
      // Beyond that the pipeline would refuse: each turn lets batches close.
      const isFull = openEntryBytes + 2 * length > openBytesMax;
      if (isFull || at % writesPerTurn === 0) await new Promise((done) => setImmediate(done));
      if (isFull) await core.pipeline.whenIdle();
      id = write(core, `size ${at}`, length);
    }
    assert((await core.tracker.whenDecided(id)) === 'Committed', 'the last write commits');
    const seconds = (performance.now() - started) / 1000;
    figures[`idle_p50_ms_of_${length}_B`] = median(times);
    figures[`mb_per_second_of_${length}_B`] = (count * length) / seconds / 1e6;
  }
  return figures;
}

async function measure(curve: 'P-384' | 'P-256') {
  const folder = await mkdtemp(join(tmpdir(), 'coco-bench-'));
  const marks = { asked: 0, done: 0 };
  const key = SigningKey.generate(curve);
  const core = await startCore(folder, timed(key, marks));
  try {
    const bytesAtStart = await folderBytes(join(folder, 'ledger'));
    const timings = await idleCommits(core, marks);
    const idleBytes = (await folderBytes(join(folder, 'ledger'))) - bytesAtStart;
    const part = (name: keyof Timing, at = 0.5) =>
      median(
        timings.map((one) => one[name]),
        at,
      );
    const signAlone = await aloneMs(() => key.signInPool(systemRandom.bytes(100)));
    const flush = await flushAlone(folder);
    const bytesBefore = await folderBytes(join(folder, 'ledger'));
    const full = await fullBatches(core);
    const fullBytes = (await folderBytes(join(folder, 'ledger'))) - bytesBefore;
    const sizes = await valueSizes(core);
    return {
      curve,
      execute_ms: part('execute'),
      close_ms: part('close'),
      sign_ms: part('sign'),
      flush_and_commit_ms: part('commit'),
      idle_commit_p50_ms: part('total'),
      idle_commit_p99_ms: part('total', 0.99),
      sign_alone_ms: signAlone,
      flush_alone_ms: flush,
      over_sign_and_flush_ms: part('total') - signAlone - flush,
      bytes_alone: idleBytes / idleWrites,
      bytes_in_full_batch: fullBytes / batchedWrites,
      writes_per_second: full.perSecond,
      writes_per_batch: batchedWrites / full.batches,
      ...sizes,
    };
  } finally {
    await core.replica.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

for (const curve of ['P-384', 'P-256'] as const) {
  const result = await measure(curve);
  if (isJson) console.log(JSON.stringify(result));
  else {
    console.log(`\nservice key ${curve}; one small write (key 8 B, value ${valueBytes} B)`);
    for (const [name, value] of Object.entries(result).slice(1)) {
      console.log(`  ${name.padEnd(26)} ${Number(value).toFixed(3).padStart(12)}`);
    }
  }
  if (result.over_sign_and_flush_ms > idleOverheadMsMax) {
    console.error(
      `over budget: an idle commit costs more than ${idleOverheadMsMax} ms over its parts`,
    );
    process.exitCode = 1;
  }
}
process.exit();
