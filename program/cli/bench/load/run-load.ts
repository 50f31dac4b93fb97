/**
 * The measured part: lanes post prepared bodies, one after another each, and a watcher sees blocks
 * appear. A transfer is committed when its block is seen (a node shows committed blocks only), or
 * with `sync` when its receipt is the answer.
 */
import { assert, isJsonObject, type JsonValue } from '@coco/base';
import { HttpLane } from './http-lane.ts';
import { callText, Rpc } from './rpc.ts';
import type { Transfer } from './token.ts';

/** How often the watcher asks while there is no new block: no latency is told finer than that. */
const watchMs = 2;
const idleMsMax = 60_000;

export interface LoadPlan {
  readonly urls: readonly string[];
  readonly connections: number;
  /** Calls in one body. */
  readonly batch: number;
  /** Whether each answer waits for the commit (eth_sendRawTransactionSync). */
  readonly isSync: boolean;
  /** Transfers that are due each second; undefined: as fast as answers come. */
  readonly perSecond: number | undefined;
}

export interface LoadMeasures {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  readonly blocks: number;
  /** CPU time of this process. */
  readonly cpuSeconds: number;
}

interface Body {
  readonly request: Buffer;
  /** Positions of its transfers. */
  readonly places: readonly number[];
}

/** `lists`: the transfers of each sender; their order over all lists is that of `latenciesMs`. */
export async function runLoad(
  plan: LoadPlan,
  lists: readonly (readonly Transfer[])[],
): Promise<LoadMeasures> {
  const hashes = lists.flatMap((list) => list.map(({ hash }) => hash));
  const sentAt = new Float64Array(hashes.length);
  const committedAt = new Float64Array(hashes.length);
  const lanes = await openLanes(plan, lists);
  const [url = ''] = plan.urls;
  const watcher = plan.isSync ? undefined : await BlockWatcher.open(url);
  const cpuBefore = process.cpuUsage();
  const startedMs = performance.now();
  const watching = watcher?.watch(hashes, committedAt);
  await Promise.all(
    lanes.map(async ({ lane, bodies }, number) => {
      for (const [at, { request, places }] of bodies.entries()) {
        const dueMs = startedMs + dueAfterMs(plan, at * plan.connections + number);
        const earlyMs = dueMs - performance.now();
        if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
        // What is late counts from when it was due: a slow node must not slow its own test down.
        const sentMs = plan.perSecond === undefined ? performance.now() : dueMs;
        for (const place of places) sentAt[place] = sentMs;
        const answer = await lane.exchange(request);
        assert(
          isAccepted(answer, places.length),
          `a node takes the load: ${answer.toString('latin1', 0, 300)}`,
        );
        if (plan.isSync) for (const place of places) committedAt[place] = performance.now();
      }
    }),
  );
  await watching;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const { lane } of lanes) lane.close();
  return {
    seconds: (committedAt.reduce((latest, at) => Math.max(latest, at), 0) - startedMs) / 1000,
    latenciesMs: Array.from(committedAt, (at, place) => at - (sentAt[place] ?? 0)),
    blocks: watcher?.blocks ?? 0,
    cpuSeconds: (user + system) / 1e6,
  };
}

/** When a body leaves, after the start. */
function dueAfterMs({ perSecond, batch }: LoadPlan, number: number): number {
  return perSecond === undefined ? 0 : (number * batch * 1000) / perSecond;
}

/** The answers are read only as far as it takes to see a refusal: receipts are checked later. */
function isAccepted(answer: Buffer, count: number): boolean {
  let results = 0;
  for (let at = answer.indexOf('"result"'); at >= 0; at = answer.indexOf('"result"', at + 1)) {
    results++;
  }
  return results === count && answer.indexOf('"error"') < 0;
}

/** Senders are dealt to lanes; a lane sends the transfers of its senders in turn. */
async function openLanes(
  plan: LoadPlan,
  lists: readonly (readonly Transfer[])[],
): Promise<readonly { lane: HttpLane; bodies: readonly Body[] }[]> {
  const method = plan.isSync ? 'eth_sendRawTransactionSync' : 'eth_sendRawTransaction';
  const starts: number[] = [];
  let start = 0;
  for (const list of lists) {
    starts.push(start);
    start += list.length;
  }
  return Promise.all(
    Array.from({ length: plan.connections }, async (_, number) => {
      const lane = await HttpLane.open(plan.urls[number % plan.urls.length] ?? '');
      const mine = lists.flatMap((list, at) =>
        at % plan.connections === number ? [{ list, start: starts[at] ?? 0 }] : [],
      );
      const longest = Math.max(0, ...mine.map(({ list }) => list.length));
      const bodies: Body[] = [];
      for (let from = 0; from < longest; from += plan.batch) {
        for (const { list, start: first } of mine) {
          const some = list.slice(from, from + plan.batch);
          if (some.length === 0) continue;
          const text = callText(some.map(({ raw }) => ({ method, params: [raw] })));
          const places = some.map((_, at) => first + from + at);
          bodies.push({ request: lane.prepare(text), places });
        }
      }
      return { lane, bodies };
    }),
  );
}

class BlockWatcher {
  blocks = 0;
  readonly #rpc: Rpc;
  #next: bigint;

  private constructor(rpc: Rpc, next: bigint) {
    this.#rpc = rpc;
    this.#next = next;
  }

  static async open(url: string): Promise<BlockWatcher> {
    const rpc = await Rpc.open(url);
    const head = BigInt(String(await rpc.call('eth_blockNumber')));
    return new BlockWatcher(rpc, head + 1n);
  }

  /** Notes when each transaction's block was seen; ends when all were. */
  async watch(hashes: readonly string[], committedAt: Float64Array): Promise<void> {
    const places = new Map(hashes.map((hash, place) => [hash, place]));
    let lastMs = performance.now();
    while (places.size > 0) {
      const number = `0x${this.#next.toString(16)}`;
      const block = await this.#rpc.call('eth_getBlockByNumber', number, false);
      const nowMs = performance.now();
      if (!isJsonObject(block)) {
        assert(nowMs - lastMs < idleMsMax, `blocks come: ${places.size} transfers are in none`);
        await new Promise((resolve) => setTimeout(resolve, watchMs));
        continue;
      }
      this.#next++;
      this.blocks++;
      for (const hash of block.transactions as readonly JsonValue[]) {
        const place = places.get(String(hash));
        if (place === undefined) continue;
        committedAt[place] = nowMs;
        places.delete(String(hash));
        lastMs = nowMs;
      }
    }
    this.#rpc.close();
  }
}
