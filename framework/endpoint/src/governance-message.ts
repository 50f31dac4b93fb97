/**
 * The signed requests of members: COSE_Sign1 (RFC 9052) with CCF's protected header. Parsing only;
 * authenticate.ts verifies, and @coco/governance makes them.
 */
import { coseHeader, decodeSignOne, refuse, type SignOne, utf8Decode } from '@coco/base';

/** Labels in the protected header beside alg (1) and kid (4). */
export const governanceLabel = {
  type: 'ccf.gov.msg.type',
  createdAt: 'ccf.gov.msg.created_at',
  proposalId: 'ccf.gov.msg.proposal_id',
} as const;

/** What a signed message is for. */
export type GovernanceMessageType =
  | 'ack'
  | 'ballot'
  | 'proposal'
  | 'recovery_share'
  | 'state_digest'
  | 'withdrawal';

export interface GovernanceHeader {
  readonly algorithm: number;
  /** The signer's member id: hex SHA-256 of the certificate's DER. */
  readonly keyId: string;
  /** As signed; not yet known to be a GovernanceMessageType. */
  readonly type: string | undefined;
  /** Unix seconds by the signer's clock. */
  readonly createdAt: number;
  readonly proposalId: string | undefined;
}

/** A bundle of an app fits; larger signed requests are refused before parsing. */
const messageBytesMax = 8 * 1024 * 1024;

/** @throws InvalidInput, RequestBodyTooLarge */
export function parseGovernanceMessage(bytes: Uint8Array): {
  readonly message: SignOne;
  readonly header: GovernanceHeader;
} {
  const message = decodeSignOne(bytes, messageBytesMax);
  const { protectedHeader } = message;
  const algorithm = protectedHeader.get(coseHeader.algorithm);
  const keyId = protectedHeader.get(coseHeader.keyId);
  const createdAt = protectedHeader.get(governanceLabel.createdAt);
  if (typeof algorithm !== 'number' || !(keyId instanceof Uint8Array)) {
    throw refuse('InvalidInput', 'The protected header needs an algorithm and a key id.');
  }
  const isTime = typeof createdAt === 'number' && Number.isSafeInteger(createdAt);
  if (!isTime || createdAt < 0) {
    throw refuse('InvalidInput', `The protected header needs ${governanceLabel.createdAt}.`);
  }
  return {
    message,
    header: {
      algorithm,
      keyId: utf8Decode(keyId),
      type: textOf(protectedHeader.get(governanceLabel.type)),
      createdAt,
      proposalId: textOf(protectedHeader.get(governanceLabel.proposalId)),
    },
  };
}

/** A text label is absent or text. @throws InvalidInput */
function textOf(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw refuse('InvalidInput', 'A label of the protected header is not text.');
}
