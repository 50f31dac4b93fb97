/** `coco sandbox` as its own process, with the nodes that it starts, for tests that kill them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { launcherPath } from '../src/program.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';

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

  /** One node, where the flags do not say how many: most tests are not of the network. */
  static spawn(folder: string, flags: readonly string[] = []): SandboxProcess {
    const ports = ['--port', '0', '--rpc-port', '0'];
    const nodes = flags.includes('--nodes') ? [] : ['--nodes', '1'];
    const argv = [launcherPath, 'sandbox', '--folder', folder, ...ports, ...nodes, ...flags];
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
    const [{ rpcUrl }] = await new SandboxFolder(this.folder).addresses();
    return rpcUrl;
  }

  /** Waits until the sandbox has said something. */
  async says(sentence: RegExp): Promise<void> {
    const untilMs = performance.now() + openMsMax;
    while (!sentence.test(this.#output)) {
      if (this.#child.exitCode !== null || performance.now() > untilMs) {
        throw new RangeError(`the sandbox did not say ${sentence}:\n${this.#output}`);
      }
      await pause(pollMs);
    }
  }

  /** Of the nodes that have a pid file, by name. */
  async pids(): Promise<ReadonlyMap<string, number>> {
    const nodes = await new SandboxFolder(this.folder).allNodes();
    const found = await Promise.all(
      nodes.map(async (node) => {
        const text = await readFile(node.file('node.pid'), 'utf8').catch(() => '');
        return [node.name, Number(text)] as const;
      }),
    );
    return new Map(found.filter(([, pid]) => pid > 0 && isRunning(pid)));
  }

  /** Kills nodes and parent as a power cut would: nothing gets to run any more. */
  async kill(): Promise<void> {
    const pids = [...(await this.pids()).values()];
    for (const target of [...pids, this.#child.pid ?? 0]) {
      if (target > 0) trySignal(target);
    }
    await this.ended;
    // A node that had no pid file yet ends when it notices that its parent is gone.
    while (pids.some(isRunning)) await pause(pollMs);
  }

  /** Kills the parent alone. */
  async killParent(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
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

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
