/**
 * What an ERC-20 transfer costs the main threads of a network, in full batches and warm: on the
 * primary from the JSON-RPC body to the committed batch, on a backup from the committed batch to
 * the applied state. The production rooms run in one process without sockets, disk and Raft, and
 * with admission done before; CPU time of this process in microseconds for each transfer. At the
 * end both states must be the same.
 *
 * `node adapters/ethereum/bench/pipeline.bench.ts [--json] [--transfers=10000]`; ends with 1 over a
 * budget.
 */
import {
  asSeqno,
  assert,
  asView,
  equalBytes,
  fromHex,
  type Log,
  present,
  SeededRandom,
  utf8Encode,
} from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { type CommandEndpoint, TransactionStatusTracker } from '@coco/endpoint';
import { Store } from '@coco/kv';
import {
  type Batch,
  createLedgerTree,
  LedgerSecrets,
  ledgerSecretBytes,
  NonceGuard,
  Sequencer,
} from '@coco/ledger';
import { BatchFollower, BatchPipeline, hostAdapter } from '@coco/replication';
import { encodeDeployData, encodeFunctionData, getContractAddress, type Hex } from 'viem';
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts';
import { type AdmissionPool, admitTransaction } from '../src/admission.ts';
import { alice, chainId, createAdapter, engine, requestOf, token } from '../test/network.ts';

/** Budgets, in microseconds, on the machine of docs/performance.md with room for a busy one. */
const budgets = { primary: 300, backup: 100 } as const;
const batchTransfers = 200;
const senderCount = 50;
const warmTransfers = 4000;
const isJson = process.argv.includes('--json');
const given = process.argv.find((word) => word.startsWith('--transfers='));
const transferCount = Number(given?.slice('--transfers='.length) ?? 10_000);
const contract = getContractAddress({ from: alice.address, nonce: 0n });
const silent: Log = { write: () => {} };
const random = new SeededRandom(1);
const clock = {
  nowMs: () => 1_767_225_600_000,
  monotonicMs: () => performance.now(),
  setTimer: () => () => {},
};
const secret = { fromSeqno: asSeqno(1), key: random.bytes(ledgerSecretBytes) };
const key = SigningKey.generate('P-384');

function createNode() {
  const secrets = new LedgerSecrets([secret]);
  const names = { issuer: 'bench', subject: 'bench' };
  const sequencer = new Sequencer({
    view: asView(2),
    start: 'genesis',
    tree: createLedgerTree(),
    secrets,
    guard: new NonceGuard(),
    signer: { keyId: key.id, algorithm: key.algorithm, ...names },
    committed: asSeqno(0),
  });
  const proposed: Batch[] = [];
  const deferred: (() => void)[] = [];
  const pipeline = new BatchPipeline({
    store: new Store(),
    sequencer,
    tracker: new TransactionStatusTracker(),
    uncommittedMax: 100_000,
    ports: {
      clock,
      log: silent,
      // In the pool in production: not this thread's.
      sign: async (input) => key.sign(input),
      propose: (batch) => proposed.push(batch),
      defer: (callback) => deferred.push(callback),
    },
  });
  return { secrets, pipeline, proposed, deferred };
}

async function signAll(count: number): Promise<readonly Hex[]> {
  const base = { type: 'eip1559', chainId } as const;
  const data = encodeDeployData({ ...token, args: [10n ** 18n] });
  const { abi } = token;
  const transfer = (to: Hex, amount: bigint) =>
    encodeFunctionData({ abi, functionName: 'transfer', args: [to, amount] });
  const raws = [await alice.signTransaction({ ...base, nonce: 0, gas: 3_000_000n, data })];
  const call = { ...base, gas: 100_000n, to: contract };
  const senders = Array.from({ length: senderCount }, () =>
    privateKeyToAccount(generatePrivateKey()),
  );
  for (const [at, { address }] of senders.entries()) {
    const fields = { ...call, nonce: at + 1, data: transfer(address, 10n ** 9n) };
    raws.push(await alice.signTransaction(fields));
  }
  for (let at = 0; at < count; at++) {
    const sender = present(senders[at % senderCount], 'there are senders');
    const to: Hex = `0x${(0x100000 + (at % 997)).toString(16).padStart(40, '0')}`;
    const fields = { ...call, nonce: Math.floor(at / senderCount), data: transfer(to, 1n) };
    raws.push(await sender.signTransaction(fields));
  }
  return raws;
}

/** Gives what was admitted before, in the order of the calls. */
function prepared(raws: readonly Hex[]): AdmissionPool {
  const admitted = raws.map((raw) => admitTransaction(engine, fromHex(raw)));
  let next = 0;
  return {
    admit: async () => present(admitted[next++], 'each call has its transaction'),
    stop: async () => {},
  };
}

/** CPU time of `run`, in microseconds. */
async function cpuUs(run: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

type Node = ReturnType<typeof createNode>;

/** Closes the open batch; what signing takes is not this thread's in production. */
async function closeBatch({ deferred, proposed }: Node): Promise<Batch> {
  for (const callback of deferred.splice(0)) callback();
  for (let turn = 0; turn < 10 && proposed.length === 0; turn++) await Promise.resolve();
  return present(proposed.splice(0)[0], 'a batch was closed');
}

async function measure(): Promise<Readonly<Record<string, number>>> {
  const raws = await signAll(warmTransfers + transferCount);
  const [primary, backup] = [createNode(), createNode()];
  const { pipeline } = primary;
  const adapter = createAdapter({ admissionPool: prepared(raws) });
  const follower = new BatchFollower({
    state: backup.pipeline.state,
    secrets: backup.secrets,
    serviceSpki: key.spki,
  });
  const finish = (batch: Batch): void => pipeline.committed(batch.signatureId.seqno);
  pipeline.startExecuting();
  // A backup has no office: what commits is what it takes.
  backup.pipeline.startExecuting();
  backup.pipeline.loseOffice(asView(3));
  pipeline.execute((transaction) => {
    adapter.genesis(transaction);
    return { result: undefined };
  });
  const first = await closeBatch(primary);
  finish(first);
  follower.follow(first);
  const others = { view: () => pipeline.view, callPrimary: async () => undefined };
  adapter.start(hostAdapter(adapter, { pipeline, clock, random, log: silent, ...others }));
  const post = adapter.endpoints.find(({ method }) => method === 'POST') as CommandEndpoint;
  const submit = async (raw: Hex, id: number): Promise<void> => {
    const call = { jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] };
    const headers = [['content-type', 'application/json']] as const;
    const request = requestOf('POST', utf8Encode(JSON.stringify(call)), headers);
    const response = await post.handle({
      request,
      caller: { policy: 'no_auth' },
      parameters: new Map(),
    });
    assert(response.body.length < 120, 'a transfer is answered with its hash');
  };
  const spent = { execute: 0, close: 0, commit: 0, follow: 0 };
  for (let at = 0; at < raws.length; at += batchTransfers) {
    const some = raws.slice(at, at + batchTransfers);
    if (at >= warmTransfers && at < warmTransfers + batchTransfers) {
      for (const stage of Object.keys(spent)) spent[stage as keyof typeof spent] = 0;
    }
    spent.execute += await cpuUs(async () => {
      for (const [place, raw] of some.entries()) await submit(raw, place);
    });
    const batch = { value: undefined as Batch | undefined };
    const closing = await cpuUs(async () => {
      batch.value = await closeBatch(primary);
    });
    const closed = present(batch.value, 'a batch was closed');
    spent.close += closing - signUs;
    spent.commit += await cpuUs(() => finish(closed));
    spent.follow += await cpuUs(() => follower.follow(closed));
  }
  assertSame(primary, backup);
  const each = (us: number): number => us / transferCount;
  return {
    execute: each(spent.execute),
    close: each(spent.close),
    commit: each(spent.commit),
    primary: each(spent.execute + spent.close + spent.commit),
    backup: each(spent.follow),
  };
}

/** Row for row. */
function assertSame(primary: Node, backup: Node): void {
  const [left, right] = [primary.pipeline.committedState(), backup.pipeline.committedState()];
  assert(left.mapNames().join() === right.mapNames().join(), 'both have the same maps');
  for (const name of left.mapNames()) {
    const rows = right.map(name).range()[Symbol.iterator]();
    for (const { key: rowKey, value } of left.map(name).range()) {
      const other = present(rows.next().value, 'the backup has every row').value;
      assert(equalBytes(other, value) && rowKey.length > 0, 'and its value');
    }
    assert(rows.next().done === true, 'and no other');
  }
}

let signUs = 0;
for (let at = 0; at < 200; at++) key.sign(random.bytes(100));
signUs =
  (await cpuUs(() => {
    for (let at = 0; at < 200; at++) key.sign(random.bytes(100));
  })) / 200;
const measured = await measure();
for (const [stage, us] of Object.entries(measured)) {
  const budget = budgets[stage as keyof typeof budgets];
  if (budget !== undefined && us > budget) process.exitCode = 1;
  const limit = budget === undefined ? '' : ` of ${budget}`;
  if (!isJson) console.log(`${stage.padEnd(11)} ${us.toFixed(1).padStart(7)} µs${limit}`);
}
if (isJson) console.log(JSON.stringify(measured));
