/** Runs a tool as a child process; the scripts share it. */
import { spawnSync } from 'node:child_process';
import { root } from './rooms.ts';

export interface Outcome {
  readonly status: number;
  readonly output: string;
}

const outputBytesMax = 64 << 20;

/** How long a command may take: one that hangs (a socket left open) must not hang a whole CI run. */
const runMinutesMax = 45;

/** Runs `file` with the terminal as it is and returns its exit code (1 when it cannot start). */
export function runShown(file: string, args: readonly string[], env?: NodeJS.ProcessEnv): number {
  const { status, error, signal } = spawnSync(file, args, {
    cwd: root,
    stdio: 'inherit',
    env: env ?? process.env,
    timeout: runMinutesMax * 60_000,
  });
  if (signal !== null && error !== undefined) {
    console.error(`Stopped after ${runMinutesMax} minutes: find what keeps it from ending.`);
  } else if (error) console.error(`${file} cannot be started: ${error.message}`);
  return status ?? 1;
}

/** Runs `file` and returns its exit code and what it wrote, both streams together. */
export function runQuietly(
  file: string,
  args: readonly string[],
  cwd: string = root,
  env: NodeJS.ProcessEnv = process.env,
): Outcome {
  const result = spawnSync(file, args, { cwd, env, encoding: 'utf8', maxBuffer: outputBytesMax });
  const said = result.error ? result.error.message : '';
  return { status: result.status ?? 1, output: `${result.stdout}${result.stderr}${said}` };
}
