/**
 * Random programs and signed authorizations on revm and on @ethereumjs/vm: success, gas, output,
 * logs and the whole state must agree.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatBytes, fromHex, toHex } from '@coco/base';
import fc from 'fast-check';
import { privateKeyToAccount } from 'viem/accounts';
import type { ExecutableTransaction, Spec } from '../src/engine-types.ts';
import { assertSame, executeHere, precompile } from './compare-machines.ts';
import { alice, bob, config, engine, stateWithAlice, transactionOf } from './memory-state.ts';
import { executeRawElsewhere } from './other-machine.ts';

const carol = new Uint8Array(20).fill(0xca);

const push = (value: number | bigint): Uint8Array => {
  const digits = BigInt(value).toString(16);
  const bytes = fromHex(digits.padStart(digits.length + (digits.length % 2), '0'));
  return Uint8Array.of(0x5f + bytes.length, ...bytes);
};

const small = fc.integer({ min: 0, max: 4 }).map(push);
const word = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map(push);
const offset = fc.integer({ min: 0, max: 300 }).map(push);
const target = fc
  .constantFrom(bob, carol, alice, fromHex('04'.padStart(40, '0')))
  .map((address) => push(BigInt(`0x${toHex(address)}`)));
const op = (...codes: number[]): fc.Arbitrary<Uint8Array> =>
  fc.constantFrom(...codes).map((code) => Uint8Array.of(code));

/** An opcode with its operands pushed before it, the last on top. */
const instruction = (
  operands: readonly fc.Arbitrary<Uint8Array>[],
  ...codes: number[]
): fc.Arbitrary<Uint8Array> =>
  fc.tuple(...operands, op(...codes)).map((parts) => concatBytes(...parts));

/** 1 to 11: arithmetic; 16 to 29: comparison and bits. */
const binary = [1, 2, 3, 4, 5, 6, 7, 10, 11, 16, 17, 18, 19, 20, 22, 23, 24, 26, 27, 28, 29];
/** Environment that costs and gives one word. */
const nullary = [
  0x30, 0x32, 0x33, 0x34, 0x36, 0x38, 0x3a, 0x3d, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
  0x58, 0x59, 0x5a,
];

const anyInstruction = fc.oneof(
  { weight: 4, arbitrary: instruction([word, word], ...binary) },
  { weight: 2, arbitrary: op(...binary, 0x15, 0x19, 0x1e, 0x50, 0x80, 0x81, 0x90) },
  { weight: 2, arbitrary: instruction([word, word, word], 8, 9) },
  // ISZERO, NOT and CLZ, which Osaka brings (EIP-7939).
  { weight: 1, arbitrary: instruction([word], 0x15, 0x19, 0x1e) },
  { weight: 2, arbitrary: op(...nullary) },
  { weight: 3, arbitrary: instruction([word, offset], 0x52, 0x53) },
  { weight: 1, arbitrary: instruction([offset], 0x51, 0x35, 0x54, 0x5c, 0x40) },
  { weight: 4, arbitrary: instruction([small, small], 0x55, 0x5d) },
  { weight: 1, arbitrary: instruction([small], 0x54, 0x5c) },
  { weight: 1, arbitrary: instruction([offset, offset], 0x20, 0xa0) },
  { weight: 1, arbitrary: instruction([word, offset, offset], 0xa1) },
  { weight: 1, arbitrary: instruction([offset, offset, offset], 0x37, 0x39, 0x5e) },
  { weight: 1, arbitrary: instruction([small, small, offset], 0x3e) },
  { weight: 1, arbitrary: instruction([target], 0x31, 0x3b, 0x3f) },
  {
    weight: 3,
    arbitrary: instruction([offset, offset, offset, offset, small, target, word], 0xf1, 0xf2),
  },
  {
    weight: 3,
    arbitrary: instruction([offset, offset, offset, offset, target, word], 0xf4, 0xfa),
  },
  { weight: 1, arbitrary: instruction([offset, offset, small], 0xf0) },
  { weight: 1, arbitrary: instruction([small, offset, offset, small], 0xf5) },
);

const ending = fc.oneof(
  { weight: 6, arbitrary: instruction([offset, offset], 0xf3) },
  { weight: 1, arbitrary: instruction([offset, offset], 0xfd) },
  { weight: 1, arbitrary: instruction([target], 0xff) },
  { weight: 1, arbitrary: op(0xfe, 0x00) },
);

const program = fc
  .tuple(fc.array(anyInstruction, { minLength: 1, maxLength: 25 }), ending)
  .map(([instructions, end]) => concatBytes(...instructions, end));

/** More than the default, for a longer search by hand. */
const { COCO_DIFFERENTIAL_RUNS: programRunsText = '50' } = process.env;
const programRuns = Number(programRunsText);

test('random programs end the same on both machines', async () => {
  let successes = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        programs: fc.tuple(program, program),
        gasLimit: fc.bigInt({ min: 150_000n, max: 500_000n }),
        value: fc.bigInt({ min: 0n, max: 3n }),
        data: fc.uint8Array({ maxLength: 64 }),
        spec: fc.constantFrom<Spec>('prague', 'osaka'),
        isCreation: fc.boolean(),
      }),
      async ({ programs, gasLimit, value, data, spec, isCreation }) => {
        const state = stateWithAlice();
        state.setCode(bob, programs[0]);
        state.account(bob).balance = 5n;
        state.setCode(carol, programs[1]);
        state.account(carol).nonce = 1n;
        state.account(bob).nonce = 1n;
        const transaction = transactionOf({
          to: isCreation ? undefined : bob,
          input: isCreation ? programs[0] : data,
          gasLimit,
          value,
        });
        const { isSuccess } = await assertSame(state, transaction, spec);
        if (isSuccess) successes++;
      },
    ),
    // No shrinking: it takes minutes; the seed replays the one that failed.
    { numRuns: programRuns, endOnFailure: true },
  );
  assert.ok(successes > programRuns / 10 && successes < programRuns, 'the programs vary');
});

test('EIP-7623 and EIP-2930: calldata and access lists cost the same on both', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 400 }),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }),
      async (input, slots) => {
        const storageKeys = slots.map((slot) => new Uint8Array(32).fill(slot));
        const transaction = transactionOf({
          to: bob,
          input,
          gasLimit: 100_000n,
          accessList: [{ address: carol, storageKeys }],
        });
        await assertSame(stateWithAlice(), transaction, 'osaka');
      },
    ),
    { numRuns: 30 },
  );
});

test('EIP-7702: signed authorizations, valid and not, end the same on both machines', async () => {
  const sender = privateKeyToAccount(`0x${'31'.repeat(32)}`);
  const signers = ['32', '33', '31'].map((byte) => privateKeyToAccount(`0x${byte.repeat(32)}`));
  const authorization = fc.record({
    signer: fc.constantFrom(...signers),
    address: fc.constantFrom(bob, carol, new Uint8Array(20), precompile(4)),
    chainId: fc.constantFrom(0, Number(config.chainId), 1),
    nonce: fc.integer({ min: 0, max: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(authorization, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...signers),
      program,
      async (authorizations, to, code) => {
        const authorizationList = await Promise.all(
          authorizations.map(({ signer, address, chainId, nonce }) =>
            signer.signAuthorization({ address: `0x${toHex(address)}`, chainId, nonce }),
          ),
        );
        const raw = await sender.signTransaction({
          type: 'eip7702',
          chainId: Number(config.chainId),
          nonce: 0,
          gas: 500_000n,
          to: to.address,
          authorizationList,
        });
        const state = stateWithAlice();
        state.setCode(bob, code);
        state.account(bob).nonce = 1n;
        state.account(fromHex(sender.address)).balance = 10n ** 18n;
        // One of the signers exists already, for the refund of EIP-7702.
        state.account(fromHex(signers[0]?.address ?? '')).nonce = 1n;
        const decoded = engine.decodeTransaction(fromHex(raw));
        const transaction: ExecutableTransaction = {
          ...decoded,
          sender: engine.recoverSender(decoded),
          authorizationList: engine.recoverAuthorizations(decoded),
        };
        const there = await executeRawElsewhere(state, fromHex(raw), 'osaka');
        assert.deepEqual(executeHere(state, transaction, 'osaka'), there);
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
});
