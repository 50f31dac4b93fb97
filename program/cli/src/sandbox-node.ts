/** A sandbox's node as a process of its own, and what the process reports. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, open } from 'node:fs/promises';
import { present } from '@coco/base';
import { cliError } from './errors.ts';
import type { NodeReport } from './node-command.ts';
import type { NodeFolder } from './node-folder.ts';
import { launcherPath } from './program.ts';

const logBytesMax = 10 * 1024 * 1024;
/** How long a node waits for a configuration that is not there yet. */
const configurationPatience = '10min';

/** A node that listens; one that joins need not be a part of the network yet. */
export interface SandboxNode {
  readonly folder: NodeFolder;
  /** Hex SHA-256 of its public key. */
  readonly nodeId: string;
  readonly pid: number;
  readonly httpsUrl: string;
  readonly rpcUrl: string;
  /** The last ledger entry that a recovery brought back; undefined in others. */
  readonly recoveredSeqno: number | undefined;
  /** Resolves when the process ends. */
  readonly ended: Promise<NodeEnd>;
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

interface NodeEnd {
  readonly code: number;
  /** The signal that killed it, or what it said itself. */
  readonly reason: string;
}

/** A node's process from its first moment. */
export interface LaunchedNode {
  readonly folder: NodeFolder;
  readonly ended: Promise<NodeEnd>;
  /** @throws NodeDidNotStart with the code that the node reported, in its metadata */
  started(onProgress?: (seqno: number) => void): Promise<SandboxNode>;
  stop(): Promise<void>;
}

/** Starts the process of a node, which waits for its configuration where there is none yet. */
export async function launchNode(folder: NodeFolder): Promise<LaunchedNode> {
  const log = await openLog(folder.file('node.log'));
  const isEarly = !(await folder.hasConfiguration());
  const argv = ['--config', 'config.json'];
  if (isEarly) argv.push('--config-timeout', configurationPatience);
  const child = spawn(process.execPath, [launcherPath, 'node', ...argv], {
    cwd: folder.path,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
    // Ctrl-C goes to the whole group of a terminal; the sandbox decides when its nodes stop.
    detached: true,
  });
  const ended = new Promise<NodeEnd>((resolve) => {
    let said: string | undefined;
    child.on('message', (message: NodeReport) => {
      if (message.kind === 'failed') said = `${message.message} (${message.code})`;
    });
    child.once('exit', (code, signal) => {
      resolve({ code: code ?? 1, reason: said ?? signal ?? `code ${code}` });
    });
  });
  void ended.then(() => log.close());
  const report = startReport(child, ended, folder);
  // Whoever waits for it hears of it; a node that is stopped before has nobody who waits.
  report.catch(() => undefined);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return {
    folder,
    ended,
    stop,
    started: async (onProgress = () => {}) => {
      child.on('message', (message: NodeReport) => {
        if (message.kind === 'progress') onProgress(message.seqno);
      });
      const { addresses, nodeId, recoveredSeqno } = await report;
      return {
        folder,
        nodeId,
        pid: present(child.pid, 'a process that reports has a number'),
        httpsUrl: `https://${present(addresses.https, 'the node has an HTTPS interface')}`,
        rpcUrl: `http://${present(addresses.ethereum, 'the node has an RPC interface')}`,
        recoveredSeqno,
        ended,
        stop,
        kill: (signal) => {
          child.kill(signal);
        },
      };
    },
  };
}

/** Lines of many starts, but not without end: a long log begins anew. */
async function openLog(path: string): Promise<FileHandle> {
  const log = await open(path, 'a', 0o600);
  const { size } = await log.stat();
  if (size > logBytesMax) await log.truncate(0);
  return log;
}

function startReport(
  child: ChildProcess,
  ended: Promise<NodeEnd>,
  folder: NodeFolder,
): Promise<Extract<NodeReport, { kind: 'started' }>> {
  return new Promise((resolve, reject) => {
    let failure: Extract<NodeReport, { kind: 'failed' }> | undefined;
    child.on('message', (message: NodeReport) => {
      if (message.kind === 'started') resolve(message);
      if (message.kind === 'failed') failure = message;
    });
    void ended.then(({ code }) => {
      const told = `The node ended with code ${code} before it served; see ${folder.file('node.log')}.`;
      const metadata = failure ? { ...failure.metadata, nodeCode: failure.code } : { code };
      reject(cliError('NodeDidNotStart', failure?.message ?? told, metadata));
    });
  });
}
