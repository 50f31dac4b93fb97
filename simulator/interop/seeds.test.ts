/**
 * Fresh seeds for as long as CI can spare (COCO_SIMULATE_SECONDS in all, 120 without it), and every
 * seed that ever failed. A failure prints what replays it.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

interface FailedSeed {
  readonly seed: number;
  readonly steps: number;
  readonly nodes: number;
  /** What it showed, and where that was put right. */
  readonly found: string;
}

const failedSeeds: readonly FailedSeed[] = JSON.parse(
  readFileSync(new URL('../fixtures/failed-seeds.json', import.meta.url), 'utf8'),
);
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const secondsTotal = Number(process.env.COCO_SIMULATE_SECONDS ?? '120');
/** The share of each size of network. */
const shares = [
  { nodes: 1, share: 0.15 },
  { nodes: 3, share: 0.5 },
  { nodes: 5, share: 0.35 },
];

async function simulate(options: Readonly<Record<string, number>>): Promise<string> {
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += String(chunk);
    });
  }
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  assert.equal(status, 0, output.slice(-12_000));
  return output;
}

describe('simulated clusters', () => {
  for (const { nodes, share } of shares) {
    test(`of ${nodes} nodes keep every rule for fresh seeds`, async (context) => {
      const seconds = Math.max(1, Math.round(secondsTotal * share));
      const output = await simulate({ nodes, seconds, steps: 3000 });
      assert.match(output, /^\d+ runs, \d+ steps/m);
      for (const line of output.trim().split('\n').slice(-4)) context.diagnostic(line);
    });
  }

  for (const { seed, steps, nodes, found } of failedSeeds) {
    test(`keep every rule for seed ${seed}, which showed: ${found}`, async () => {
      await simulate({ seed, steps, nodes });
    });
  }

  test('fail where a rule is broken: the exit code tells', async () => {
    await assert.rejects(simulate({ seed: 1, steps: 100, nodes: 9 }), /has 1 to 7 nodes/);
  });
});
