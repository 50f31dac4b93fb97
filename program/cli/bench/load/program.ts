/**
 * The load program: signed ERC-20 transfers from many senders to one node or to several of one
 * network, whatever software they run. It prints one line of JSON, and only after every receipt,
 * every Transfer event and all balances were checked.
 *
 * `node program/cli/bench/load/program.ts --url URL [--url URL ...] [--key 0x...] [--transfers 10000]
 * [--warmup 5000] [--connections 16] [--senders 64] [--batch 1] [--sync] [--rate 1600]
 * [--pid PID ...]`
 *
 * With `--rate` bodies leave by a schedule of so many transfers a second, and what is told is the
 * time from when a transfer was due; without, each connection sends as soon as it was answered.
 * Without a key the node must have a funded account of its own (eth_accounts). With `--pid` it says
 * how much CPU time each thread of a node on this machine took.
 */
import { parseArgs } from 'node:util';
import { assert } from '@coco/base';
import type { Hex } from 'viem';
import { Rpc } from './rpc.ts';
import { type LoadPlan, runLoad } from './run-load.ts';
import { cpuSince, threadCpu } from './thread-cpu.ts';
import { compileToken, Token } from './token.ts';
import { verifyLoad } from './verify.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string', multiple: true, default: [] },
    key: { type: 'string' },
    transfers: { type: 'string', default: '10000' },
    warmup: { type: 'string', default: '5000' },
    connections: { type: 'string', default: '16' },
    senders: { type: 'string', default: '64' },
    batch: { type: 'string', default: '1' },
    sync: { type: 'boolean', default: false },
    rate: { type: 'string' },
    pid: { type: 'string', multiple: true, default: [] },
  },
});

async function main(): Promise<void> {
  const plan: LoadPlan = {
    urls: values.url,
    connections: Number(values.connections),
    batch: Number(values.batch),
    isSync: values.sync,
    perSecond: values.rate === undefined ? undefined : Number(values.rate),
  };
  const [url] = plan.urls;
  assert(url !== undefined, 'the load has a node to go to');
  assert(!plan.isSync || plan.batch === 1, 'an answer that waits is one call');
  const contract = await compileToken();
  // Each load has recipients of its own token: what they hold afterwards is what it sent.
  const load = async (count: number) => {
    const rpc = await Rpc.open(url);
    const token = await Token.deploy(rpc, contract, values.key as Hex | undefined);
    const senderCount = Math.min(Number(values.senders), count);
    const each = Math.ceil(count / senderCount);
    const senders = await token.fundSenders(rpc, senderCount, each);
    // Signing takes longer than a server keeps a silent connection.
    rpc.close();
    const lists = token.transfers(senders, each);
    const cpuBefore = values.pid.map(threadCpu);
    const measures = await runLoad(plan, lists);
    const threads = cpuBefore.map((before) => cpuSince(before, each * senderCount));
    await verifyLoad(plan.urls, token, lists.flat());
    return { ...measures, threads };
  };
  if (Number(values.warmup) > 0) await load(Number(values.warmup));
  const { seconds, latenciesMs, blocks, cpuSeconds, threads } = await load(
    Number(values.transfers),
  );
  const sorted = [...latenciesMs].sort((left, right) => left - right);
  const quantile = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
  console.log(
    JSON.stringify({
      transfers: sorted.length,
      perSecond: sorted.length / seconds,
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: sorted.at(-1),
      blocks,
      generatorCpuUs: (cpuSeconds * 1e6) / sorted.length,
      ...(threads.length > 0 && { threads }),
    }),
  );
}

await main();
