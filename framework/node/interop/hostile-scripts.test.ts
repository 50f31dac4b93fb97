/**
 * The isolate room's list of hostile scripts against the node's pool of processes, the loops in it
 * that the engine does not interrupt too. Each ends its own call: the event loop goes round all the
 * while, and the next call works.
 */

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import type { ScriptCall, ScriptMap } from '@coco/isolate';
import { systemClock } from '../src/real-ports.ts';
import { ScriptPool } from '../src/script-pool.ts';

interface HostileScript {
  readonly group: string;
  readonly name: string;
  readonly source: string;
  readonly kinds: readonly string[];
}

const listUrl = new URL('../../isolate/test/hostile-scripts.json', import.meta.url);
const scripts: readonly HostileScript[] = JSON.parse(readFileSync(listUrl, 'utf8'));
/** A turn of the event loop that takes longer held the node up. */
const turnMsMax = 250;

const emptyMap: ScriptMap = {
  get: () => undefined,
  has: () => false,
  set: () => {},
  delete: () => {},
  size: 0,
  versionOf: () => undefined,
  range: () => [],
};

function callOf(source: string, party = 'hostile'): ScriptCall {
  return {
    source: `export function run(...args) { ${source} }`,
    entry: 'run',
    args: [],
    isVoted: false,
    party,
    limits: { heapBytesMax: 32 << 20, stackBytesMax: 1 << 20, executionMsMax: 500 },
    access: { context: 'governance-write', map: () => emptyMap, functions: new Map() },
  };
}

/** The longest turn of the event loop while the work goes on, on this process's own processor time. */
async function longestTurnMs(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let isOver = false;
  let last = process.cpuUsage();
  const turn = (): void => {
    const spent = process.cpuUsage(last);
    last = process.cpuUsage();
    longest = Math.max(longest, (spent.user + spent.system) / 1000);
    if (!isOver) setTimeout(turn, 1);
  };
  setTimeout(turn, 1);
  await work.finally(() => {
    isOver = true;
  });
  return longest;
}

describe('hostile scripts in the pool', () => {
  const pool = new ScriptPool({ clock: systemClock });
  after(() => pool.close());

  for (const { group, name, source, kinds } of scripts) {
    test(`${group}: ${name} ends its own call`, async () => {
      const run = pool.run(callOf(source));
      const longest = await longestTurnMs(run);
      const outcome = await run;
      // A loaded machine runs out of time where an idle one runs out of memory.
      const isExpected = kinds.includes(outcome.kind) || outcome.kind === 'timedOut';
      ok(isExpected, JSON.stringify(outcome).slice(0, 300));
      notEqual('value' in outcome && outcome.value, 'reached');
      ok(longest < turnMsMax, `a turn of the event loop took ${longest} ms of this process`);
    });
  }

  test('after all of them the next call works, and has nothing of theirs', async () => {
    const source = 'return [typeof Object.prototype.then, Object.keys(globalThis)]';
    deepEqual(await pool.run(callOf(source, 'honest')), {
      kind: 'returned',
      value: ['undefined', []],
    });
  });

  test('members whose ballots loop do not keep the others waiting', async () => {
    let finished = 0;
    const loops = Array.from({ length: 8 }, () =>
      pool.run(callOf('for (;;);', 'hostile')).then(() => finished++),
    );
    const honest = await pool.run(callOf('return 1', 'honest'));
    equal(honest.kind, 'returned');
    ok(finished <= 1, `${finished} loops ended before the honest call`);
    await Promise.all(loops);
  });
});
