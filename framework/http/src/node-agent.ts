/**
 * Connections to one other node's HTTPS interface. Both ends prove their keys, and no byte of a
 * request leaves before the other end's key is the one that the ledger names: names, dates and
 * issuers of certificates do not count, as in the channel between nodes.
 */

import { Agent } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '@coco/base';
import { keyExchangeGroups, keyIdOf, type TlsIdentity } from '@coco/peers';
import { httpError } from './errors.ts';

/** From the first packet to a finished handshake. A node that is slower is as good as gone. */
const connectMsMax = 2_000;
/**
 * Connections at once to one node: one call holds one. Well below what a listener serves
 * (max_open_sessions_soft, 3,900), times the seven nodes of the largest network.
 */
const connectionsMax = 256;
/** Kept for the next burst. */
const idleConnectionsMax = 32;
/** Below the listener's 60 s, so that a kept connection is not closed while a request leaves. */
const idleMsMax = 20_000;

export interface NodeTarget {
  /** Hex SHA-256 of the node's public key. */
  readonly nodeId: string;
  /** host:port of an interface that shows the node's key. */
  readonly address: string;
}

/** An agent whose connections all lead to the node that `target` names. */
export function createNodeAgent(
  target: NodeTarget,
  own: { readonly identity: TlsIdentity; readonly clock: Clock },
): Agent {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: connectionsMax,
    maxFreeSockets: idleConnectionsMax,
    timeout: idleMsMax,
    scheduling: 'lifo',
  });
  agent.createConnection = (_options, callback) => {
    connectTo(target, own).then(
      (socket) => callback?.(null, socket),
      // The agent takes no socket along with an error, whatever its type says.
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  };
  return agent;
}

/** @throws NodeUnreachable */
async function connectTo(
  { nodeId, address }: NodeTarget,
  { identity, clock }: { readonly identity: TlsIdentity; readonly clock: Clock },
): Promise<TLSSocket> {
  const { hostname, port } = new URL(`https://${address}`);
  const socket = connect({
    host: hostname.replace(/^\[(.+)\]$/, '$1'),
    port: Number(port || 443),
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    minVersion: 'TLSv1.3',
    ecdhCurve: keyExchangeGroups,
    ALPNProtocols: ['http/1.1'],
    // The key is checked below, against the ledger.
    rejectUnauthorized: false,
  });
  // Otherwise the second part of a small request waits for the acknowledgement of the first: 40 ms.
  socket.setNoDelay(true);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (reason: string, cause?: unknown): void =>
    reject(httpError('NodeUnreachable', `A node cannot be reached: ${reason}.`, { nodeId }, cause));
  const cancel = clock.setTimer(connectMsMax, () => fail('it did not answer in time'));
  // Stays for the connection's life: what breaks it later, the request hears of.
  socket.on('error', (cause: NodeJS.ErrnoException) =>
    fail(`the connection failed (${cause.code ?? 'TLS'})`, cause),
  );
  socket.once('close', () => fail('the connection ended'));
  socket.once('secureConnect', () => {
    if (keyIdOf(socket) === nodeId) resolve();
    else fail('another key answers at its address');
  });
  try {
    await promise;
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    cancel();
  }
}
