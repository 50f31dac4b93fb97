/**
 * Endorsements of earlier service identities. A recovered service has a new key and signs the key
 * before it, with the span of transactions (epoch) in which that key was the service's; so who
 * trusts the new key verifies old receipts. Format: CCF's
 * public:ccf.internal.previous_service_identity_endorsement, a COSE_Sign1 with the endorsed
 * SubjectPublicKeyInfo as payload (docs/formats/receipt.md).
 */
import {
  type CborKey,
  type CborValue,
  decodeSignOne,
  LedgerError,
  parseTransactionId,
  type SignOne,
  type TransactionId,
} from '@coco/base';
import { refuseReceipt } from './errors.ts';
import { VerificationKey } from './verification-key.ts';

/** An endorsement has some 350 bytes. */
const endorsementBytesMax = 4096;
/** A network that recovers once a week for a year stays below. */
export const endorsementsMax = 64;
const digestBytes = 32;

export interface ServiceEndorsement {
  /** The earlier service's key; the signer's own where a first service endorses itself. */
  readonly endorsedSpki: Uint8Array;
  readonly epochBegin: TransactionId;
  /** Last signed transaction of the endorsed service; absent in an endorsement of oneself. */
  readonly epochEnd: TransactionId | undefined;
  /** Root that was signed at epochEnd, where the endorsement names it. */
  readonly epochEndRoot: Uint8Array | undefined;
  readonly message: SignOne;
}

/** Parses one endorsement; says nothing of its signature. @throws EndorsementMalformed */
export function parseEndorsement(bytes: Uint8Array): ServiceEndorsement {
  try {
    const message = decodeSignOne(bytes, endorsementBytesMax);
    const ledger = message.protectedHeader.get('ccf.v1');
    if (
      message.payload === null ||
      !(ledger instanceof Map) ||
      message.unprotectedHeader.size > 0
    ) {
      throw refuseReceipt('EndorsementMalformed', 'A part of the endorsement is missing.');
    }
    const claims = ledger as ReadonlyMap<CborKey, CborValue>;
    const begin = claims.get('epoch.start.txid');
    const end = claims.get('epoch.end.txid');
    const root = claims.get('epoch.end.merkle.root');
    const isRoot = root instanceof Uint8Array && root.length === digestBytes;
    if (typeof begin !== 'string' || (root !== undefined && !isRoot)) {
      throw refuseReceipt('EndorsementMalformed', 'The epoch of the endorsement does not parse.');
    }
    return {
      endorsedSpki: message.payload,
      epochBegin: parseTransactionId(begin),
      epochEnd: end === undefined ? undefined : parseTransactionId(String(end)),
      epochEndRoot: isRoot ? root : undefined,
      message,
    };
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'EndorsementMalformed') throw cause;
    throw refuseReceipt('EndorsementMalformed', 'The bytes are not an endorsement.', {}, cause);
  }
}

/**
 * Verifies one endorsement against the key that should have made it.
 * @throws EndorsementMalformed, EndorsementSignatureInvalid, ServiceIdentityInvalid
 */
export async function verifyEndorsement(options: {
  readonly endorsement: Uint8Array;
  /** PEM of a certificate or key, or DER SubjectPublicKeyInfo. */
  readonly endorsingKey: string | Uint8Array | VerificationKey;
}): Promise<ServiceEndorsement> {
  const endorsement = parseEndorsement(options.endorsement);
  const key = await VerificationKey.from(options.endorsingKey);
  if (!(await key.hasSigned(endorsement.message, endorsement.endorsedSpki))) {
    throw refuseReceipt(
      'EndorsementSignatureInvalid',
      'The endorsement is not signed by the endorsing service.',
      { endorsingKey: key.id },
    );
  }
  return endorsement;
}

/** An earlier service identity that the trusted one vouches for. */
export interface EndorsedIdentity {
  readonly key: VerificationKey;
  readonly epochBegin: TransactionId;
  readonly epochEnd: TransactionId;
  /** Root that the earlier service signed at epochEnd, where the endorsement names it. */
  readonly epochEndRoot: Uint8Array | undefined;
}

/**
 * Follows endorsements from the trusted identity to the earlier one with `keyId`. The list goes
 * from the newest endorsement to the oldest, each made by the key that the one before it endorses.
 * @throws EndorsementChainBroken when the list ends or breaks before `keyId`, and what
 *   verifyEndorsement throws
 */
export async function findEndorsedIdentity(options: {
  readonly serviceIdentity: string | Uint8Array | VerificationKey;
  readonly endorsements: readonly Uint8Array[];
  readonly keyId: string;
}): Promise<EndorsedIdentity> {
  if (options.endorsements.length > endorsementsMax) {
    throw refuseReceipt('EndorsementChainBroken', `At most ${endorsementsMax} endorsements.`);
  }
  let endorsingKey = await VerificationKey.from(options.serviceIdentity);
  let latestSeqno = Number.MAX_SAFE_INTEGER;
  for (const bytes of options.endorsements) {
    const endorsement = await verifyEndorsement({ endorsement: bytes, endorsingKey });
    const { epochBegin, epochEnd, epochEndRoot } = endorsement;
    // A first service endorses itself without an end: the chain has no earlier identity.
    if (!epochEnd) break;
    const isOrdered = epochBegin.seqno <= epochEnd.seqno && epochEnd.seqno < latestSeqno;
    if (!isOrdered || epochBegin.view > epochEnd.view) {
      throw refuseReceipt('EndorsementChainBroken', 'The epochs of the endorsements overlap.');
    }
    const key = await VerificationKey.fromSpki(endorsement.endorsedSpki);
    if (key.id === options.keyId) return { key, epochBegin, epochEnd, epochEndRoot };
    endorsingKey = key;
    latestSeqno = epochBegin.seqno;
  }
  throw refuseReceipt(
    'EndorsementChainBroken',
    'The endorsements do not lead to the service identity that is needed.',
    { keyId: options.keyId, count: options.endorsements.length },
  );
}
