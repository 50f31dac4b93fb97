/**
 * TLS between nodes: both ends prove their keys, and each goes by the key alone. No authority
 * vouches for a node, the ledger does: names, dates and issuers of certificates do not count.
 */

import type { TLSSocket } from 'node:tls';
import { type LedgerError, toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { peersError } from './errors.ts';
import { keyExchangeGroups, type TlsIdentity } from './tls-identity.ts';

/** ALPN: a client's interface, which shows the same key, does not speak it, and the reverse. */
const protocol = 'coco-peer/1';

export interface PeerTlsOptions {
  readonly cert: string;
  readonly key: string;
  readonly ecdhCurve: string;
  readonly minVersion: 'TLSv1.3';
  readonly ALPNProtocols: string[];
  readonly requestCert: true;
  readonly rejectUnauthorized: false;
}

/** For tls.connect and tls.createServer; `protocolRefusal` and `keyIdOf` do the rest. */
export function peerTlsOptions(identity: TlsIdentity): PeerTlsOptions {
  return {
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    ecdhCurve: keyExchangeGroups,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [protocol],
    requestCert: true,
    rejectUnauthorized: false,
  };
}

/** The id of the node at the other end: hex of SHA-256 of the key that it proved to hold. */
export function keyIdOf(socket: TLSSocket): string | undefined {
  try {
    const key = socket.getPeerX509Certificate()?.publicKey;
    return key && toHex(sha256(key.export({ type: 'spki', format: 'der' })));
  } catch {
    // A key that does not decode is nobody's.
    return undefined;
  }
}

/** Undefined when the other end speaks the peer protocol. */
export function protocolRefusal(socket: TLSSocket): LedgerError | undefined {
  if (socket.alpnProtocol === protocol) return undefined;
  return peersError('PeerProtocolUnknown', `The other end does not speak ${protocol}.`);
}
