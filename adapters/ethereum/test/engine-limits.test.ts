/** What bounds an execution, and what happens when a bound or a state source fails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex } from '@coco/base';
import { Engine, loadEngineModule } from '../src/engine.ts';
import type { Execution, ExecutionRequest } from '../src/engine-types.ts';
import {
  block,
  bob,
  config,
  engine,
  engineModule,
  MemoryState,
  stateWithAlice,
  transactionOf,
} from './memory-state.ts';

const requestOf = (gasLimit: bigint, input: Uint8Array = new Uint8Array(0)): ExecutionRequest => ({
  mode: 'call',
  transaction: transactionOf({ to: bob, gasLimit, input }),
  block,
  config,
});

function run(code: string, gasLimit: bigint): Execution {
  const state = stateWithAlice();
  state.setCode(bob, fromHex(code));
  return engine.execute(requestOf(gasLimit), state);
}

test('a contract that loops for ever ends with its gas', () => {
  const execution = run('5b5f56', 5_000_000n);
  assert.ok(execution.status === 'halt');
  assert.equal(execution.message, 'out of gas');
  assert.equal(execution.gasUsed, 5_000_000n);
});

test('a contract that recurses for ever ends at depth 1024 with the rest of its gas', () => {
  // Calls itself with all gas and returns the gas left.
  const execution = run('5f5f5f5f5f305af1505a5f5260205ff3', 2n ** 50n);
  assert.equal(execution.status, 'success');
});

test('memory beyond the limit of the engine halts instead of stopping it', () => {
  // MSTORE at 1 GiB, with gas for it.
  const execution = run('5f634000000052', 2n ** 62n);
  assert.ok(execution.status === 'halt');
  assert.equal(execution.reason, 'OutOfMemory');
});

test('an instance that grew is replaced, and its memory given back', () => {
  // MSTORE at 30 MB keeps the instance, at 300 MB it is replaced.
  assert.equal(run('5f6301c9c38052', 2n ** 62n).status, 'success');
  assert.ok(engine.memoryBytes > 30_000_000);
  assert.equal(run('5f6311e1a30052', 2n ** 62n).status, 'success');
  assert.equal(engine.memoryBytes, 0);
  assert.equal(run('00', 100_000n).status, 'success');
  assert.ok(engine.memoryBytes < 4_000_000);
});

test('what a state source throws comes out unchanged, and the engine goes on', () => {
  const failures = {
    account: Object.assign(stateWithAlice(), {
      getAccount: () => {
        throw new RangeError('account');
      },
    }),
    code: Object.assign(stateWithAlice(), {
      getCode: () => {
        throw new RangeError('code');
      },
    }),
    storage: Object.assign(stateWithAlice(), {
      getStorage: () => {
        throw new RangeError('storage');
      },
    }),
    hash: Object.assign(stateWithAlice(), {
      getBlockHash: () => {
        throw new RangeError('hash');
      },
    }),
  };
  // SLOAD(0), BLOCKHASH(76); code that no other test gave, so that it is not cached.
  const code = fromHex('5f54604c4060aa');
  for (const [name, state] of Object.entries(failures)) {
    state.setCode(bob, name === 'code' ? fromHex('5f54604c4060ab') : code);
    assert.throws(() => engine.execute(requestOf(100_000n), state), new RangeError(name));
  }
  const state = stateWithAlice();
  state.setCode(bob, code);
  assert.equal(engine.execute(requestOf(100_000n), state).status, 'success');
});

test('a trap is EngineTrapped for that transaction; the next one finds a fresh instance', () => {
  const own = new Engine(engineModule);
  const state = stateWithAlice();
  const code = new Uint8Array(2 ** 31 - 2 ** 16);
  state.account(bob).codeHash = '11'.repeat(32);
  state.codes.set('11'.repeat(32), code);
  assert.throws(() => own.execute(requestOf(100_000n), state), {
    code: 'EngineTrapped',
    kind: 'fault',
  });
  state.setCode(bob, fromHex('00'));
  assert.equal(own.execute(requestOf(100_000n), state).status, 'success');
});

test('a state source must not call its engine: that is a bug, not a wrong result', () => {
  const state = stateWithAlice();
  const reentrant = Object.assign(new MemoryState(), {
    getAccount: () => {
      engine.keccak256(new Uint8Array(1));
      return undefined;
    },
  });
  assert.throws(() => engine.execute(requestOf(100_000n), reentrant), { name: 'BugError' });
  assert.equal(engine.execute(requestOf(100_000n), state).status, 'success');
});

test('a state source that answers with values of a wrong length is a bug', () => {
  const state = stateWithAlice();
  const wrong = Object.assign(new MemoryState(), { getStorage: () => new Uint8Array(31) });
  wrong.setCode(bob, fromHex('5f54'));
  assert.throws(() => engine.execute(requestOf(100_000n), wrong), { name: 'BugError' });
  assert.equal(engine.execute(requestOf(100_000n), state).status, 'success');
});

test('code of another hash is a bug, and is neither run nor cached', () => {
  const state = stateWithAlice();
  state.setCode(bob, fromHex('60056000'));
  const right = state.codes.get(state.account(bob).codeHash);
  state.codes.set(state.account(bob).codeHash, fromHex('fe'));
  assert.throws(() => engine.execute(requestOf(100_000n), state), { name: 'BugError' });
  state.codes.set(state.account(bob).codeHash, right ?? fromHex('fe'));
  assert.equal(engine.execute(requestOf(100_000n), state).status, 'success');
});

test('code is asked for once by hash, and again only when the cache had to let it go', () => {
  const own = new Engine(engineModule);
  const state = stateWithAlice();
  const call = (marker: number): void => {
    const code = new Uint8Array(24_576);
    new DataView(code.buffer).setUint32(4, marker);
    state.setCode(bob, code);
    assert.equal(own.execute(requestOf(100_000n), state).status, 'success');
  };
  // About 600 of them fill a generation.
  call(0);
  call(0);
  assert.equal(state.reads.code, 1);
  for (let marker = 1; marker < 620; marker++) call(marker);
  call(0);
  assert.equal(state.reads.code, 620, 'the older generation still has it');
  for (let marker = 620; marker < 1230; marker++) call(marker);
  call(0);
  assert.equal(state.reads.code, 1230, 'its use has kept it');
  call(1);
  assert.equal(state.reads.code, 1231, 'unused for two generations, it is gone');
});

test('an account without code, and a transfer to it, asks for no code at all', () => {
  const own = new Engine(engineModule);
  const state = stateWithAlice();
  own.execute({ ...requestOf(21_000n), mode: 'transaction' }, state);
  assert.deepEqual(state.reads, { account: 3, code: 0, storage: 0 });
});

test('a module that is not the engine is refused', () => {
  const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  assert.throws(() => new Engine(new WebAssembly.Module(empty)), { code: 'EngineArtefactInvalid' });
  assert.throws(() => loadEngineModule(empty), { code: 'EngineArtefactInvalid' });
});
