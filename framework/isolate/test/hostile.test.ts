import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { MemoryMap, runBody, runModule } from './script-harness.ts';

interface HostileScript {
  readonly group: string;
  readonly name: string;
  /** The body of a function. */
  readonly source: string;
  readonly kinds: readonly string[];
}

const scripts: readonly HostileScript[] = JSON.parse(
  readFileSync(new URL('./hostile-scripts.json', import.meta.url), 'utf8'),
);
/** Looks at the clock, each some 5,000 steps of the script. */
const looks: Readonly<Record<string, number>> = { memory: 100, recursion: 50 };
const heapBytesMax = 3 * 1024 * 1024;
/** What the engine does not interrupt: the node's pool kills it (framework/node/interop). */
const uninterrupted = 'native loops';

describe('hostile scripts', () => {
  for (const group of new Set(scripts.map((script) => script.group))) {
    if (group === uninterrupted) continue;
    test(`${group}: each ends its own call, and nothing else`, async () => {
      for (const { name, source, kinds } of scripts.filter((one) => one.group === group)) {
        const limits = { heapBytesMax, executionMsMax: looks[group] ?? 40 };
        const outcome = await runBody(source, { limits });
        ok(kinds.includes(outcome.kind), `${name}: ${JSON.stringify(outcome).slice(0, 200)}`);
        notEqual('value' in outcome && outcome.value, 'reached', name);
      }
      deepEqual(await runBody('return 1'), { kind: 'returned', value: 1 });
    });
  }

  test("a loop in a module's body ends its call too", async () => {
    equal((await runModule('for (;;);')).kind, 'timedOut');
    equal((await runModule('const f = () => f() + 1; f()')).kind, 'unloadable');
    equal((await runModule('await Promise.resolve().then(() => { for (;;); })')).kind, 'timedOut');
  });

  test('what a script puts off until after its call never happens', async () => {
    const map = new MemoryMap();
    const maps = new Map([['public:ccf.gov.x', map]]);
    const write = "ccf.kv['public:ccf.gov.x'].set(new ArrayBuffer(1), new ArrayBuffer(1))";
    await runBody(`Promise.resolve().then(() => ${write}); return 1`, { maps });
    equal(map.size, 0);
  });

  test('out of memory is an exception that the script may catch, and its heap is free again', async () => {
    const body = `let all = []; try { for (;;) all.push(new ArrayBuffer(1e5)) }
      catch (error) { all = undefined; return [String(error), new ArrayBuffer(1e6).byteLength] }`;
    deepEqual(await runBody(body, { limits: { heapBytesMax } }), {
      kind: 'returned',
      value: ['InternalError: out of memory', 1e6],
    });
  });

  test('a heap as large as its limit is granted', async () => {
    const limits = { heapBytesMax: 64 * 1024 * 1024 };
    const size = 48 * 1024 * 1024;
    deepEqual(await runBody(`return new ArrayBuffer(${size}).byteLength`, { limits }), {
      kind: 'returned',
      value: size,
    });
  });
});
