/**
 * Durability: all nodes and their parent are killed with SIGKILL at random points - under load,
 * during start, recovery, opening and joining - and every transaction that was acknowledged as
 * committed is there after each restart, in its block. Of several nodes some end earlier than
 * others, so their ledgers end at different places. KILL_ROUNDS and KILL_SEED choose another run.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SeededRandom } from '@coco/base';
import { sandboxDefaults } from '../src/sandbox-defaults.ts';
import { pause, SandboxProcess } from './sandbox-process.ts';
import { missing, TransferLoad } from './transfer-load.ts';

/** How often, by how many nodes the network has. */
const roundsOf: ReadonlyMap<number, number> = new Map([
  [1, Number(process.env.KILL_ROUNDS ?? 50)],
  [3, Number(process.env.KILL_ROUNDS ?? 15)],
]);
const seed = Number(process.env.KILL_SEED ?? Date.now() % 1_000_000);
/** Two rounds of five kill before the network is open. */
const startRounds = new Set([1, 3]);
const loadMsMax = 700;
/** Several nodes join one after the other. */
const startMsMaxOf = (nodes: number) => (nodes === 1 ? 2_500 : 8_000);
const checkedPerRound = 40;

for (const [nodes, rounds] of roundsOf) {
  const name = `${rounds} kills of ${nodes} node(s) lose nothing that was acknowledged as committed`;
  test(name, (context) => killAgainAndAgain({ nodes, rounds }, (text) => context.diagnostic(text)));
}

async function killAgainAndAgain(
  { nodes, rounds }: { readonly nodes: number; readonly rounds: number },
  tell: (text: string) => void,
): Promise<void> {
  tell(`KILL_SEED=${seed}`);
  const random = new SeededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'coco-kill-'));
  let load: TransferLoad | undefined;
  let openedCount = 0;
  let sandbox: SandboxProcess | undefined;
  try {
    for (let round = 0; round < rounds; round++) {
      sandbox = SandboxProcess.spawn(folder, ['--nodes', String(nodes)]);
      if (startRounds.has(round % 5)) {
        await pause(random.below(startMsMaxOf(nodes)));
        await sandbox.kill();
        continue;
      }
      const rpcUrl = await sandbox.opened();
      openedCount++;
      load ??= await TransferLoad.create(folder, sandboxDefaults.chainId);
      const { acknowledged } = load;
      const recent = acknowledged.slice(-checkedPerRound);
      assert.deepEqual(await missing(rpcUrl, recent), [], `round ${round}, seed ${seed}`);
      let isOver = false;
      const running = load.run(rpcUrl, () => isOver);
      await pause(random.below(loadMsMax));
      await sandbox.kill();
      isOver = true;
      await running;
    }
    sandbox = SandboxProcess.spawn(folder, ['--nodes', String(nodes)]);
    const rpcUrl = await sandbox.opened();
    assert.ok(load && load.acknowledged.length > openedCount, 'the load was acknowledged');
    assert.deepEqual(await missing(rpcUrl, load.acknowledged), [], `seed ${seed}`);
    tell(
      `${rounds} kills, ${openedCount} of them under load, ${load.acknowledged.length} acknowledged`,
    );
    assert.equal(await sandbox.interrupt(), 0);
  } finally {
    await sandbox?.kill();
    await rm(folder, { recursive: true, force: true });
  }
}
