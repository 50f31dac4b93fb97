/**
 * Random programs and signed authorizations on revm and on @ethereumjs/vm: success, gas, output,
 * logs and the whole state must agree.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '@coco/base';
import fc from 'fast-check';
import { privateKeyToAccount } from 'viem/accounts';
import type { ExecutableTransaction, Spec } from '../src/engine-types.ts';
import { assertSame, executeHere, precompile } from './compare-machines.ts';
import { alice, bob, config, engine, stateWithAlice, transactionOf } from './memory-state.ts';
import { executeRawElsewhere } from './other-machine.ts';
import { programs } from './random-program.ts';

const carol = new Uint8Array(20).fill(0xca);
const program = programs([bob, carol, alice, precompile(4)]);

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
