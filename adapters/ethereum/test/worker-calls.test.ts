/** Calls on threads of their own: the same results, failures and time, and turns of callers. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { LedgerError } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import { CallBudget } from '../src/call-executor.ts';
import { engineError } from '../src/engine-errors.ts';
import type { ExecutableTransaction, ExecutionRequest, StateSource } from '../src/engine-types.ts';
import type { TraceWish } from '../src/trace-types.ts';
import { WorkerCalls } from '../src/worker-calls.ts';
import { alice, block, config, engine, engineModule, transactionOf } from './memory-state.ts';
import { input, withProbe } from './probe.ts';

const msMax = 30_000;
const wish: TraceWish = { frames: true, steps: undefined, accounts: true, bytesMax: 1_000_000 };
const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof LedgerError && error.code === code;

const callOf = (fields: Partial<ExecutableTransaction>): ExecutionRequest => ({
  mode: 'call',
  transaction: transactionOf(fields),
  block,
  config,
});

describe('calls on a thread', () => {
  const calls = new WorkerCalls({ engineModule, threadCount: 1 });
  after(() => calls.stop());

  test('come to what they come to on this one', async () => {
    const { state, to } = withProbe();
    const requests = ['store', 'createChild', 'refuse', 'staticStore'].map((name) => {
      const args = { store: [3n, 9n], createChild: [`0x${'11'.repeat(32)}`, 5n], refuse: ['no'] };
      return callOf({ to, input: input(name, args[name as keyof typeof args] ?? []) });
    });
    const there = await Promise.all(requests.map((one) => calls.execute(one, state, msMax)));
    assert.deepEqual(
      there,
      requests.map((one) => engine.execute(one, state)),
    );
    const [request] = requests;
    assert.ok(request);
    const traced = await calls.trace({ request, wish }, state, msMax);
    assert.deepEqual(traced, engine.trace(request, wish, state));
  });

  test('are refused in the same words, and end with what the state throws', async () => {
    const { state, to } = withProbe();
    const poor = callOf({ to, sender: new Uint8Array(20).fill(9), value: 5n });
    await assert.rejects(calls.execute(poor, state, msMax), hasCode('InsufficientFunds'));
    const forgetful: StateSource = {
      getAccount: (address) => state.getAccount(address),
      getCode: (hash) => state.getCode(hash),
      getStorage: () => {
        throw engineError('TransactionRuleBroken', 'the row is gone');
      },
      getBlockHash: () => undefined,
    };
    const request = callOf({ to, input: input('store', [3n, 9n]) });
    await assert.rejects(calls.execute(request, forgetful, msMax), /the row is gone/);
    assert.equal((await calls.execute(request, state, msMax)).status, 'success');
  });

  test('end when their time is over, and the next one runs', async () => {
    const { state, to } = withProbe();
    const endless = callOf({ to, input: input('loop'), gasLimit: 2n ** 40n });
    const next = callOf({ to, input: input('store', [3n, 9n]) });
    const [first, second] = await Promise.allSettled([
      calls.execute(endless, state, 50),
      calls.execute(next, state, msMax),
    ]);
    assert.ok(first.status === 'rejected' && hasCode('CallTimeout')(first.reason));
    assert.equal(second.status === 'fulfilled' && second.value.status, 'success');
  });

  test('read each row of a state once', async () => {
    const { state, to } = withProbe();
    const request = callOf({ to, sender: alice, input: input('store', [3n, 9n]) });
    await calls.execute(request, state, msMax);
    const before = { ...state.reads };
    await calls.execute(request, state, msMax);
    assert.deepEqual(state.reads, before);
  });

  test('are refused once the pool has stopped', async () => {
    const stopped = new WorkerCalls({ engineModule, threadCount: 2 });
    assert.equal(stopped.atOnce, 2);
    await stopped.stop();
    const { state } = withProbe();
    await assert.rejects(stopped.execute(callOf({}), state, msMax), hasCode('AdmissionStopped'));
  });
});

describe('the budget of callers', () => {
  const caller = (id: string): Caller => ({
    policy: 'any_cert',
    id,
    certificate: new Uint8Array(0),
  });
  const limits = { atOnceMax: 1, waitingMax: 4, waitingPerCallerMax: 3 };

  test('lets callers run in turn, however much one of them asks for', async () => {
    const budget = new CallBudget(limits);
    const order: string[] = [];
    const run = (id: string, name: string): Promise<void> =>
      budget.run(caller(id), async () => {
        order.push(name);
        await Promise.resolve();
      });
    await Promise.all([run('a', 'a1'), run('a', 'a2'), run('a', 'a3'), run('b', 'b1')]);
    assert.deepEqual(order, ['a1', 'a2', 'b1', 'a3']);
  });

  test('refuses what exceeds the share of a caller, or of all', async () => {
    const budget = new CallBudget(limits);
    const { promise, resolve } = Promise.withResolvers<void>();
    const run = (id: string): Promise<void> => budget.run(caller(id), () => promise);
    const taken = [run('a'), run('a'), run('a'), run('a')];
    await assert.rejects(run('a'), hasCode('TooManyCalls'));
    taken.push(run('b'));
    await assert.rejects(run('c'), hasCode('TooManyCalls'));
    resolve();
    await Promise.all(taken);
    await run('c');
  });

  test('goes on after a task that failed', async () => {
    const budget = new CallBudget(limits);
    await assert.rejects(budget.run(caller('a'), () => Promise.reject(new RangeError('no'))));
    assert.equal(await budget.run(caller('a'), async () => 7), 7);
  });
});
