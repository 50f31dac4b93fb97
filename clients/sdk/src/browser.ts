/** The door of @coco/sdk for browsers: the same checks, over fetch and without any of Node. */
import type { Client } from './client.ts';
import { type ConnectOptions, connectBy } from './connect.ts';
import { fetchTransport } from './fetch-transport.ts';

/**
 * Verifies a service and connects to it. A browser does not show which key a TLS session ends at:
 * the first time, the service's identity must be pinned (README).
 *
 * @throws what verifyService, acceptServiceIdentity, Client.verifyContinuity and the transport do
 */
export function connect(options: ConnectOptions): Promise<Client> {
  return connectBy(fetchTransport(), options);
}

export { verifyEvidence } from '@coco/attestation';
export { findEndorsedIdentity, parseReceipt, verifyReceipt } from '@coco/receipt';
export { answerJson, Client } from './client.ts';
export { connectBy } from './connect.ts';
export { fetchTransport } from './fetch-transport.ts';
export { encodeMemory, parseMemory } from './memory.ts';
export { forgetfulMemory, storageMemory } from './storage-memory.ts';
