/** Script processes that obey nobody: what a script could do that has broken out of its engine. */
import { deepEqual, equal, notDeepEqual, ok, rejects } from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../src/real-ports.ts';
import { ScriptPool, ScriptPools } from '../src/script-pool.ts';
import { callOf } from '../test/script-calls.ts';

const hostilePath = fileURLToPath(new URL('./hostile-isolate.mjs', import.meta.url));

describe('a process that a script has taken over', () => {
  const pool = new ScriptPool({ clock: systemClock, processes: 1, workerPath: hostilePath });
  after(() => pool.close());
  const broken = {
    kind: 'threw',
    reason: 'InternalError: the script broke its isolate',
    trace: undefined,
  };

  test('what it says out of place, or is no message, ends it, twice, and then the call', async () => {
    for (const way of ['noise', 'long', 'unknown', 'foreign', 'walk', 'ready', 'aborted']) {
      deepEqual(await pool.run(callOf(way)), broken, way);
    }
    for (const way of ['nonsense', 'deep', 'exit', 'crash']) {
      deepEqual(await pool.run(callOf(way)), broken, way);
    }
  });

  test("once the call has acted, it is the node's to give up", async () => {
    const functions = { slow: () => new Promise<undefined>(() => {}) };
    await rejects(pool.run(callOf('twice', { functions })), { code: 'IsolateFailed' });
  });

  test('it is killed when it is late', async () => {
    deepEqual(await pool.run(callOf('late', { executionMsMax: 1 })), { kind: 'timedOut' });
  });

  test('it is killed when it grows', { skip: process.platform !== 'linux' }, async () => {
    const outcome = await pool.run(callOf('grown'));
    deepEqual(outcome, { kind: 'threw', reason: 'InternalError: out of memory', trace: undefined });
  });

  test('it finds no environment, reads no file but its code, and starts nothing', async () => {
    const outcome = await pool.run(callOf('probe'));
    ok(outcome.kind === 'returned');
    deepEqual(outcome.value, {
      environment: [],
      read: 'ERR_ACCESS_DENIED',
      readSandbox: 'ERR_ACCESS_DENIED',
      write: 'ERR_ACCESS_DENIED',
      evaluate: 'EvalError',
      spawn: 'ERR_ACCESS_DENIED',
      worker: 'ERR_ACCESS_DENIED',
      inspector: 'ERR_ACCESS_DENIED',
      listen: 'function',
    });
  });

  test('what members voted for and what they did not share no process', async () => {
    const pools = new ScriptPools({ clock: systemClock, processes: 1, workerPath: hostilePath });
    const processOf = (isVoted: boolean) => pools.run(callOf('pid', { isVoted }));
    const [ballot, constitution] = [await processOf(false), await processOf(true)];
    equal(ballot.kind, 'returned');
    equal(constitution.kind, 'returned');
    notDeepEqual(ballot, constitution);
    deepEqual(await processOf(false), ballot);
    deepEqual(await processOf(true), constitution);
    pools.close();
    await rejects(processOf(false), { code: 'IsolateFailed' });
    await rejects(processOf(true), { code: 'IsolateFailed' });
  });

  test('a worker that does not start fails its calls, and says why', async () => {
    const absent = new ScriptPool({ clock: systemClock, processes: 1, workerPath: '/absent.mjs' });
    await rejects(absent.run(callOf('x')), { code: 'IsolateFailed' });
    absent.close();
  });
});
