/** The door of @coco/sdk for Node. Browsers enter by browser.ts (package.json `exports`). */
import type { Client } from './client.ts';
import { type ConnectOptions, connectBy } from './connect.ts';
import { type ClientCertificate, httpsTransport } from './https-transport.ts';

/**
 * Verifies a service and connects to it.
 *
 * @example
 * const memory = fileMemory('memory.json');
 * const client = await connect({ url, pin: { developmentRoot }, memory });
 * const { transactionId } = await client.request({ method: 'POST', path: '/app/log', body });
 * const receipt = transactionId && (await client.receipt(transactionId));
 *
 * @throws what verifyService, acceptServiceIdentity, Client.verifyContinuity and the transport do
 */
export function connect(
  options: ConnectOptions & {
    /** Who the caller is to the service, where it asks for a TLS client certificate. */
    readonly clientCertificate?: ClientCertificate;
  },
): Promise<Client> {
  return connectBy(httpsTransport(options.clientCertificate), options);
}

export type { AcceptIdentity, IdentityChange } from './accept-identity.ts';
export type {
  Channel,
  ChannelAnswer,
  ChannelOptions,
  ChannelRequest,
  Transport,
} from './channel.ts';
export type {
  ClientAnswer,
  ClientLimits,
  ClientRequest,
  ReceiptOptions,
  ServedReceipt,
} from './client.ts';
export { answerJson, Client } from './client.ts';
export type { ConnectOptions } from './connect.ts';
export { connectBy } from './connect.ts';
export { fileMemory } from './file-memory.ts';
export type { ClientCertificate } from './https-transport.ts';
export { httpsTransport } from './https-transport.ts';
export type { Memory, MemoryStore, RememberedIdentity, RememberedReceipt } from './memory.ts';
export { encodeMemory, parseMemory } from './memory.ts';
export type { Pin } from './pin.ts';
export type { ServiceRecovery } from './service-api.ts';
export { forgetfulMemory, storageMemory } from './storage-memory.ts';
