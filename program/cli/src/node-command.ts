/**
 * `coco node`: runs one node by its configuration, as CCF's node program does. Under the sandbox it
 * is a child process: it reports over the IPC channel, and ends when the parent is gone.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { BugError, type ErrorMetadata, LedgerError, type Log, parseJson } from '@coco/base';
import {
  type AdapterFactory,
  bugReport,
  createLog,
  type NodeConfiguration,
  parseConfiguration,
  type RunningNode,
  runNode,
  systemClock,
  systemRandom,
} from '@coco/node';
import { type Command, parseDurationMs } from './command-line.ts';
import { cliError } from './errors.ts';
import { createConfiguredEthereum } from './ethereum-factory.ts';
import { measureProgram, programVersion } from './program.ts';

const configurationBytesMax = 1024 * 1024;
const retryMs = 200;
/** After this the process ends whatever still runs. */
const stopMsMax = 1_800;
const bugExitCode = 70;
const progressEvents: ReadonlySet<string> = new Set(['recovery.public', 'recovery.private']);

/** The adapters that this program can run, by their name in "coco.adapters". */
const adapterFactories: ReadonlyMap<string, AdapterFactory> = new Map([
  ['ethereum', createConfiguredEthereum],
]);

/** What the child tells the sandbox. */
export type NodeReport =
  | {
      readonly kind: 'started';
      readonly addresses: Readonly<Record<string, string>>;
      readonly nodeId: string;
      /** The last entry that a recovery brought back. */
      readonly recoveredSeqno: number | undefined;
    }
  /** A recovery has read up to this entry: of the public part before `started`, then of all. */
  | { readonly kind: 'progress'; readonly seqno: number }
  | {
      readonly kind: 'failed';
      readonly code: string;
      readonly message: string;
      readonly metadata: ErrorMetadata;
    };

export const nodeCommand: Command = {
  flags: {
    config: {
      type: 'string',
      short: 'c',
      value: 'FILE',
      meaning: 'the configuration (JSON); required',
    },
    check: { type: 'boolean', meaning: 'only check the configuration, then exit' },
    'config-timeout': {
      type: 'string',
      value: 'TIME',
      meaning: 'keep trying to read the configuration so long (500ms, 5s, 1min); default 0s',
    },
    'log-level': { type: 'string', value: 'LEVEL', meaning: 'debug, info, warning or error' },
    version: { type: 'boolean', short: 'v', meaning: 'print the version, then exit' },
  },
  run: async (given) => {
    if (given.isSet('version')) return console.log(await programVersion());
    const file = given.text('config');
    if (file === undefined) throw cliError('WrongUsage', '"coco node" needs --config FILE.');
    const patienceMs = parseDurationMs(given.text('config-timeout'), 0);
    const configuration = await readConfiguration(resolve(file), patienceMs);
    if (given.isSet('check')) return console.log('The configuration is in order.');
    const level = levelOf(given.text('log-level'), configuration);
    const { format } = configuration.logging;
    const log = createLog({
      level,
      format,
      clock: systemClock,
      write: (line) => console.log(line),
    });
    await serve(configuration, dirname(resolve(file)), log);
  },
};

async function readConfiguration(path: string, patienceMs: number): Promise<NodeConfiguration> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      const bytes = await readFile(path).catch((cause: unknown) => {
        throw cliError('WrongUsage', `The configuration ${path} cannot be read.`, {}, cause);
      });
      return parseConfiguration(
        parseJson(bytes, { bytesMax: configurationBytesMax, depthMax: 16 }),
      );
    } catch (error) {
      if (performance.now() >= untilMs) throw error;
      await new Promise((done) => setTimeout(done, retryMs));
    }
  }
}

function levelOf(text: string | undefined, configuration: NodeConfiguration) {
  const levels = ['debug', 'info', 'warning', 'error'] as const;
  const level = text === undefined ? configuration.logging.level : levels.find((l) => l === text);
  if (!level) throw cliError('WrongUsage', `--log-level is one of ${levels.join(', ')}.`);
  return level;
}

async function serve(
  configuration: NodeConfiguration,
  baseFolder: string,
  log: Log,
): Promise<void> {
  process.on('uncaughtException', (error) => {
    // A bug: an invariant does not hold, so the next write could do harm. The node stops at once.
    const { message, at } = bugReport(error);
    log.write('error', 'node.bug', { message, at });
    report({ kind: 'failed', code: 'InternalError', message, metadata: {} });
    process.exit(bugExitCode);
  });
  const asked = askedToEnd(log);
  // Nothing is served yet, so there is nothing to bring to an end either.
  let isStarting = true;
  void asked.then((code) => {
    if (isStarting) process.exit(code);
  });
  let node: RunningNode;
  try {
    node = await runNode({
      configuration,
      baseFolder,
      adapters: adapterFactories,
      ...(await measureProgram()),
      version: await programVersion(),
      clock: systemClock,
      random: systemRandom,
      log: reportingLog(log),
    });
  } catch (error) {
    if (error instanceof BugError || !(error instanceof LedgerError)) throw error;
    log.write('error', 'node.failed', { code: error.code, message: error.message });
    reportFailure(error);
    process.exit(1);
  }
  const { addresses, nodeId, recoveredSeqno } = node;
  report({ kind: 'started', addresses, nodeId, recoveredSeqno });
  isStarting = false;
  await endOf(node, asked, log);
}

/** Resolves with the exit code when a signal, or the end of the parent, asks the node to end. */
function askedToEnd(log: Log): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(0));
    process.on('SIGHUP', () => {
      log.write('info', 'Hangup: ');
      resolve(0);
    });
    // The sandbox is gone: a node without its parent would hold the port and the folder for ever.
    process.on('disconnect', () => resolve(0));
    // It may have gone before anybody listened.
    if (process.send !== undefined && !process.connected) resolve(0);
  });
}

async function endOf(node: RunningNode, asked: Promise<number>, log: Log): Promise<void> {
  const failed = node.failed.catch((error: LedgerError) => {
    const { code, message } = error;
    // That the members let a node go is no failure of it.
    const isRemoved = code === 'NodeRemoved';
    log.write(isRemoved ? 'info' : 'error', isRemoved ? 'node.removed' : 'node.failed', {
      code,
      message,
    });
    reportFailure(error);
    return isRemoved ? 0 : 1;
  });
  const code = await Promise.race([asked, failed]);
  setTimeout(() => process.exit(code), stopMsMax).unref();
  await node.stop();
  process.exit(code);
}

/** The log, which tells the sandbox as well how far a recovery has come. */
function reportingLog(log: Log): Log {
  return {
    write: (level, event, fields) => {
      log.write(level, event, fields);
      const seqno = fields?.seqno;
      if (progressEvents.has(event) && typeof seqno === 'number') {
        report({ kind: 'progress', seqno });
      }
    },
  };
}

function reportFailure({ code, message, metadata }: LedgerError): void {
  report({ kind: 'failed', code, message, metadata });
}

function report(message: NodeReport): void {
  if (process.connected) process.send?.(message);
}
