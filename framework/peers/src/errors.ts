/** Codes of @coco/peers. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const peersError: (
  code:
    | 'AddressInUse'
    | 'PeerUnreachable'
    | 'PeerRefused'
    | 'PeerLost'
    | 'PeerSilent'
    | 'PeerNotTrusted'
    | 'PeerProtocolUnknown'
    | 'PeerHandshakeFailed'
    | 'PeerFrameTooLong'
    | 'PeerMessageRejected',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  AddressInUse: {
    kind: 'fault',
    status: 500,
    meaning: 'Another process listens on the address that the node is to listen on.',
  },
  PeerUnreachable: {
    kind: 'fault',
    status: 503,
    meaning: 'Nothing at the address of another node answers with TLS.',
  },
  PeerRefused: {
    kind: 'fault',
    status: 503,
    meaning: 'Another node ended the connection before it welcomed this one: no trust, or no time.',
  },
  PeerLost: {
    kind: 'fault',
    status: 503,
    meaning: 'The connection to another node broke or was ended.',
  },
  PeerSilent: {
    kind: 'fault',
    status: 503,
    meaning: 'Another node sent nothing for longer than its beats allow.',
  },
  PeerNotTrusted: {
    kind: 'refusal',
    status: 403,
    meaning: 'The other end of a connection does not hold the key of a node that is trusted there.',
  },
  PeerProtocolUnknown: {
    kind: 'refusal',
    status: 400,
    meaning: 'The other end of a connection between nodes does not speak the peer protocol.',
  },
  PeerHandshakeFailed: {
    kind: 'refusal',
    status: 400,
    meaning: 'A connection to the node-to-node interface came to no TLS handshake.',
  },
  PeerFrameTooLong: {
    kind: 'refusal',
    status: 413,
    meaning: 'A node announced a frame that is longer than any message may be.',
  },
  PeerMessageRejected: {
    kind: 'refusal',
    status: 400,
    meaning: 'A node sent a message that is against the protocol; the connection ends.',
  },
});
