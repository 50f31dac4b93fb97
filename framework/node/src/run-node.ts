/** A node from its configuration to its end, for the program that runs it. */

import type { Adapter } from '@coco/adapter';
import { LedgerError, type Seqno } from '@coco/base';
import { nodeError } from './errors.ts';
import { NodeWiring } from './node-wiring.ts';
import { removeOutput, takePidFile } from './output-files.ts';
import type { RunNodeOptions } from './run-node-options.ts';
import type { NodeState } from './service-runtime.ts';

export interface RunningNode {
  /** Interface name to host:port. */
  readonly addresses: Readonly<Record<string, string>>;
  /** host:port of the node-to-node interface; undefined for a node that runs alone. */
  readonly peerAddress: string | undefined;
  /** Hex SHA-256 of the node's public key. */
  readonly nodeId: string;
  /** Rejects when the node cannot go on: nothing after that is durable. */
  readonly failed: Promise<never>;
  /** The last entry that a recovery brought back; undefined in a new service. */
  readonly recoveredSeqno: Seqno | undefined;
  state(): NodeState;
  /** Ends in about a second; what was acknowledged as committed is on disk. */
  stop(): Promise<void>;
}

/**
 * Resolves when the service is served; for a node that joins, when it listens and asks: then
 * `failed` says if it is refused.
 * @throws InvalidConfiguration, AddressInUse, PidFileTaken and what starting or recovering throws
 */
export async function runNode(options: RunNodeOptions): Promise<RunningNode> {
  const { configuration, baseFolder } = options;
  await takePidFile(baseFolder, configuration.outputFiles.pid);
  const { promise: failed, reject } = Promise.withResolvers<never>();
  failed.catch(() => undefined);
  try {
    const node = new NodeWiring(options, await createAdapters(options));
    await node.start(reject).catch(async (error: unknown) => {
      // No port and no thread stays behind of a node that did not start.
      if (error instanceof LedgerError) await node.stop();
      throw error;
    });
    return {
      addresses: node.addresses(),
      peerAddress: node.peerAddress,
      nodeId: node.nodeId,
      failed,
      recoveredSeqno: node.recoveredSeqno,
      state: () => node.state,
      stop: () => node.stop(),
    };
  } catch (error) {
    await removeOutput(baseFolder, configuration.outputFiles.pid);
    throw error;
  }
}

async function createAdapters(options: RunNodeOptions): Promise<readonly Adapter[]> {
  const adapters: Adapter[] = [];
  for (const [name, part] of options.configuration.adapters) {
    const factory = options.adapters.get(name);
    if (!factory) {
      const known = [...options.adapters.keys()].join(', ') || 'none';
      const message = `There is no adapter "${name}"; this program has: ${known}.`;
      throw nodeError('InvalidConfiguration', message);
    }
    adapters.push(await factory(part));
  }
  return adapters;
}
