/** The engine's traces: instruction by instruction as on the second machine, frames, accounts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LedgerError, toHex } from '@coco/base';
import { zeroAddress } from 'viem';
import type { ExecutableTransaction } from '../src/engine-types.ts';
import { opcodeName } from '../src/opcode-names.ts';
import type { Trace, TracedFrame, TraceWish } from '../src/trace-types.ts';
import { alice, block, config, engine, type MemoryState, transactionOf } from './memory-state.ts';
import { stepsElsewhere } from './other-machine.ts';
import { hex, input, withProbe, word } from './probe.ts';

const everything: TraceWish = {
  frames: true,
  steps: { stack: true, memory: true, storage: true, returnData: true, countMax: 100_000 },
  accounts: true,
  bytesMax: 64 * 1024 * 1024,
};

const withNonce = (
  state: MemoryState,
  fields: Partial<ExecutableTransaction>,
): ExecutableTransaction => transactionOf({ nonce: state.account(alice).nonce, ...fields });

function trace(
  state: MemoryState,
  fields: Partial<ExecutableTransaction>,
  wish: TraceWish = everything,
): Trace {
  const request = { mode: 'transaction', block, config } as const;
  return engine.trace({ ...request, transaction: withNonce(state, fields) }, wish, state);
}

const shape = ({ kind, error, calls }: TracedFrame): unknown => [
  error === undefined ? kind : `${kind}: ${error}`,
  ...calls.map(shape),
];

test('each instruction is the one that the second machine executes, with gas and stack', async () => {
  const { state, to } = withProbe();
  const calls: readonly (readonly [string, readonly unknown[]])[] = [
    ['store', [3n, 9n]],
    ['createChild', [hex(word(1)), 5n]],
    ['createAndDestroy', [zeroAddress]],
    ['staticStore', []],
    ['transientValue', [4n]],
    ['refuse', ['no']],
  ];
  for (const [name, args] of calls) {
    const fields = withNonce(state, { to, input: input(name, args) });
    const { steps } = trace(state, fields);
    const here = steps.map(
      ({ pc, opcode, gas, depth, stack }) =>
        `${pc} ${opcodeName(opcode)} ${gas} ${depth} ${stack.map(String).join()}`,
    );
    assert.deepEqual(here, await stepsElsewhere(state, fields, config.spec), name);
    assert.ok(here.length > 50, name);
  }
});

test('a trace comes to what the execution comes to', () => {
  const { state, to } = withProbe();
  const fields = { to, input: input('store', [3n, 9n]) };
  const { execution } = trace(state, fields);
  const request = { mode: 'transaction', block, config } as const;
  const plain = engine.execute({ ...request, transaction: withNonce(state, fields) }, state);
  assert.deepEqual(execution, plain);
});

test('frames nest as the calls did, and say how each ended', () => {
  const { state, to } = withProbe();
  const { frame } = trace(state, { to, input: input('createAndDestroy', [zeroAddress]) });
  assert.ok(frame);
  assert.deepEqual(shape(frame), ['CALL', ['CREATE'], ['CALL', ['SELFDESTRUCT']]]);
  const [created] = frame.calls;
  assert.equal(created?.to?.length, 20);
  const failed = trace(state, { to, input: input('staticStore') }).frame;
  assert.ok(failed);
  assert.deepEqual(shape(failed), ['CALL', ['STATICCALL: write protection']]);
  assert.equal(failed.calls[0]?.gasUsed, failed.calls[0]?.gas);
  const refused = trace(state, { to, input: input('refuse', ['no']) }).frame;
  assert.equal(refused?.error, 'execution reverted');
  assert.ok((refused?.output.length ?? 0) > 4);
});

test('logs stand in their frame, in order', () => {
  const { state, to } = withProbe();
  const inner = input('store', [1n, 2n]);
  const { frame } = trace(state, { to, input: input('callRaw', [hex(to), hex(inner)]) });
  assert.deepEqual(frame?.logs, []);
  const [log] = frame?.calls[0]?.logs ?? [];
  assert.equal(log?.position, 0);
  assert.equal(toHex(log?.log.address ?? word(0)), toHex(to));
});

test('accounts and slots are those that were read, before and after', () => {
  const { state, to } = withProbe();
  const { accounts } = trace(state, { to, input: input('store', [3n, 9n]) });
  const contract = accounts.find(({ address }) => toHex(address) === toHex(to));
  assert.deepEqual(
    contract?.slots.map(({ before, after }) => [toHex(before), toHex(after)]),
    [[toHex(word(0)), toHex(word(9))]],
  );
  const sender = accounts.find(({ address }) => toHex(address) === toHex(alice));
  assert.equal(sender?.after.nonce, (sender?.before.nonce ?? 0n) + 1n);
});

test('the storage of an instruction is the slot that it read or wrote', () => {
  const { state, to } = withProbe();
  const { steps } = trace(state, { to, input: input('store', [3n, 9n]) });
  const slots = steps.flatMap(({ opcode, slot }) =>
    slot ? [`${opcodeName(opcode)} ${BigInt(`0x${toHex(slot.value)}`)}`] : [],
  );
  assert.deepEqual(slots, ['SLOAD 0', 'SSTORE 9']);
});

test('a trace is bounded in bytes, and in instructions where that is wished', () => {
  const { state, to } = withProbe();
  const fields = { to, input: input('store', [3n, 9n]) };
  assert.throws(
    () => trace(state, fields, { ...everything, bytesMax: 1000 }),
    (error) => error instanceof LedgerError && error.code === 'TraceTooLarge',
  );
  const steps = { stack: false, memory: false, storage: false, returnData: false, countMax: 7 };
  const short = trace(state, fields, { ...everything, frames: false, accounts: false, steps });
  assert.equal(short.steps.length, 7);
  assert.deepEqual(short.steps[0]?.stack, []);
  assert.equal(short.frame, undefined);
});

test('a loop until out of gas is recorded within its bound', () => {
  const { state, to } = withProbe();
  const wish = { ...everything, steps: undefined };
  const { frame, execution } = trace(state, { to, input: input('loop') }, wish);
  assert.equal(execution.status, 'halt');
  assert.equal(frame?.error, 'out of gas');
});
