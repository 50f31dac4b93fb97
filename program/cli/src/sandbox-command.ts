/**
 * `coco sandbox`, the main job of `npm start`: a network of one node on this machine, with members
 * who open it, Ethereum on it, and everything kept for the next start.
 */
import { resolve } from 'node:path';
import { type Command, type Given, parsePort } from './command-line.ts';
import { cliError } from './errors.ts';
import { guarded, openSandbox, type Sandbox, type SandboxOptions } from './sandbox.ts';
import { sandboxDefaults } from './sandbox-defaults.ts';
import { SandboxFolder } from './sandbox-folder.ts';
import { showLiveLine, showSummary } from './sandbox-screen.ts';
import { standardTerminal, type Terminal } from './steps.ts';

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
      meaning: `HTTPS port; default ${sandboxDefaults.httpsPort}`,
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
    fresh: { type: 'boolean', meaning: 'delete the old sandbox in the folder first' },
    once: { type: 'boolean', meaning: 'stop again when it is open (to measure or to check)' },
  },
  run: async (given) => {
    const options = parseOptions(given);
    if (given.isSet('fresh')) await new SandboxFolder(resolve(options.folder)).remove();
    const startedMs = performance.now();
    const sandbox = await openSandbox(options, standardTerminal);
    await guarded(sandbox.network, () =>
      showSummary(standardTerminal, { sandbox, options, startedMs }).catch((error: unknown) => {
        sandbox.client.close();
        throw error;
      }),
    );
    if (given.isSet('once')) {
      sandbox.client.close();
      return sandbox.network.stop();
    }
    await runUntilAsked(sandbox, standardTerminal);
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
  };
}

async function runUntilAsked(sandbox: Sandbox, terminal: Terminal): Promise<void> {
  const { network } = sandbox;
  const asked = Promise.withResolvers<'asked'>();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => asked.resolve('asked'));
  }
  const stopLine = showLiveLine(terminal, sandbox);
  const end = await Promise.race([asked.promise, network.first.ended]);
  stopLine();
  sandbox.client.close();
  if (end !== 'asked') {
    const log = network.first.folder.file('node.log');
    throw cliError('NodeDidNotStart', `The node ended by itself; see ${log}.`);
  }
  await network.stop();
  terminal.write('\nStopped. "npm start" brings everything back.\n');
}
