/** `coco sandbox` as its own process, with the node that it starts, for tests that kill both. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { launcherPath } from '../src/program.ts';

const pollMs = 20;
const openMsMax = 120_000;

export class SandboxProcess {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly ended: Promise<number | null>;
  #output = '';

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.#child = child;
    this.ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (part) => {
        this.#output += part;
      });
    }
  }

  static spawn(folder: string, flags: readonly string[] = []): SandboxProcess {
    const ports = ['--port', '0', '--rpc-port', '0'];
    const argv = [launcherPath, 'sandbox', '--folder', folder, ...ports, ...flags];
    const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    return new SandboxProcess(folder, child);
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves with the RPC address once the network is open. */
  async opened(): Promise<string> {
    const untilMs = performance.now() + openMsMax;
    while (!this.#output.includes('Coco is open')) {
      if (this.#child.exitCode !== null || performance.now() > untilMs) {
        throw new RangeError(`the sandbox did not open:\n${this.#output}`);
      }
      await pause(pollMs);
    }
    const text = await readFile(join(this.folder, 'node0', 'rpc_addresses.json'), 'utf8');
    return `http://${(JSON.parse(text) as { ethereum: string }).ethereum}`;
  }

  /** Kills node and parent as a power cut would: nothing gets to run any more. */
  async kill(): Promise<void> {
    const pid = await readFile(join(this.folder, 'node0', 'node.pid'), 'utf8').catch(() => '');
    for (const target of [Number(pid), this.#child.pid ?? 0]) {
      if (target > 0) trySignal(target);
    }
    await this.ended;
    // A node that had no pid file yet ends when it notices that its parent is gone.
    while (Number(pid) > 0 && isRunning(Number(pid))) await pause(pollMs);
  }

  /** Ctrl-C. */
  async interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.ended;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

function trySignal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
