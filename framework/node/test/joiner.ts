/** A node that asks to join, made of the node's own parts, with evidence by a development root. */
import { encodeQuoteInfo, reportDataOf, VirtualPlatform } from '@coco/attestation';
import { SigningKey } from '@coco/crypto';
import type { JoinRequest } from '@coco/governance';
import { createNodeKeys, type NodeKeys } from '../src/identities.ts';
import { systemClock } from '../src/index.ts';

export const root: SigningKey = SigningKey.generate('P-256');
export const code: { readonly measurement: string; readonly hostData: string } = {
  measurement: '11'.repeat(32),
  hostData: '22'.repeat(32),
};

let ports = 10_000;

export async function createJoiner(
  changes: Partial<typeof code> & { root?: SigningKey } = {},
): Promise<{
  readonly keys: NodeKeys;
  readonly certificate: Uint8Array;
  readonly request: JoinRequest;
}> {
  const keys = await createNodeKeys({ subject: 'N', hosts: [], days: 9, clock: systemClock });
  const platform = new VirtualPlatform({ root, ...code, ...changes });
  const evidence = await platform.evidenceFor(await reportDataOf(keys.key.spki));
  const { quote, endorsements } = encodeQuoteInfo(evidence);
  const publishedAddress = `127.0.0.1:${ports++}`;
  return {
    keys,
    certificate: Buffer.from(keys.selfSignedPem.replace(/-----.*?-----|\s/g, ''), 'base64'),
    request: {
      nodeToNodeInterface: { bindAddress: publishedAddress, publishedAddress },
      rpcInterfaces: { main: { published_address: '127.0.0.1:8000' } },
      quoteInfo: {
        format: evidence.format,
        quote: String(quote),
        endorsements: String(endorsements),
      },
      encryptionPublicKeyPem: keys.encryptionKey.publicPem,
      signingRequestPem: keys.signingRequestPem,
      nodeData: undefined,
    },
  };
}
