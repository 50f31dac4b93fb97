/**
 * Hardhat Ignition, unmodified and with its default of five confirmations, deploys on an otherwise
 * idle chain: the empty blocks let its waits end. Installed into .cache on the first run; the
 * project's files are texts here, because only there what they import exists.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { aliceKey, createNetwork, listen } from '../test/network.ts';

const run = promisify(execFile);
const source = fileURLToPath(new URL('./ignition', import.meta.url));
const folder = fileURLToPath(new URL('../../../.cache/interop-ignition', import.meta.url));
const token = fileURLToPath(new URL('../test/fixtures/token.json', import.meta.url));
const installMsMax = 300_000;
const deployMsMax = 120_000;
/** How often the network's clock follows the real one. */
const tickMs = 20;

/** A copy of the project with its packages; a sentence when they cannot be installed. */
async function prepare(): Promise<string | undefined> {
  const complete = join(folder, 'complete');
  if (!existsSync(complete)) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    cpSync(source, folder, { recursive: true });
    const npm = ['install', '--ignore-scripts', '--no-audit', '--no-fund'];
    try {
      await run('npm', npm, { cwd: folder, timeout: installMsMax });
    } catch (error) {
      return `Hardhat cannot be installed: ${String(error).split('\n')[0]}`;
    }
    writeFileSync(complete, '');
  }
  const modules = join(folder, 'ignition/modules');
  mkdirSync(modules, { recursive: true });
  cpSync(join(source, 'hardhat.config.js.txt'), join(folder, 'hardhat.config.js'));
  cpSync(join(source, 'money.mjs.txt'), join(modules, 'money.mjs'));
  rmSync(join(folder, 'ignition/deployments'), { recursive: true, force: true });
  return undefined;
}

test('Hardhat Ignition deploys with five confirmations on an idle chain', async (t) => {
  const missing = await prepare();
  if (missing !== undefined) {
    assert.notEqual(process.env.CI, 'true', missing);
    return t.skip(missing);
  }
  const network = createNetwork();
  const server = await listen(network);
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    network.host.clock.advance(nowMs - lastMs);
    network.host.settle();
    lastMs = nowMs;
  }, tickMs);
  t.after(async () => {
    clearInterval(timer);
    await server.stop();
  });
  const { stdout } = await run(
    process.execPath,
    [
      join(folder, 'node_modules/hardhat/dist/src/cli.js'),
      ...['ignition', 'deploy', 'ignition/modules/money.mjs', '--network', 'coco'],
    ],
    {
      cwd: folder,
      timeout: deployMsMax,
      env: {
        ...process.env,
        COCO_URL: server.url,
        COCO_KEY: aliceKey,
        COCO_TOKEN: token,
        HARDHAT_IGNITION_CONFIRM_DEPLOYMENT: 'true',
        HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
      },
    },
  );
  assert.match(stdout, /successfully deployed/);
  const { result: height } = await network.rpc('eth_blockNumber');
  assert.ok(Number(height) >= 10, `two steps and their confirmations: ${Number(height)} blocks`);
});
