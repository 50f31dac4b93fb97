import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BugError, refuse } from '@coco/base';
import { bytes, MemoryMap, reasonOf, resultOf, runBody } from './script-harness.ts';

const table = 'public:ccf.gov.members.info';

function filled(count: number, valueBytes = 4): MemoryMap {
  const map = new MemoryMap();
  for (let at = 0; at < count; at++) {
    map.set(bytes(`key${String(at).padStart(5, '0')}`), new Uint8Array(valueBytes).fill(at));
  }
  return map;
}

describe('ccf.kv', () => {
  test('rows are read and written through the access', async () => {
    const map = filled(2);
    const maps = new Map([[table, map]]);
    const result = await resultOf(
      `const map = ccf.kv['${table}'];
       const key = ccf.strToBuf('new');
       const before = [map.size, map.has(key), map.get(key), map.getVersionOfPreviousWrite(key)];
       const chained = map.set(key, ccf.strToBuf('value')) === map;
       map.delete(ccf.strToBuf('key00000'));
       return [before, chained, map.size, map.has(key), ccf.bufToStr(map.get(key)),
         map.getVersionOfPreviousWrite(ccf.strToBuf('key00001'))]`,
      { maps },
    );
    deepEqual(result, [[2, false, undefined, undefined], true, 2, true, 'value', 42]);
    deepEqual(
      [...map.rows.values()].map((row) => row.key),
      [bytes('key00001'), bytes('new')],
    );
  });

  test('a row that is set without a value is empty, as CCF’s own constitution sets one', async () => {
    const map = filled(0);
    await resultOf(`ccf.kv['${table}'].set(ccf.strToBuf('k'))`, { maps: new Map([[table, map]]) });
    deepEqual(
      [...map.rows.values()].map(({ key, value }) => [key, value.length]),
      [[bytes('k'), 0]],
    );
  });

  test('arguments are checked with the texts of CCF', async () => {
    const cases: Record<string, string> = {
      'get("text")': 'TypeError: Argument must be an ArrayBuffer',
      'get(new Uint8Array(3))': 'TypeError: Argument must be an ArrayBuffer',
      'get({ byteLength: 3 })': 'TypeError: Argument must be an ArrayBuffer',
      'get()': 'TypeError: Passed 0 arguments, but expected 1',
      'has(1, 2)': 'TypeError: Passed 2 arguments, but expected 1',
      'set()': 'TypeError: Passed 0 arguments, but expected 2',
      'set("text")': 'TypeError: Arguments must be ArrayBuffers',
      'set(1, 2, 3)': 'TypeError: Passed 3 arguments, but expected 2',
      'set(new ArrayBuffer(1), undefined)': 'TypeError: Arguments must be ArrayBuffers',
      'delete(undefined)': 'TypeError: Argument must be an ArrayBuffer',
      'clear(1)': 'TypeError: Passed 1 arguments, but expected 0',
      'forEach(1)': 'TypeError: Argument must be a function',
      'getVersionOfPreviousWrite(null)': 'TypeError: Argument must be an ArrayBuffer',
      'get((() => { const b = new ArrayBuffer(1); b.transfer(); return b; })())':
        'TypeError: Argument must be an ArrayBuffer',
    };
    for (const [call, reason] of Object.entries(cases)) {
      equal(await reasonOf(`ccf.kv['${table}'].${call}`), reason, call);
    }
  });

  test('a map is obtained without right to it, and refuses its use', async () => {
    const read = { context: 'governance-read' } as const;
    equal(await resultOf(`return typeof ccf.kv['${table}'].set`, read), 'function');
    match(
      await reasonOf(`ccf.kv['${table}'].set(new ArrayBuffer(1), new ArrayBuffer(1))`, read),
      /^TypeError: Cannot call \.set\(\) on read-only table named public:ccf\.gov\.members\.info in read-only governance execution context\.$/,
    );
    match(await reasonOf("ccf.kv['app'].size", read), /inaccessible table named app/);
    match(
      await reasonOf("ccf.kv['public:app'].forEach(() => {})"),
      /^TypeError: Cannot call \.forEach\(\) on write-only table/,
    );
    equal(
      await resultOf(`try { ccf.kv['app'].clear() } catch { return 'caught' }`, read),
      'caught',
    );
  });

  test('forEach sees every row in order, over as many pages as they take', async () => {
    const maps = new Map([[table, filled(3000, 300)]]);
    const result = await resultOf(
      `const map = ccf.kv['${table}']; let count = 0, last = '', isOrdered = true, isMap = true;
       map.forEach((value, key, owner) => {
         const text = ccf.bufToStr(key);
         isOrdered &&= text > last && value.byteLength === 300;
         isMap &&= owner === map;
         last = text; count++;
       });
       return [count, last, isOrdered, isMap]`,
      { maps },
    );
    deepEqual(result, [3000, 'key02999', true, true]);
  });

  test('forEach shows the map as it was when it began', async () => {
    const map = filled(2000, 300);
    const result = await resultOf(
      `const map = ccf.kv['${table}']; const seen = new Map();
       map.forEach((value, key) => {
         seen.set(ccf.bufToStr(key), value.byteLength);
         if (seen.size === 1) {
           map.delete(ccf.strToBuf('key01500'));
           map.set(ccf.strToBuf('key01600'), ccf.strToBuf('changed'));
           map.set(ccf.strToBuf('key01600x'), ccf.strToBuf('added'));
           map.set(ccf.strToBuf('zzz'), ccf.strToBuf('added'));
         }
       });
       return [seen.size, seen.get('key01500'), seen.get('key01600'), seen.has('zzz'), map.size]`,
      { maps: new Map([[table, map]]) },
    );
    deepEqual(result, [2000, 300, 300, false, 2001]);
  });

  test('a walk may clear its own map, be left early and hold other walks, up to a limit', async () => {
    const maps = () => new Map([[table, filled(2000, 300)]]);
    const map = `const map = ccf.kv['${table}'];`;
    deepEqual(
      await resultOf(
        `${map} let n = 0; map.forEach(() => { if (n++ === 0) map.clear() }); return [n, map.size]`,
        { maps: maps() },
      ),
      [2000, 0],
    );
    equal(
      await resultOf(
        `${map} for (let i = 0; i < 50; i++) { try { map.forEach(() => { throw 1 }) } catch {} } return map.size`,
        { maps: maps() },
      ),
      2000,
    );
    match(
      await reasonOf(`${map} const walk = () => map.forEach(walk); walk()`, { maps: maps() }),
      /At most 16 forEach run within each other/,
    );
  });

  test('what the store refuses is thrown in the script; what it fails at ends the run', async () => {
    const refusing = new MemoryMap();
    refusing.set = () => {
      throw refuse('InvalidInput', 'The key is odd.');
    };
    const failing = new MemoryMap();
    failing.set = () => {
      throw new BugError('the store is broken');
    };
    const body = `try { ccf.kv['${table}'].set(new ArrayBuffer(1), new ArrayBuffer(1)) } catch (e) { return String(e) }`;
    equal(await resultOf(body, { maps: new Map([[table, refusing]]) }), 'Error: The key is odd.');
    await rejects(runBody(body, { maps: new Map([[table, failing]]) }), BugError);
  });
});

describe('functions of the access', () => {
  test('they stand at their paths, and nothing stands where there is none', async () => {
    const functions = { 'node.trigger': () => 'done', top: () => 1 };
    equal(await resultOf('return ccf.node.trigger()', { functions }), 'done');
    equal(await resultOf('return ccf.top()', { functions }), 1);
    deepEqual(await resultOf('return [typeof ccf.node, typeof ccf.consensus]'), [
      'undefined',
      'undefined',
    ]);
  });

  test('arguments and results are values, bytes and absence among them', async () => {
    const calls: unknown[] = [];
    const functions = {
      'network.echo': (args: readonly unknown[]) => {
        calls.push(args);
        return [Buffer.from('ab'), undefined, 'x'];
      },
    };
    const body = `const [bytes, nothing, text] = ccf.network.echo(undefined, ccf.strToBuf('in'), { a: 1 });
      return [bytes instanceof ArrayBuffer, bytes.byteLength, nothing, text]`;
    deepEqual(await resultOf(body, { functions }), [true, 2, undefined, 'x']);
    deepEqual(calls, [[undefined, bytes('in'), { a: 1 }]]);
  });

  test('a promise is awaited while the script stands still', async () => {
    const order: string[] = [];
    const map = new MemoryMap();
    const functions = {
      slow: async (args: readonly unknown[]) => {
        await Promise.resolve();
        order.push(`slow ${args[0]}`);
        return `${args[0]}!`;
      },
    };
    const body = `const map = ccf.kv['${table}']; const key = ccf.strToBuf('n');
      const seen = [map.has(key), Math.random()];
      map.set(key, ccf.strToBuf('1'));
      seen.push(ccf.slow('a'), ccf.slow('b'), map.has(key));
      return seen`;
    const seen = (await resultOf(body, { functions, maps: new Map([[table, map]]) })) as unknown[];
    deepEqual([seen[0], seen[2], seen[3], seen[4]], [false, 'a!', 'b!', true]);
    deepEqual(order, ['slow a', 'slow b']);
  });

  test('a refusal is thrown with its message; another error ends the run', async () => {
    const refusal = async () => {
      throw refuse('InvalidInput', 'Not now.');
    };
    const fault = async () => {
      throw new BugError('no');
    };
    equal(await reasonOf('ccf.f()', { functions: { f: refusal } }), 'Error: Not now.');
    await rejects(runBody('try { ccf.f() } catch {}', { functions: { f: fault } }), BugError);
  });
});

describe('converters', () => {
  test('text and JSON become bytes and come back', async () => {
    deepEqual(await resultOf("return new Uint8Array(ccf.strToBuf('é\\0'))"), bytes('é\0'));
    equal(
      await resultOf('return ccf.bufToStr(new Uint8Array([0xc3, 0xa9, 0xff]).buffer)'),
      'é\ufffd',
    );
    deepEqual(
      await resultOf('return ccf.bufToJsonCompatible(ccf.jsonCompatibleToBuf({ a: [1] }))'),
      {
        a: [1],
      },
    );
    equal(await reasonOf('ccf.strToBuf(1)'), 'TypeError: Argument must be a string');
    equal(
      await reasonOf('ccf.jsonCompatibleToBuf(undefined)'),
      'TypeError: Argument must be a string',
    );
    equal(await reasonOf('ccf.bufToStr("x")'), 'TypeError: Argument must be an ArrayBuffer');
    match(await reasonOf("ccf.bufToJsonCompatible(ccf.strToBuf('{'))"), /^SyntaxError/);
  });

  test('switches answer what they were', async () => {
    deepEqual(
      await resultOf('const f = ccf.enableUntrustedDateTime; return [f(true), f(false), f(false)]'),
      [false, true, false],
    );
    match(await reasonOf('ccf.enableMetricsLogging(1)'), /First argument must be a boolean/);
  });
});

describe('ccf.gov.validateConstitution', () => {
  const functions = `export function resolve(proposal, proposerId, votes, proposalId) {}
    export function apply(proposal, proposalId) {}`;
  const check = (source: string) =>
    reasonOf(`return ccf.gov.validateConstitution(args[0])`, { args: [source] });

  test('three functions with their parameters are a constitution', async () => {
    const source = `${functions} export function validate(input) {}`;
    equal(await resultOf('return ccf.gov.validateConstitution(args[0])', { args: [source] }), true);
  });

  test('another module is refused with what it lacks', async () => {
    match(
      await check(functions),
      /^TypeError: proposed constitution does not export a function named validate/,
    );
    match(await check(`${functions} export const validate = 1`), /named validate/);
    match(
      await check(`${functions} export function validate() {}`),
      /exports function validate with 0 args, expected 1 arg \(input\)$/,
    );
    match(await check('export function ('), /SyntaxError/);
    match(await check('throw new Error("x")'), /Error: x/);
    equal(await check(''), 'TypeError: constitution is empty');
    equal(
      await reasonOf('ccf.gov.validateConstitution(1)'),
      'TypeError: constitution is not a string',
    );
  });

  test('the candidate reaches nothing of the script that asks, and shares its time', async () => {
    const source = `globalThis.left = 1; Object.prototype.left = 2; ${functions} export function validate(input) {}`;
    equal(
      await resultOf('ccf.gov.validateConstitution(args[0]); return ({}).left', { args: [source] }),
      undefined,
    );
    equal(
      (await runBody('try { ccf.gov.validateConstitution("for (;;);") } catch { return 1 }')).kind,
      'timedOut',
    );
  });

  test('apps have no such function', async () => {
    equal(await resultOf('return typeof ccf.gov', { context: 'app-write' }), 'undefined');
  });
});
