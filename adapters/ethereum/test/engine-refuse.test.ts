/** Transactions that execute refuses: the codes and geth's words (core/error.go). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, LedgerError } from '@coco/base';
import type {
  BlockEnvironment,
  ExecutableTransaction,
  ExecutionConfig,
} from '../src/engine-types.ts';
import {
  alice,
  block,
  bob,
  config,
  engine,
  type MemoryState,
  stateWithAlice,
  transactionOf,
} from './memory-state.ts';

const aliceText = `0x${'a1'.repeat(20)}`;

interface Scene {
  readonly fields?: Partial<ExecutableTransaction>;
  readonly block?: Partial<BlockEnvironment>;
  readonly config?: Partial<ExecutionConfig>;
  readonly state?: MemoryState;
}

function refusalOf(scene: Scene): LedgerError {
  try {
    engine.execute(
      {
        mode: 'transaction',
        transaction: transactionOf({ to: bob, gasLimit: 100_000n, ...scene.fields }),
        block: { ...block, ...scene.block },
        config: { ...config, ...scene.config },
      },
      scene.state ?? stateWithAlice(),
    );
  } catch (error) {
    assert.ok(error instanceof LedgerError, String(error));
    assert.equal(error.kind, 'refusal');
    return error;
  }
  return assert.fail('The transaction was not refused.');
}

function assertRefused(scene: Scene, code: string, words: string | RegExp): void {
  const refusal = refusalOf(scene);
  assert.equal(refusal.code, code);
  if (typeof words === 'string') assert.equal(refusal.message, words);
  else assert.match(refusal.message, words);
}

test('nonces: too low, too high, exhausted', () => {
  const state = stateWithAlice();
  state.account(alice).nonce = 5n;
  const words = (kind: string, tx: number): string =>
    `nonce too ${kind}: address ${aliceText}, tx: ${tx} state: 5`;
  assertRefused({ state, fields: { nonce: 4n } }, 'NonceTooLow', words('low', 4));
  assertRefused({ state, fields: { nonce: 6n } }, 'NonceTooHigh', words('high', 6));
  state.account(alice).nonce = 2n ** 64n - 1n;
  assertRefused({ state, fields: { nonce: 2n ** 64n - 1n } }, 'NonceExhausted', /^nonce has max/);
});

test('funds: value and the highest fee, to the wei', () => {
  const have = 10n ** 18n;
  const exact = { gasLimit: 21_000n, maxFeePerGas: 2n, value: have - 42_000n };
  const words = `insufficient funds for gas * price + value: address ${aliceText} have ${have} want ${have + 1n}`;
  assertRefused({ fields: { ...exact, value: exact.value + 1n } }, 'InsufficientFunds', words);
  const state = stateWithAlice();
  const transaction = transactionOf({ to: bob, ...exact });
  const execution = engine.execute({ mode: 'transaction', transaction, block, config }, state);
  assert.equal(execution.status, 'success');
  assertRefused({ fields: { value: 2n ** 256n - 1n } }, 'InsufficientFunds', /^insufficient funds/);
  const overflow = { value: 2n ** 256n - 1n, maxFeePerGas: 2n ** 100n };
  assertRefused({ fields: overflow }, 'InsufficientFunds', /required balance exceeds 256 bits$/);
});

test('gas: intrinsic, floor of EIP-7623, block, cap of EIP-7825', () => {
  assertRefused(
    { fields: { gasLimit: 20_999n } },
    'IntrinsicGasTooLow',
    'intrinsic gas too low: have 20999, want 21000',
  );
  assertRefused(
    { fields: { gasLimit: 30_000n, input: new Uint8Array(500).fill(1) } },
    'FloorGasTooLow',
    'insufficient gas for floor data gas cost: have 30000, want 41000',
  );
  assertRefused(
    { fields: { gasLimit: 100_001n }, block: { gasLimit: 100_000n } },
    'GasLimitAboveBlock',
    'exceeds block gas limit',
  );
  assertRefused(
    { fields: { gasLimit: 2n ** 24n + 1n } },
    'GasLimitAboveCap',
    'transaction gas limit too high (cap: 16777216, tx: 16777217)',
  );
  const lifted = { ...config, transactionGasMax: 2n ** 64n - 1n };
  const transaction = transactionOf({ to: bob, gasLimit: 2n ** 24n + 1n });
  for (const free of [lifted, { ...config, spec: 'prague' as const }]) {
    const request = { mode: 'transaction' as const, transaction, block, config: free };
    assert.equal(engine.execute(request, stateWithAlice()).status, 'success');
  }
});

test('fees: below the base fee, tip above the highest', () => {
  assertRefused(
    { fields: { maxFeePerGas: 9n }, block: { baseFee: 10n } },
    'FeeCapTooLow',
    `max fee per gas less than block base fee: address ${aliceText}, maxFeePerGas: 9, baseFee: 10`,
  );
  assertRefused(
    { fields: { maxFeePerGas: 9n, maxPriorityFeePerGas: 10n } },
    'TipAboveFeeCap',
    `max priority fee per gas higher than max fee per gas: address ${aliceText}, maxPriorityFeePerGas: 10, maxFeePerGas: 9`,
  );
  assertRefused({ fields: { maxFeePerGas: 2n ** 128n } }, 'TransactionRuleBroken', /128 bits/);
});

test('chain, creation and authorization lists', () => {
  assertRefused(
    { fields: { chainId: 1n } },
    'ChainIdMismatch',
    'invalid chain id for signer: have 1 want 1337',
  );
  assertRefused(
    { fields: { to: undefined, gasLimit: 10_000_000n, input: new Uint8Array(49_153) } },
    'InitCodeTooLarge',
    'max initcode size exceeded: code size 49153 limit 49152',
  );
  assertRefused(
    { fields: { type: 4 } },
    'AuthorizationListInvalid',
    `EIP-7702 transaction with empty auth list (sender ${aliceText})`,
  );
  const authorization = { chainId: 1337n, address: bob, nonce: 0n, authority: bob };
  assertRefused(
    { fields: { type: 4, to: undefined, authorizationList: [authorization] } },
    'AuthorizationListInvalid',
    `EIP-7702 transaction cannot be used to create contract (sender ${aliceText})`,
  );
});

test('a legacy transaction without a chain id executes, a typed one is refused', () => {
  const legacy = transactionOf({ type: 0, chainId: undefined, to: bob, gasLimit: 21_000n });
  const request = { mode: 'transaction' as const, transaction: legacy, block, config };
  assert.equal(engine.execute(request, stateWithAlice()).status, 'success');
  assertRefused({ fields: { chainId: undefined } }, 'ChainIdMismatch', /^invalid chain id/);
});

test('a refused transaction changes nothing: it can be sent again', () => {
  const state = stateWithAlice();
  state.setCode(bob, fromHex('00'));
  assertRefused({ state, fields: { nonce: 1n } }, 'NonceTooHigh', /^nonce too high/);
  const request = { mode: 'transaction' as const, transaction: transactionOf({ to: bob }), block };
  assert.equal(engine.execute({ ...request, config }, state).status, 'success');
});
