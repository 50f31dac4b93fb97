/**
 * `coco sandbox`, the main job of `npm start`: a network on this machine, with members who open it,
 * Ethereum on it, and everything kept for the next start.
 */
import { resolve } from 'node:path';
import { type Command, type Given, parsePort } from './command-line.ts';
import { cliError } from './errors.ts';
import { guarded, openSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { SandboxFolder } from './sandbox-folder.ts';
import { showNodes, showSummary } from './sandbox-screen.ts';
import { watchNodes } from './sandbox-watch.ts';
import { standardTerminal, type Terminal } from './steps.ts';

/** More voters make every commit slower and no network safer that a consortium would run. */
const nodeCountMax = 7;
const chainIdMax = Number.MAX_SAFE_INTEGER;

export const sandboxCommand: Command = {
  flags: {
    folder: {
      type: 'string',
      value: 'DIR',
      meaning: `where its files are; default ${sandboxDefaults.folder}`,
    },
    port: {
      type: 'string',
      value: 'PORT',
      meaning: `HTTPS port of the first node, the others follow; default ${sandboxDefaults.httpsPort}`,
    },
    'rpc-port': {
      type: 'string',
      value: 'PORT',
      meaning: `Ethereum JSON-RPC port, plain HTTP on loopback; default ${sandboxDefaults.rpcPort}`,
    },
    'chain-id': {
      type: 'string',
      value: 'ID',
      meaning: `chain id of a new sandbox; default ${sandboxDefaults.chainId}`,
    },
    nodes: {
      type: 'string',
      value: 'COUNT',
      meaning: `how many nodes, 1 to ${nodeCountMax}; default ${sandboxDefaults.nodeCount}`,
    },
    'no-replace': { type: 'boolean', meaning: 'a node that ends is not replaced by a new one' },
    fresh: { type: 'boolean', meaning: 'delete the old sandbox in the folder first' },
    once: { type: 'boolean', meaning: 'stop again when it is open (to measure or to check)' },
  },
  run: async (given) => {
    const options = parseOptions(given);
    if (given.isSet('fresh')) await new SandboxFolder(resolve(options.folder)).remove();
    const startedMs = performance.now();
    const sandbox = await openSandbox(options, standardTerminal);
    try {
      await guarded(sandbox.network, () => showSummary(standardTerminal, { sandbox, startedMs }));
      if (given.isSet('once')) return await sandbox.network.stop();
      await runUntilAsked(sandbox, standardTerminal, !given.isSet('no-replace'));
    } finally {
      sandbox.client.close();
      sandbox.visits.close();
    }
  },
};

function parseOptions(given: Given): SandboxOptions {
  const text = given.text('chain-id');
  const chainId = text === undefined ? sandboxDefaults.chainId : Number(text);
  if (!Number.isSafeInteger(chainId) || chainId < 1 || chainId > chainIdMax) {
    throw cliError('WrongUsage', `"${text}" is not a chain id: give a whole number from 1.`);
  }
  return {
    folder: given.text('folder') ?? sandboxDefaults.folder,
    httpsPort: parsePort(given.text('port'), sandboxDefaults.httpsPort),
    rpcPort: parsePort(given.text('rpc-port'), sandboxDefaults.rpcPort),
    chainId,
    nodeCount: parseNodeCount(given.text('nodes')),
  };
}

function parseNodeCount(text: string | undefined): number {
  if (text === undefined) return sandboxDefaults.nodeCount;
  const count = Number(text);
  if (/^\d$/.test(text) && count >= 1 && count <= nodeCountMax) return count;
  throw cliError('WrongUsage', `"${text}" is not a number of nodes: give 1 to ${nodeCountMax}.`);
}

async function runUntilAsked(
  sandbox: Sandbox,
  terminal: Terminal,
  isReplacing: boolean,
): Promise<void> {
  const { network, visits } = sandbox;
  const asked = Promise.withResolvers<undefined>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => asked.resolve(undefined));
  }
  const screen = showNodes(terminal, sandbox);
  const watch = watchNodes({ network, visits, tell: screen.tell }, { isReplacing });
  const loss = await Promise.race([asked.promise, watch.lost]);
  watch.stop();
  screen.stop();
  await network.stop();
  if (loss !== undefined) throw cliError('NodeDidNotStart', loss);
  terminal.write('\nStopped. "npm start" brings everything back.\n');
}
