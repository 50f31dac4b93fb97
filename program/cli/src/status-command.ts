/**
 * `coco status`: how a network stands, for people and, by its exit code, for scripts: 0 healthy, 1
 * degraded (it serves, but something is wrong), 2 down or out of reach.
 */
import { isJsonObject, type JsonValue, LedgerError } from '@coco/base';
import { type Client, connect, forgetfulMemory } from '@coco/sdk';
import { type Command, type Given, parseDurationMs } from './command-line.ts';
import { connectToAny, type NetworkAddress, networkAddress, networkFlags } from './network.ts';
import { type Health, judgeNetwork } from './network-health.ts';
import { type ListedNode, readNetworkStatus } from './network-status.ts';
import { outputFlags, show } from './output.ts';
import { reportStatus } from './status-report.ts';

/** A process that was stopped, and not ended, takes connections and says nothing. */
const visitMsMax = 3_000;
const watchMsDefault = 2_000;
const exitCodes: Readonly<Record<Health, number>> = { healthy: 0, degraded: 1, down: 2 };
/** What is wrong with the command or the files that it was given, and says nothing of a network. */
const callersFault: ReadonlySet<string> = new Set([
  'WrongUsage',
  'SandboxBroken',
  'MemberFileInvalid',
]);
const clearScreen = '\u001b[H\u001b[2J';

export const statusCommand: Command = {
  flags: {
    ...networkFlags,
    ...outputFlags,
    watch: { type: 'boolean', meaning: 'show it again and again, until Ctrl-C' },
    every: { type: 'string', value: 'TIME', meaning: 'with --watch: how often; default 2s' },
  },
  run: async (given) => {
    if (!given.isSet('watch')) {
      process.exitCode = await showStatus(given);
      return;
    }
    const everyMs = parseDurationMs(given.text('every'), watchMsDefault);
    for (;;) {
      if (process.stdout.isTTY && !given.isSet('json')) process.stdout.write(clearScreen);
      process.exitCode = await showStatus(given);
      await new Promise((done) => setTimeout(done, everyMs));
    }
  },
};

async function showStatus(given: Given): Promise<number> {
  try {
    const address = await networkAddress(given);
    const client = await connectToAny(address, visitMsMax);
    try {
      return await showReached(given, address, client);
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof LedgerError) || callersFault.has(error.code)) throw error;
    const { code, message } = error;
    const document = { health: 'down', error: { code, message } };
    show(given, document, `DOWN: no node speaks for the network: ${message} (${code})`);
    return exitCodes.down;
  }
}

async function showReached(given: Given, address: NetworkAddress, client: Client): Promise<number> {
  const pin = { ...address.pin, identities: [client.serviceCertificate] };
  const status = await readNetworkStatus(client, {
    nowMs: Date.now(),
    visit: (url) =>
      connect({
        url,
        pin,
        memory: forgetfulMemory(),
        isUnopenedAccepted: true,
        limits: { timeoutMs: visitMsMax },
      }),
  });
  const judged = judgeNetwork(status);
  const names = new Map(address.nodes.map(({ url, name }) => [url, name]));
  const nameOf = ({ url }: ListedNode) => (url === undefined ? undefined : names.get(url));
  const { primary, ...told } = judged;
  const document = { ...told, primary: primary?.nodeId ?? null, ...status };
  show(given, asJson(document), reportStatus(status, judged, nameOf));
  return exitCodes[judged.health];
}

function asJson(document: object): JsonValue {
  const value = JSON.parse(JSON.stringify(document)) as JsonValue;
  return isJsonObject(value) ? value : {};
}
