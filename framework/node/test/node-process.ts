/** A node of a test network in a process of its own; see launch-node.ts. */

import { once } from 'node:events';
import { launchInProcess, type NodeGiven, type NodeSaid } from './launch-node.ts';

function say(said: NodeSaid): void {
  process.send?.(said);
}

const [given] = (await once(process, 'message')) as [NodeGiven];
const node = await launchInProcess({
  ...given,
  onEvent: (event, fields) => say({ kind: 'event', event, fields }),
  onFailed: (failure) => say({ kind: 'failed', ...failure }),
}).catch((error: { code?: string; message: string }) => {
  say({ kind: 'failed', code: error.code ?? 'InternalError', message: error.message });
  process.exit(1);
});
const { nodeId, addresses, peerAddress } = node;
say({ kind: 'launched', nodeId, addresses, peerAddress });
process.on('SIGTERM', () => void node.stop().then(() => process.exit(0)));
process.on('disconnect', () => process.exit(0));
