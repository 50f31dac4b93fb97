/** execute: what contracts do, what it costs and which state changes come out. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '@coco/base';
import {
  decodeErrorResult,
  getContractAddress,
  type Hex,
  keccak256,
  parseAbiItem,
  toEventSelector,
} from 'viem';
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
import { deployProbe, hex, invoke, probe, returned, withProbe, word } from './probe.ts';

test('a transfer costs 21000 gas and moves the value', () => {
  const state = stateWithAlice();
  const execution = send(state, { to: bob, value: 5n, gasLimit: 21_000n });
  assert.equal(execution.status, 'success');
  assert.equal(execution.gasUsed, 21_000n);
  assert.equal(state.account(bob).balance, 5n);
  assert.equal(state.account(alice).balance, 10n ** 18n - 5n);
  assert.equal(state.account(alice).nonce, 1n);
  assert.deepEqual(
    execution.changes.map(({ address }) => hex(address)),
    [hex(alice), hex(bob)],
    'in byte order, and nothing else',
  );
});

test('fees: the sender pays the effective price, the beneficiary gets the tip', () => {
  const state = stateWithAlice();
  const execution = engine.execute(
    {
      mode: 'transaction',
      transaction: transactionOf({
        to: bob,
        gasLimit: 21_000n,
        maxFeePerGas: 100n,
        maxPriorityFeePerGas: 3n,
      }),
      block: { ...block, baseFee: 10n },
      config,
    },
    state,
  );
  state.apply(execution);
  assert.equal(state.account(alice).balance, 10n ** 18n - 21_000n * 13n);
  assert.equal(state.account(block.beneficiary).balance, 21_000n * 3n);
});

test('a deployment gives the address, the code and what the constructor stored', () => {
  const state = stateWithAlice();
  const to = deployProbe(state);
  const from = hex(alice);
  assert.equal(hex(to), getContractAddress({ from, nonce: 0n }).toLowerCase());
  const account = state.account(to);
  const code = state.codes.get(account.codeHash);
  assert.ok(code !== undefined && code.length > 100);
  assert.equal(`0x${account.codeHash}`, keccak256(code));
  assert.equal(account.nonce, 1n);
  assert.equal(returned(invoke(state, to, 'initial'), 'initial'), 42n);
});

test('storage: writes come out as changes, a repeated value does not, zero removes', () => {
  const { state, to } = withProbe();
  const first = invoke(state, to, 'store', [3n, 9n]);
  assert.equal(returned(first, 'store'), 0n);
  const change = first.changes.find(({ address }) => hex(address) === hex(to));
  assert.equal(change?.storage.length, 1);
  assert.deepEqual(change?.storage[0]?.value, word(9));
  assert.equal(change?.code, undefined);
  const again = invoke(state, to, 'store', [3n, 9n]);
  assert.equal(
    again.changes.some(({ address }) => hex(address) === hex(to)),
    false,
  );
  const cleared = invoke(state, to, 'clear', [3n]);
  assert.equal(cleared.gasRefunded > 0n, true);
  assert.equal(cleared.gasUsed + cleared.gasRefunded, cleared.gasSpent);
  assert.equal(state.account(to).storage.size, 0);
});

test('events carry address, topics and data', () => {
  const { state, to } = withProbe();
  const { logs } = invoke(state, to, 'store', [3n, 9n]);
  assert.equal(logs.length, 1);
  const event = parseAbiItem('event Stored(address indexed, uint256 indexed, uint256)');
  assert.deepEqual(logs[0]?.address, to);
  assert.deepEqual(logs[0]?.topics.map(hex), [
    toEventSelector(event),
    `0x${toHex(alice).padStart(64, '0')}`,
    hex(word(3)),
  ]);
  assert.deepEqual(logs[0]?.data, word(9));
});

test('reverts give the reason, a custom error or a panic, and change the nonce only', () => {
  const { state, to } = withProbe();
  const reasons = [
    ['refuse', ['not today'], 'Error', 'not today'],
    ['refuseWithCode', [7n], 'Refused', 7n],
    ['fail', [], 'Panic', 1n],
  ] as const;
  for (const [name, args, errorName, argument] of reasons) {
    const execution = invoke(state, to, name, args);
    assert.equal(execution.status, 'revert');
    const decoded = decodeErrorResult({ abi: probe.abi, data: hex(execution.output) });
    assert.equal(decoded.errorName, errorName);
    assert.deepEqual(decoded.args, [argument]);
    assert.deepEqual(execution.logs, []);
    assert.deepEqual(
      execution.changes.map(({ address }) => hex(address)),
      [hex(alice)],
    );
  }
});

test('halts take all gas and say why in the words of geth', () => {
  const { state, to } = withProbe();
  const gasLimit = 200_000n;
  const cases = [
    ['loop', [], 'OutOfGas', 'out of gas'],
    ['invalid', [], 'InvalidOpcode', 'invalid opcode: INVALID'],
    ['grow', [1n << 40n], 'OutOfGas', 'out of gas'],
  ] as const;
  for (const [name, args, reason, message] of cases) {
    const execution = invoke(state, to, name, args, { gasLimit });
    assert.ok(execution.status === 'halt', name);
    assert.equal(execution.reason, reason);
    assert.equal(execution.message, message);
    assert.equal(execution.gasUsed, gasLimit);
  }
  const halting = (code: string): string => {
    state.setCode(bob, fromHex(code));
    const execution = send(state, { to: bob, gasLimit });
    return execution.status === 'halt' ? execution.message : execution.status;
  };
  assert.equal(halting('600556'), 'invalid jump destination');
  assert.match(halting('01'), /^stack underflow/);
  assert.match(halting('5b5f5f600056'), /^stack limit reached/);
  assert.match(halting('0c'), /^invalid opcode/);
  assert.equal(halting('60205f5f3e'), 'return data out of bounds');
});

test('creation code that is refused halts: 0xef, too large, too dear', () => {
  const state = stateWithAlice();
  const creating = (code: string, gasLimit = 10_000_000n): string => {
    const execution = send(state, { input: fromHex(code), gasLimit });
    return execution.status === 'halt' ? execution.message : execution.status;
  };
  assert.equal(creating('60ef5f5360015ff3'), 'invalid code: must not begin with 0xef');
  assert.equal(creating('6160015ff3'), 'max code size exceeded');
  assert.equal(creating('6160005ff3', 100_000n), 'out of gas');
  assert.equal(creating('6160005ff3'), 'success');
});

test('CREATE2 gives the address of EIP-1014 and the child its value', () => {
  const { state, to } = withProbe();
  const salt = hex(word(5));
  const execution = invoke(state, to, 'createChild', [salt, 11n], { value: 3n });
  const child = returned(execution, 'createChild') as Hex;
  assert.equal(state.account(fromHex(child)).balance, 3n);
  assert.deepEqual(state.account(fromHex(child)).storage.get(toHex(word(0))), word(11));
  const change = execution.changes.find(({ address }) => hex(address) === child.toLowerCase());
  assert.equal(change?.isStorageReset, true);
  const again = invoke(state, to, 'createChild', [salt, 11n]);
  assert.equal(again.status, 'revert', 'the address is taken');
});

test('EIP-6780: only a contract made in the same transaction is destroyed', () => {
  const { state, to } = withProbe();
  const both = invoke(state, to, 'createAndDestroy', [hex(bob)], { value: 9n });
  const gone = returned(both, 'createAndDestroy') as Hex;
  assert.equal(
    both.changes.some(({ address }) => hex(address) === gone.toLowerCase()),
    false,
    'what never existed outside leaves no change',
  );
  assert.equal(state.account(bob).balance, 9n);
  const made = invoke(state, to, 'createChild', [hex(word(1)), 4n], { value: 2n });
  const child = fromHex(returned(made, 'createChild') as Hex);
  assert.equal(invoke(state, to, 'destroyChild', [hex(bob)]).status, 'success');
  assert.equal(state.account(bob).balance, 11n);
  assert.equal(state.account(child).balance, 0n);
  assert.notEqual(state.account(child).codeHash, emptyCodeHashHex);
});

test('an account that had value before it was created and destroyed is removed', () => {
  const { state, to } = withProbe();
  const child = fromHex(getContractAddress({ from: hex(to), nonce: 1n }));
  state.account(child).balance = 6n;
  const execution = invoke(state, to, 'createAndDestroy', [hex(bob)]);
  const change = execution.changes.find(({ address }) => hex(address) === hex(child));
  assert.equal(change?.isRemoved, true);
  assert.equal(change?.balance, 0n);
  assert.equal(state.accounts.has(toHex(child)), false);
  assert.equal(state.account(bob).balance, 6n);
});

test('EIP-161: an empty account that is touched is removed', () => {
  const state = stateWithAlice();
  state.account(bob);
  const execution = send(state, { to: bob });
  const change = execution.changes.find(({ address }) => hex(address) === hex(bob));
  assert.equal(change?.isRemoved, true);
});

test('the block is what the contract sees, with hashes of earlier blocks', () => {
  const { state, to } = withProbe();
  const figures = returned(invoke(state, to, 'blockFigures'), 'blockFigures');
  assert.deepEqual(figures, [
    block.number,
    block.timestamp,
    block.gasLimit,
    block.baseFee,
    BigInt(hex(block.beneficiary)),
    BigInt(hex(block.prevrandao)),
    config.chainId,
  ]);
  const hashOf = (number: bigint): unknown =>
    returned(invoke(state, to, 'hashOf', [number]), 'hashOf');
  assert.equal(hashOf(76n), hex(state.getBlockHash(76n) ?? alice));
  assert.equal(hashOf(77n), hex(word(0)), 'the block itself has none yet');
});

test('transient storage lives within one transaction', () => {
  const { state, to } = withProbe();
  assert.equal(returned(invoke(state, to, 'transientValue', [5n]), 'transientValue'), 5n);
  assert.equal(state.account(to).storage.size, 0);
});

test('a static call writes nothing', () => {
  const { state, to } = withProbe();
  assert.equal(returned(invoke(state, to, 'staticStore'), 'staticStore'), false);
  assert.equal(state.account(to).storage.size, 0);
});
