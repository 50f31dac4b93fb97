/** Runs the load program as a process of its own: its work is no part of what it measures. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { assert } from '@coco/base';

const program = fileURLToPath(new URL('./program.ts', import.meta.url));

export interface LoadFigures {
  readonly transfers: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly blocks: number;
  readonly generatorCpuUs: number;
  /** CPU time of each process that was named, by thread, in microseconds for each transfer. */
  readonly threads?: readonly Readonly<Record<string, number>>[];
}

/** Rejects when anything about the load was not as it must be. */
export async function spawnLoad(words: readonly string[]): Promise<LoadFigures> {
  const child = spawn(process.execPath, [program, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const part of child.stdout) text += String(part);
  assert(child.exitCode === 0 || text.endsWith('}\n'), 'the load program checked its figures');
  return JSON.parse(text) as LoadFigures;
}
