/**
 * The same signed transactions on revm, on @ethereumjs/vm, and on Ethereum's executable
 * specification (PyPI ethereum-execution), each on the state that the ones before have left:
 * status, gas, logs and the whole state must agree; return data too, which the specification does
 * not tell. COCO_SEED=<number> replays a run, COCO_DIFFERENTIAL_RUNS=<number> makes it longer.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fromHex } from '@coco/base';
import { privateKeyToAccount } from 'viem/accounts';
import type { BlockEnvironment, ExecutableTransaction, Spec } from '../src/engine-types.ts';
import { executeHere } from '../test/compare-machines.ts';
import { block, config, engine, MemoryState } from '../test/memory-state.ts';
import { executeRawElsewhere, type Outcome } from '../test/other-machine.ts';
import { RandomTransactions } from '../test/random-transactions.ts';
import { ExecutableSpecification } from './executable-specification.ts';
import { chosenSeed } from './seed.ts';

const { COCO_DIFFERENTIAL_RUNS: chainsText = '25', COCO_ETHEREUM_PYTHON: python } = process.env;
const chains = Number(chainsText);
const chainLength = 12;
const senders = ['41', '42', '43'].map((byte) => privateKeyToAccount(`0x${byte.repeat(32)}`));
const environment: BlockEnvironment = { ...block, baseFee: 7n };

/** Executes one chain of transactions here, and compares each with what `other` makes of it. */
async function compareChain(
  seed: number,
  spec: Spec,
  other: (state: MemoryState, raw: Uint8Array) => Promise<Partial<Outcome>>,
): Promise<number> {
  const state = new MemoryState();
  for (const { address } of senders) state.account(fromHex(address)).balance = 10n ** 18n;
  const load = new RandomTransactions({
    seed,
    chainId: Number(config.chainId),
    senders,
    firstNonces: senders.map(() => 0),
    baseFee: environment.baseFee,
  });
  let successes = 0;
  for (let at = 0; at < chainLength; at++) {
    const raw = fromHex(await load.next());
    const there = await other(state, raw);
    const decoded = engine.decodeTransaction(raw);
    const transaction: ExecutableTransaction = {
      ...decoded,
      sender: engine.recoverSender(decoded),
      authorizationList: engine.recoverAuthorizations(decoded),
    };
    const here: Partial<Outcome> = executeHere(state, transaction, spec, environment);
    const compared = Object.fromEntries(
      Object.keys(there).map((key) => [key, here[key as keyof Outcome]]),
    );
    assert.deepEqual(compared, there, `COCO_SEED=${seed}: transaction ${at} ends the same`);
    if (here.isSuccess) successes++;
  }
  return successes;
}

/** Some succeed, some fail: else nothing much was compared. */
function assertVaried(context: TestContext, successes: number, all: number): void {
  context.diagnostic(`${successes} of ${all} transactions succeeded`);
  assert.ok(successes > all / 4 && successes < all, 'the transactions vary');
}

for (const spec of ['prague', 'osaka'] as const) {
  test(`chains of random transactions agree with @ethereumjs/vm in ${spec}`, async (context) => {
    const seed = chosenSeed(context);
    let successes = 0;
    for (let chain = 0; chain < chains; chain++) {
      successes += await compareChain(seed + chain, spec, (state, raw) =>
        executeRawElsewhere(state, raw, spec, environment),
      );
    }
    assertVaried(context, successes, chains * chainLength);
  });
}

test('chains of random transactions agree with the executable specification', async (context) => {
  if (python === undefined) {
    assert.notEqual(process.env.CI, 'true', 'CI has the specification');
    return context.skip('PyPI ethereum-execution is not installed: npm run test:interop does it');
  }
  const seed = chosenSeed(context);
  const folder = await mkdtemp(join(tmpdir(), 'coco-specification-'));
  const specification = await ExecutableSpecification.start(python, folder);
  context.after(async () => {
    await specification.stop();
    await rm(folder, { recursive: true, force: true });
  });
  let successes = 0;
  for (let chain = 0; chain < chains; chain++) {
    successes += await compareChain(seed + chain, 'osaka', (state, raw) =>
      specification.execute(state, raw, environment),
    );
  }
  assertVaried(context, successes, chains * chainLength);
});
