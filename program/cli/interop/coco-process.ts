/** The `coco` command as its own process, as people and scripts run it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { launcherPath } from '../src/program.ts';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class CocoProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
  #stdout = '';
  #stderr = '';

  constructor(argv: readonly string[], home?: string) {
    const env = home === undefined ? process.env : { ...process.env, HOME: home };
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.child = spawn(process.execPath, [launcherPath, ...argv], { stdio: [...stdio], env });
    this.child.stdout?.on('data', (part) => {
      this.#stdout += part;
    });
    this.child.stderr?.on('data', (part) => {
      this.#stderr += part;
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => {
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** What it has said so far, of both streams. */
  get said(): string {
    return this.#stdout + this.#stderr;
  }
}

export function coco(...argv: readonly string[]): Promise<Ran> {
  return new CocoProcess(argv).ended;
}

/** Makes terminals; a part of util-linux. */
const terminalProgram = 'script';

export function hasTerminals(): boolean {
  return spawnSync(terminalProgram, ['--version'], { stdio: 'ignore' }).status === 0;
}

/**
 * Runs at a terminal that util-linux's script makes, and answers the first question that says
 * "Type yes: ".
 */
export function cocoAtTerminal(argv: readonly string[], answer: string): Promise<Ran> {
  const line = [process.execPath, launcherPath, ...argv].map((word) => `'${word}'`).join(' ');
  const child = spawn(terminalProgram, ['-qec', line, '/dev/null'], { stdio: 'pipe' });
  let said = '';
  let isAnswered = false;
  child.stdout.on('data', (part) => {
    said += part;
    if (isAnswered || !said.includes('Type yes: ')) return;
    isAnswered = true;
    child.stdin.write(answer);
  });
  return new Promise((resolve) => {
    child.once('close', (code) => resolve({ code, stdout: said, stderr: '' }));
  });
}
