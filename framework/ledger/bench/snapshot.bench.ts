/**
 * Measures what a snapshot costs the main thread: CPU time for each row, and the longest single
 * step, which is the longest pause of a node that yields between steps. First it checks that what
 * is measured restores to an equal store.
 *
 * `node framework/ledger/bench/snapshot.bench.ts [--json] [--rows=300000]`; ends with 1 over the
 * budget.
 */
import { asSeqno, assert, SeededRandom } from '@coco/base';
import { Store } from '@coco/kv';
import {
  createLedgerTree,
  decodeSnapshot,
  encodeSnapshot,
  LedgerSecrets,
  restoreSnapshot,
  SnapshotNonceGuard,
  singletonKey,
  treeMap,
} from '../src/index.ts';

/** The main thread never pauses for longer. */
const stepMsMax = 20;
const isJson = process.argv.includes('--json');
const rowCount = Number(
  process.argv.find((word) => word.startsWith('--rows='))?.slice('--rows='.length) ?? 300_000,
);
/** The shape of Ethereum's storage. */
const [keyBytes, valueBytes, entryRows] = [52, 32, 200];

function createStore(rows: number): Store {
  const store = new Store();
  const random = new SeededRandom(1);
  for (let at = 0; at < rows; at += entryRows) {
    const chunk = Array.from({ length: entryRows }, () => ({
      key: random.bytes(keyBytes),
      value: random.bytes(valueBytes),
    }));
    chunk.sort((left, right) => Buffer.compare(left.key, right.key));
    store.apply({ maps: [{ name: 'ethereum.storage', rows: chunk }] });
  }
  const tree = createLedgerTree();
  for (let leaf = 1; leaf <= store.seqno; leaf++) tree.append(new Uint8Array(32).fill(leaf));
  const value = tree.serialise(store.seqno);
  store.apply({ maps: [{ name: treeMap, rows: [{ key: singletonKey, value }] }] });
  store.seal();
  store.commit(store.seqno);
  return store;
}

function measure(rows: number): {
  readonly rowUs: number;
  readonly stepMs: number;
  file: Uint8Array;
} {
  const store = createStore(rows);
  const secret = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32) }]);
  const { state, release } = store.hold(store.seqno);
  const sealer = { secret: secret.secretFor(asSeqno(1)), guard: new SnapshotNonceGuard() };
  const leaf = new Uint8Array(32);
  const steps = encodeSnapshot(sealer, { state, leaf, viewStarts: [asSeqno(1)] });
  let [stepMs, cpuMs] = [0, 0];
  for (;;) {
    const started = cpuMsNow();
    const step = steps.next();
    const tookMs = cpuMsNow() - started;
    stepMs = Math.max(stepMs, tookMs);
    cpuMs += tookMs;
    if (!step.done) continue;
    release();
    const file = new Uint8Array(Buffer.concat(step.value.pages));
    return { rowUs: (cpuMs * 1000) / rows, stepMs, file };
  }
}

/** CPU time of this process: what other processes of the machine do does not count. */
function cpuMsNow(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function checkResults(): void {
  const { file } = measure(2000);
  const decoded = decodeSnapshot(file);
  const secret = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32) }]);
  const store = new Store();
  restoreSnapshot(decoded, { store, secret: secret.secretFor(asSeqno(1)) });
  const restored = [...store.readAt(store.seqno).map('ethereum.storage').range()];
  const expected = createStore(2000);
  const rows = [...expected.readAt(expected.seqno).map('ethereum.storage').range()];
  assert(rows.length === restored.length && rows.length > 1900, 'every row is restored');
  for (const [at, { key, value }] of rows.entries()) {
    const other = restored[at];
    const isEqual = other && Buffer.compare(other.key, key) + Buffer.compare(other.value, value);
    assert(isEqual === 0, 'a restored row equals what was written');
  }
}

checkResults();
const { rowUs, stepMs, file } = measure(rowCount);
const isWithinBudget = stepMs <= stepMsMax;
const mebibytes = file.length / 2 ** 20;
if (isJson) {
  console.log(JSON.stringify({ rowCount, rowUs, stepMs, mebibytes, stepMsMax, isWithinBudget }));
} else {
  console.log(`rows of 52 + 32 bytes  ${rowCount}, a file of ${mebibytes.toFixed(1)} MiB`);
  console.log(`CPU for each row       ${rowUs.toFixed(2)} us: read, encode, encrypt, hash`);
  console.log(`longest step           ${stepMs.toFixed(1)} ms (budget ${stepMsMax} ms)`);
}
process.exitCode = isWithinBudget ? 0 : 1;
