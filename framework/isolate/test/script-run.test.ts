import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BugError } from '@coco/base';
import { ScriptEngine } from '@coco/isolate';
import { bytes, reasonOf, resultOf, runBody, runModule } from './script-harness.ts';

describe('a call of a script', () => {
  test('values go in and come out as they are', async () => {
    const args = [1.5, 'text', '\0nul', null, undefined, true, [{ a: [bytes('x')] }], { b: {} }];
    deepEqual(await resultOf('return args', { args }), args);
    equal(await resultOf('return args[0].byteLength', { args: [new Uint8Array(3)] }), 3);
    equal(await resultOf('return args[0] instanceof ArrayBuffer', { args: [bytes('x')] }), true);
    equal(await resultOf('return "\\ud800\\0"'), '\ud800\0');
    deepEqual(await resultOf('return [undefined, () => 1, NaN]'), [undefined, null, null]);
    equal(await resultOf(''), undefined);
  });

  test('a name that means something to objects is a name like any other', async () => {
    const arg = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": "\\u0000u"}');
    equal(await resultOf('return args[0].polluted', { args: [arg] }), undefined);
    const result = await resultOf('return args[0]', { args: [arg] });
    deepEqual(Object.keys(result as object), ['__proto__', 'constructor']);
    equal(Object.getPrototypeOf(result), Object.prototype);
  });

  test('parts of buffers come out as the bytes that they show', async () => {
    deepEqual(
      await resultOf(`const all = new Uint8Array([1, 2, 3, 4]);
        return [all.subarray(1, 3), new DataView(all.buffer, 2), new Uint16Array([258])]`),
      [Uint8Array.of(2, 3), Uint8Array.of(3, 4), Uint8Array.of(2, 1)],
    );
  });

  test('a promise is awaited as far as it can come', async () => {
    deepEqual(await runModule('export async function run() { await null; return 3; }'), {
      kind: 'returned',
      value: 3,
    });
    equal(await reasonOf('return Promise.reject(new Error("no"))'), 'Error: no');
    match(await reasonOf('return new Promise(() => {})'), /waits for what never comes/);
  });

  test('an object with a then is an object', async () => {
    deepEqual(await resultOf('return { then: (resolve) => resolve(1), a: 1 }'), { a: 1 });
  });

  test('what is thrown is told with its trace', async () => {
    const outcome = await runBody('function f() { throw new TypeError("no") } f()');
    ok(outcome.kind === 'threw');
    equal(outcome.reason, 'TypeError: no');
    match(outcome.trace ?? '', /^ {4}at f \(script:1:\d+\)\n {4}at run \(script:1:\d+\)/);
    equal(await reasonOf('throw 7'), '7');
    equal(await reasonOf('throw undefined'), 'undefined');
    match(await reasonOf('throw { toString() { throw 1 } }'), /has no text/);
    match(await reasonOf('throw Symbol("s")'), /Symbol\(s\)/);
  });

  test('long reasons and traces are cut', async () => {
    const outcome = await runBody(
      'const e = new Error("x".repeat(1e6)); e.stack = "y".repeat(1e6); throw e',
    );
    ok(outcome.kind === 'threw');
    equal(outcome.reason.length, 4099);
    equal(outcome.trace?.length, 4099);
  });

  test('a module that does not load is unloadable', async () => {
    const sources = [
      'export function run(',
      'throw new Error("early")',
      'import "other"; export function run() {}',
      'import { x } from "node:fs"; export function run() {}',
      'export * from "std"',
      'await new Promise(() => {}); export function run() {}',
    ];
    for (const source of sources) {
      equal((await runModule(source)).kind, 'unloadable', source);
    }
  });

  test('an export that is absent or no function is missing', async () => {
    equal((await runModule('export const other = 1')).kind, 'missing');
    equal((await runModule('export const run = 1')).kind, 'missing');
    equal((await runModule('export let run = () => 1', { entry: '__proto__' })).kind, 'missing');
  });

  test('nothing of one call is there in the next', async () => {
    await runBody('Object.prototype.left = 1; globalThis.behind = 2; Array.prototype.map = null');
    deepEqual(await resultOf('return [typeof behind, ({}).left, typeof [].map]'), [
      'undefined',
      undefined,
      'function',
    ]);
  });

  test('a script finds the language, console and ccf, and nothing else', async () => {
    const names = (await resultOf('return Object.getOwnPropertyNames(globalThis)')) as string[];
    const foreign = names.filter((name) => name === 'ccf' || !Object.hasOwn(globalThis, name));
    deepEqual(foreign.sort(), ['InternalError', 'ccf']);
    for (const name of [
      'process',
      'require',
      'fetch',
      'setTimeout',
      'WebAssembly',
      'performance',
    ]) {
      ok(!names.includes(name), name);
    }
    equal(await resultOf('return console.log("x", { get a() { throw 1 } })'), undefined);
  });

  test('chance and time are the ports', async () => {
    const first = await resultOf('return [Math.random(), Math.random()]');
    deepEqual(await resultOf('return [Math.random(), Math.random()]'), first);
    const [one, other] = first as number[];
    ok(one !== other && one !== undefined && one >= 0 && one < 1);
    equal(await resultOf('return Date.now()'), 1_700_000_000_123);
    equal(await resultOf('return new Date().getTimezoneOffset()'), 0);
  });

  test('a long module runs alike each time, and starts anew each time', async () => {
    const filler = `// ${'x'.repeat(10_000)}\n`;
    const source = `${filler}let count = 0; export function run() { return ++count; }`;
    const failing = `${filler}export function run() { throw new Error('no') }`;
    for (let time = 0; time < 3; time++) {
      deepEqual(await runModule(source), { kind: 'returned', value: 1 });
      const outcome = await runModule(failing);
      ok(outcome.kind === 'threw');
      match(outcome.trace ?? '', /^ {4}at run \(script:2:\d+\)/);
      equal((await runModule(`${filler}export function (`)).kind, 'unloadable');
      equal((await runModule(`${filler}for (;;);`)).kind, 'timedOut');
      equal(
        (await runModule(`${filler}import 'other'; export function run() {}`)).kind,
        'unloadable',
      );
    }
  });

  test('an engine that is not the recorded one is refused', () => {
    let error: unknown;
    try {
      new ScriptEngine(new Uint8Array(8));
    } catch (thrown) {
      error = thrown;
    }
    ok(error instanceof BugError);
  });
});
