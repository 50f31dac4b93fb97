/**
 * The protected headers of signed requests: COSE_Sign1 (RFC 9052) with CCF's labels. Parsing only;
 * attempt-signed.ts verifies, and @coco/governance makes members' requests.
 */
import { coseHeader, decodeSignOne, refuse, type SignOne, utf8Decode } from '@coco/base';

/** Labels in a member's protected header beside alg (1) and kid (4). */
export const governanceLabel = {
  type: 'ccf.gov.msg.type',
  createdAt: 'ccf.gov.msg.created_at',
  proposalId: 'ccf.gov.msg.proposal_id',
} as const;

/** Labels in a user's protected header; both may be missing. */
export const userLabel = { type: 'ccf.msg.type', createdAt: 'ccf.msg.created_at' } as const;

/** What a member's signed message is for. */
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

export interface UserHeader {
  readonly algorithm: number;
  /** The signer's user id: hex SHA-256 of the certificate's DER. */
  readonly keyId: string;
  readonly type: string | undefined;
  /** Unix seconds by the signer's clock. */
  readonly createdAt: number | undefined;
}

/** A message with its header, not verified. */
export interface SignedMessage<Header> {
  readonly message: SignOne;
  readonly header: Header;
}

/** A bundle of an app fits; larger signed requests are refused before parsing. */
const messageBytesMax = 8 * 1024 * 1024;

/** @throws InvalidInput, RequestBodyTooLarge */
export function parseGovernanceMessage(bytes: Uint8Array): SignedMessage<GovernanceHeader> {
  const message = decodeSignOne(bytes, messageBytesMax);
  const createdAt = timeOf(message, governanceLabel.createdAt);
  if (createdAt === undefined) {
    throw refuse('InvalidInput', `The protected header needs ${governanceLabel.createdAt}.`);
  }
  return {
    message,
    header: {
      ...signerOf(message),
      type: textOf(message, governanceLabel.type),
      createdAt,
      proposalId: textOf(message, governanceLabel.proposalId),
    },
  };
}

/** @throws InvalidInput, RequestBodyTooLarge */
export function parseUserMessage(bytes: Uint8Array): SignedMessage<UserHeader> {
  const message = decodeSignOne(bytes, messageBytesMax);
  return {
    message,
    header: {
      ...signerOf(message),
      type: textOf(message, userLabel.type),
      createdAt: timeOf(message, userLabel.createdAt),
    },
  };
}

/** @throws InvalidInput */
function signerOf({ protectedHeader }: SignOne): { algorithm: number; keyId: string } {
  const algorithm = protectedHeader.get(coseHeader.algorithm);
  const keyId = protectedHeader.get(coseHeader.keyId);
  if (typeof algorithm !== 'number' || !(keyId instanceof Uint8Array)) {
    throw refuse('InvalidInput', 'The protected header needs an algorithm and a key id.');
  }
  return { algorithm, keyId: utf8Decode(keyId) };
}

/** A text label is absent or text. @throws InvalidInput */
function textOf({ protectedHeader }: SignOne, label: string): string | undefined {
  const value = protectedHeader.get(label);
  if (value === undefined || typeof value === 'string') return value;
  throw refuse('InvalidInput', 'A label of the protected header is not text.');
}

/** A time label is absent or whole seconds. @throws InvalidInput */
function timeOf({ protectedHeader }: SignOne, label: string): number | undefined {
  const value = protectedHeader.get(label);
  const isTime = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
  if (value === undefined || isTime) return value;
  throw refuse('InvalidInput', `The label ${label} is not a time in seconds.`);
}
