import { deepEqual, equal, match, notDeepEqual, ok, rejects } from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BugError, refuse } from '@coco/base';
import type { ScriptAccess, ScriptCall, ScriptFunction, ScriptMap } from '@coco/isolate';
import { systemClock } from '../src/real-ports.ts';
import { ScriptPool, ScriptPools } from '../src/script-pool.ts';

const table = 'public:ccf.gov.members.info';
const hostilePath = fileURLToPath(new URL('./fixtures/hostile-isolate.mjs', import.meta.url));

/** Rows by text, in order. */
function mapOf(rows: Map<string, Uint8Array>): ScriptMap {
  const text = (key: Uint8Array) => Buffer.from(key).toString();
  return {
    get: (key) => rows.get(text(key)),
    has: (key) => rows.has(text(key)),
    set: (key, value) => void rows.set(text(key), value),
    delete: (key) => void rows.delete(text(key)),
    get size() {
      return rows.size;
    },
    versionOf: () => 3,
    range: () => [...rows].sort().map(([key, value]) => ({ key: Buffer.from(key), value })),
  };
}

interface CallParts {
  readonly isVoted?: boolean;
  readonly party?: string;
  readonly context?: ScriptAccess['context'];
  readonly rows?: Map<string, Uint8Array>;
  readonly functions?: Readonly<Record<string, ScriptFunction>>;
  readonly executionMsMax?: number;
  readonly args?: ScriptCall['args'];
}

function callOf(source: string, parts: CallParts = {}): ScriptCall {
  const map = mapOf(parts.rows ?? new Map());
  return {
    source,
    entry: 'run',
    args: parts.args ?? [],
    isVoted: parts.isVoted ?? false,
    party: parts.party ?? 'member',
    limits: {
      heapBytesMax: 16 << 20,
      stackBytesMax: 1 << 20,
      executionMsMax: parts.executionMsMax ?? 10_000,
    },
    access: {
      context: parts.context ?? 'governance-write',
      map: () => map,
      functions: new Map(Object.entries(parts.functions ?? {})),
    },
  };
}

const bodyOf = (body: string): string => `export function run(...args) { ${body} }`;
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
    const outcome = await pool.run(callOf(nativeLoop, { functions, executionMsMax: 1000 }));
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

describe('a process that a script has taken over', () => {
  const pool = new ScriptPool({ clock: systemClock, processes: 1, workerPath: hostilePath });
  after(() => pool.close());
  const broken = {
    kind: 'threw',
    reason: 'InternalError: the script broke its isolate',
    trace: undefined,
  };

  test('what it says out of place, or is no message, ends it, twice, and then the call', async () => {
    for (const way of ['noise', 'long', 'unknown', 'foreign', 'walk', 'ready', 'aborted']) {
      deepEqual(await pool.run(callOf(way)), broken, way);
    }
    for (const way of ['nonsense', 'deep', 'exit', 'crash']) {
      deepEqual(await pool.run(callOf(way)), broken, way);
    }
  });

  test("once the call has acted, it is the node's to give up", async () => {
    const functions = { slow: () => new Promise<undefined>(() => {}) };
    await rejects(pool.run(callOf('twice', { functions })), { code: 'IsolateFailed' });
  });

  test('it is killed when it is late', async () => {
    deepEqual(await pool.run(callOf('late', { executionMsMax: 1 })), { kind: 'timedOut' });
  });

  test('it is killed when it grows', { skip: process.platform !== 'linux' }, async () => {
    const outcome = await pool.run(callOf('grown'));
    deepEqual(outcome, { kind: 'threw', reason: 'InternalError: out of memory', trace: undefined });
  });

  test('it finds no environment, reads no file but its code, and starts nothing', async () => {
    const outcome = await pool.run(callOf('probe'));
    ok(outcome.kind === 'returned');
    deepEqual(outcome.value, {
      environment: [],
      read: 'ERR_ACCESS_DENIED',
      readSandbox: 'ERR_ACCESS_DENIED',
      write: 'ERR_ACCESS_DENIED',
      evaluate: 'EvalError',
      spawn: 'ERR_ACCESS_DENIED',
      worker: 'ERR_ACCESS_DENIED',
      inspector: 'ERR_ACCESS_DENIED',
      listen: 'function',
    });
  });

  test('what members voted for and what they did not share no process', async () => {
    const pools = new ScriptPools({ clock: systemClock, processes: 1, workerPath: hostilePath });
    const processOf = (isVoted: boolean) => pools.run(callOf('pid', { isVoted }));
    const [ballot, constitution] = [await processOf(false), await processOf(true)];
    equal(ballot.kind, 'returned');
    equal(constitution.kind, 'returned');
    notDeepEqual(ballot, constitution);
    deepEqual(await processOf(false), ballot);
    deepEqual(await processOf(true), constitution);
    pools.close();
    await rejects(processOf(false), { code: 'IsolateFailed' });
    await rejects(processOf(true), { code: 'IsolateFailed' });
  });

  test('a worker that does not start fails its calls, and says why', async () => {
    const absent = new ScriptPool({ clock: systemClock, processes: 1, workerPath: '/absent.mjs' });
    await rejects(absent.run(callOf('x')), { code: 'IsolateFailed' });
    absent.close();
  });
});
