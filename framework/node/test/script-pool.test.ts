import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { BugError, refuse } from '@coco/base';
import type { ScriptFunction } from '@coco/isolate';
import { systemClock } from '../src/real-ports.ts';
import { ScriptPool } from '../src/script-pool.ts';
import { bodyOf, type CallParts, callOf } from './script-calls.ts';

const table = 'public:ccf.gov.members.info';
/** The engine looks at no clock in it. */
const nativeLoop = bodyOf('ccf.begin(); Array.prototype.reverse.call({ length: 2 ** 53 - 1 })');

describe('scripts in processes of their own', () => {
  const pool = new ScriptPool({ clock: systemClock });
  after(() => pool.close());

  test('values, rows and functions go between script and node', async () => {
    const rows = new Map([['a', Buffer.from('1')]]);
    const functions = { 'node.slow': async (args: readonly unknown[]) => [args.length, undefined] };
    const body = `const map = ccf.kv['${table}'];
      map.set(ccf.strToBuf('b'), ccf.strToBuf('2'));
      const seen = [];
      map.forEach((value, key) => seen.push(ccf.bufToStr(key) + ccf.bufToStr(value)));
      return [seen, map.size, ccf.node.slow(1, undefined), args, new Uint8Array([7])]`;
    const args = ['\0', undefined, Uint8Array.of(1, 2)];
    deepEqual(await pool.run(callOf(bodyOf(body), { rows, functions, args })), {
      kind: 'returned',
      value: [['a1', 'b2'], 2, [2, undefined], args, Uint8Array.of(7)],
    });
    deepEqual([...rows.keys()], ['a', 'b']);
  });

  test('a walk over 10,000 rows takes a few messages', async () => {
    const rows = new Map<string, Uint8Array>();
    for (let at = 0; at < 10_000; at++) rows.set(`member${at}`, Buffer.from('{"status":"Active"}'));
    const body = `let count = 0; ccf.kv['${table}'].forEach(() => count++); return count`;
    const outcome = await pool.run(callOf(bodyOf(body), { rows }));
    deepEqual(outcome, { kind: 'returned', value: 10_000 });
  });

  test('every outcome comes back as it is', async () => {
    const kindOf = async (source: string, parts: CallParts = {}) =>
      (await pool.run(callOf(source, parts))).kind;
    equal(await kindOf('export function ('), 'unloadable');
    equal(await kindOf('export const other = 1'), 'missing');
    equal(await kindOf(bodyOf('for (;;);'), { executionMsMax: 50 }), 'timedOut');
    const threw = await pool.run(callOf(bodyOf('throw new TypeError("no")')));
    ok(threw.kind === 'threw');
    equal(threw.reason, 'TypeError: no');
    match(threw.trace ?? '', /at run/);
  });

  test("a refusal is the script's, another error the node's, and the process runs on", async () => {
    const refusal = () => {
      throw refuse('InvalidInput', 'Not now.');
    };
    const bug = async () => {
      throw new BugError('broken');
    };
    const body = bodyOf('try { return ccf.f() } catch (error) { return String(error) }');
    deepEqual(await pool.run(callOf(body, { functions: { f: refusal } })), {
      kind: 'returned',
      value: 'Error: Not now.',
    });
    await rejects(pool.run(callOf(body, { functions: { f: bug } })), BugError);
    equal((await pool.run(callOf(bodyOf('return 1')))).kind, 'returned');
  });

  test("what tears the engine out of its call is the script's doing alone", async () => {
    const outcome = await pool.run(callOf(bodyOf('return JSON.parse("[".repeat(1e6))')));
    deepEqual(outcome, {
      kind: 'threw',
      reason: 'RangeError: Maximum call stack size exceeded',
      trace: undefined,
    });
    equal((await pool.run(callOf(bodyOf('return 1')))).kind, 'returned');
  });

  test("a native loop is killed, and the node's thread is free all the while", async () => {
    let ticks = 0;
    let isOver = false;
    const tick = (): void => {
      ticks++;
      if (!isOver) setImmediate(tick);
    };
    const functions = {
      begin: () => {
        tick();
        return undefined;
      },
    };
    const outcome = await pool.run(callOf(nativeLoop, { functions, executionMsMax: 500 }));
    isOver = true;
    deepEqual(outcome, { kind: 'timedOut' });
    ok(ticks > 1000, `${ticks} turns of the event loop`);
    equal((await pool.run(callOf(bodyOf('return 1')))).kind, 'returned');
  });
});

describe('turns in the pool', () => {
  test('no party holds every process, and waiting parties take turns', async () => {
    const pool = new ScriptPool({ clock: systemClock, processes: 2 });
    const order: string[] = [];
    let release = (): void => {};
    const gate = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    const begun = (name: string, wait?: Promise<undefined>): ScriptFunction => {
      return () => {
        order.push(name);
        return wait;
      };
    };
    const source = bodyOf('ccf.f(); return 1');
    const run = (party: string, f: ScriptFunction) =>
      pool.run(callOf(source, { party, functions: { f } }));
    const calls = [
      run('a', begun('a1', gate)),
      run('a', begun('a2')),
      run('a', begun('a3')),
      run('b', begun('b1', gate)),
      run('b', begun('b2')),
      run('c', begun('c1')),
    ];
    while (order.length < 2) await new Promise(setImmediate);
    deepEqual([...order].sort(), ['a1', 'b1']);
    release();
    await Promise.all(calls);
    ok(order.indexOf('c1') < order.indexOf('a3'), order.join(' '));
    pool.close();
  });

  test('calls beyond the limit are refused, and after the end all are', async () => {
    const pool = new ScriptPool({ clock: systemClock, processes: 1, waitingMax: 1 });
    const call = () => pool.run(callOf(bodyOf('return 1')));
    const first = call();
    const second = call();
    await rejects(call(), { code: 'TooManyScripts' });
    await Promise.all([first, second]);
    pool.close();
    await rejects(call(), { code: 'IsolateFailed' });
  });
});
