/** Runs one node for a test network: in this process, or in one of its own. */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Clock, type JsonValue, LedgerError } from '@coco/base';
import { parseConfiguration, runNode, systemClock, systemRandom } from '../src/index.ts';
import { createNotesAdapter } from './notes-adapter.ts';

export interface NodeGiven {
  readonly configuration: JsonValue;
  readonly baseFolder: string;
  readonly measurement: string;
  readonly hostData: string;
}

export interface LaunchOptions extends NodeGiven {
  /** Of a node in this process; the system's without. */
  readonly clock?: Clock;
  onEvent(event: string, fields: Readonly<Record<string, unknown>>): void;
  onFailed(failure: { readonly code: string; readonly message: string }): void;
}

export interface Launched {
  readonly nodeId: string;
  readonly peerAddress: string | undefined;
  readonly addresses: Readonly<Record<string, string>>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export async function launchInProcess(options: LaunchOptions): Promise<Launched> {
  const node = await runNode({
    ...options,
    configuration: parseConfiguration(options.configuration),
    adapters: new Map([['notes', async () => createNotesAdapter()]]),
    version: '0.0.0',
    clock: options.clock ?? systemClock,
    random: systemRandom,
    log: { write: (_level, event, fields = {}) => options.onEvent(event, fields) },
  });
  node.failed.catch((error: unknown) => {
    if (!(error instanceof LedgerError)) throw error;
    const { code, message } = error;
    options.onFailed({ code, message });
  });
  const { nodeId, addresses, peerAddress } = node;
  const alone = (): never => {
    throw new TypeError('A node in this process cannot be killed without the process.');
  };
  const identity = { nodeId, addresses, peerAddress };
  return { ...identity, stop: () => node.stop(), kill: alone, signal: alone };
}

/** What a node's process tells; see node-process.ts. */
export type NodeSaid =
  | {
      readonly kind: 'launched';
      readonly nodeId: string;
      readonly addresses: Readonly<Record<string, string>>;
      readonly peerAddress: string | undefined;
    }
  | {
      readonly kind: 'event';
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** `prefix`: a program and arguments that run what follows them, such as on another host. */
export async function launchProcess(
  options: LaunchOptions,
  prefix: readonly string[] = [],
): Promise<Launched> {
  const { onEvent, onFailed, clock: _, ...given } = options;
  const [execPath = process.execPath, ...rest] = prefix;
  const execArgv = prefix.length > 0 ? [...rest, process.execPath] : [];
  const program = new URL('./node-process.ts', import.meta.url);
  const child = fork(program, { stdio: 'inherit', execPath, execArgv });
  const { promise, resolve, reject } = Promise.withResolvers<NodeSaid & { kind: 'launched' }>();
  child.on('message', (said: NodeSaid) => {
    switch (said.kind) {
      case 'launched':
        resolve(said);
        break;
      case 'event':
        onEvent(said.event, said.fields);
        break;
      case 'failed':
        onFailed(said);
        reject(Object.assign(new TypeError(said.message), { code: said.code }));
    }
  });
  child.send(given);
  const { nodeId, addresses, peerAddress } = await promise;
  return {
    nodeId,
    addresses,
    peerAddress,
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
    signal: (signal) => {
      child.kill(signal);
    },
  };
}

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  // A stopped process takes no other signal.
  child.kill('SIGCONT');
  child.kill(signal);
  await ended;
}
