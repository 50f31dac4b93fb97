/** execute: access lists, delegations (EIP-7702), calls and system calls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '@coco/base';
import { type Hex, keccak256 } from 'viem';
import { systemSender } from '../src/engine.ts';
import type { ExecutableTransaction, Execution } from '../src/engine-types.ts';
import {
  alice,
  block,
  bob,
  config,
  emptyCodeHashHex,
  engine,
  send,
  stateWithAlice,
  transactionOf,
} from './memory-state.ts';
import { hex, input, invoke, returned, withProbe, word } from './probe.ts';

test('EIP-2930: an access list is paid up front and makes the slot warm', () => {
  const { state, to } = withProbe();
  const slot = fromHex(keccak256(`0x${toHex(word(3))}${toHex(word(0))}`));
  const data = input('store', [3n, 9n]);
  const call = (fields: Partial<ExecutableTransaction>): bigint =>
    engine.execute(
      { mode: 'call', transaction: transactionOf({ to, input: data, ...fields }), block, config },
      state,
    ).gasSpent;
  const listed = call({ type: 1, accessList: [{ address: to, storageKeys: [slot] }] });
  // 2400 for the address (warm anyway), 1900 for the key, against 2100 for a cold slot instead of
  // 100.
  assert.equal(listed - call({}), 2400n + 1900n - (2100n - 100n));
});

test('EIP-7702: a delegation is set, runs as the account, and is cleared', () => {
  const { state, to } = withProbe();
  const authorize = (address: Uint8Array, nonce: bigint): Execution =>
    send(state, {
      type: 4,
      to: bob,
      input: input('whoCalls'),
      authorizationList: [{ chainId: 1337n, address, nonce, authority: bob }],
    });
  const set = authorize(to, 0n);
  const who = returned(set, 'whoCalls') as readonly Hex[];
  assert.deepEqual(
    who.map((address) => address.toLowerCase()),
    [hex(alice), hex(alice), hex(bob)],
  );
  const change = set.changes.find(({ address }) => hex(address) === hex(bob));
  assert.equal(hex(change?.code ?? alice), `0xef0100${toHex(to)}`);
  assert.equal(change?.nonce, 1n);
  assert.equal(change?.isStorageReset, false);
  assert.equal(invoke(state, bob, 'store', [1n, 2n]).status, 'success');
  assert.equal(state.account(bob).storage.size, 1);
  const cleared = authorize(new Uint8Array(20), 1n);
  const after = cleared.changes.find(({ address }) => hex(address) === hex(bob));
  assert.equal(after?.code?.length, 0);
  assert.equal(state.account(bob).codeHash, emptyCodeHashHex);
});

test('EIP-7702: invalid authorizations are skipped, the transaction goes on', () => {
  const { state, to } = withProbe();
  const valid = { chainId: 1337n, address: to, nonce: 0n, authority: bob };
  for (const spoiled of [
    { ...valid, authority: undefined },
    { ...valid, nonce: 1n },
    { ...valid, chainId: 1n },
    { ...valid, nonce: (1n << 64n) - 1n },
  ]) {
    const execution = send(state, { type: 4, to: alice, authorizationList: [spoiled] });
    assert.equal(execution.status, 'success');
    assert.equal(state.account(bob).codeHash, emptyCodeHashHex);
  }
});

test('a delegated account still sends transactions, a contract does not (EIP-3607)', () => {
  const { state, to } = withProbe();
  state.setCode(alice, fromHex(`ef0100${toHex(to)}`));
  assert.equal(send(state, { to: bob, value: 1n }).status, 'success');
  state.setCode(alice, fromHex('00'));
  assert.throws(() => send(state, { to: bob }), { code: 'SenderNotExternal' });
});

test('mode call: any sender, any nonce, no fee; the balance still covers the value', () => {
  const { state, to } = withProbe();
  const call = (fields: Partial<ExecutableTransaction>, baseFee = 1000n): Execution =>
    engine.execute(
      {
        mode: 'call',
        transaction: transactionOf({ to, nonce: 99n, gasLimit: 1n << 40n, ...fields }),
        block: { ...block, baseFee },
        config,
      },
      state,
    );
  const stranger = new Uint8Array(20).fill(0x77);
  const figures = call({ sender: stranger, input: input('blockFigures') });
  assert.equal((returned(figures, 'blockFigures') as bigint[])[3], 0n, 'no fee: base fee zero');
  assert.equal(call({ sender: to, input: input('initial') }).status, 'success');
  assert.throws(() => call({ sender: stranger, value: 1n }), { code: 'InsufficientFunds' });
  assert.throws(() => call({ maxFeePerGas: 10n, maxPriorityFeePerGas: 1n, gasLimit: 100_000n }), {
    code: 'FeeCapTooLow',
  });
});

test('mode system: EIP-2935 stores the parent hash through its contract', () => {
  const state = stateWithAlice();
  const history = fromHex('0000f90827f1c53a10cb7a02335b175320002935');
  state.setCode(
    history,
    fromHex(
      '3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111' +
        '604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500',
    ),
  );
  const hash = new Uint8Array(32).fill(0xcd);
  const transaction = transactionOf({ sender: systemSender, to: history, input: hash });
  const execution = engine.execute({ mode: 'system', transaction, block, config }, state);
  assert.equal(execution.status, 'success');
  state.apply(execution);
  assert.deepEqual(state.account(history).storage.get(toHex(word(76))), hash);
  assert.deepEqual(
    execution.changes.map(({ address }) => hex(address)),
    [hex(history)],
  );
  const read = send(state, { to: history, input: word(76) });
  assert.deepEqual(read.output, hash);
});
