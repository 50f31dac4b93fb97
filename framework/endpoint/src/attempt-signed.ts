/**
 * Policies of signed bodies: a COSE_Sign1 by the key of a member's or user's certificate. Nothing
 * of the body counts before its signature is verified but the id of the signer.
 */
import { coseAlgorithm, LedgerError } from '@coco/base';
import { parseCertificate, verifyCose } from '@coco/crypto';
import type { Attempt, AttemptContext } from './attempt.ts';
import type { SignedCaller } from './caller.ts';
import type { KnownParty } from './identity-lookup.ts';
import type { Request } from './request.ts';
import {
  governanceLabel,
  parseGovernanceMessage,
  parseUserMessage,
  type UserHeader,
} from './signed-header.ts';

const signingAlgorithms: ReadonlySet<number> = new Set(Object.values(coseAlgorithm));

/** A member's request. @throws InvalidInput, RequestBodyTooLarge for a body that does not parse */
export function attemptMemberSigned(
  policy: SignedCaller['policy'],
  request: Request,
  context: AttemptContext,
): Attempt {
  const unsigned = unsignedReason(request);
  if (unsigned !== undefined) return { refusal: unsigned };
  const { message, header } = parseGovernanceMessage(request.body);
  const verified = verifySigner(request, header, {
    signer: context.lookup.member(header.keyId),
    kind: 'member',
  });
  if ('refusal' in verified) return verified;
  const { type } = governanceLabel;
  if (header.type !== context.messageType) {
    const found =
      header.type === undefined ? `Missing ${type}` : `Found ${type} set to ${header.type}`;
    return { refusal: `${found}, expected ${type} to be ${context.messageType}` };
  }
  if (policy === 'active_member_cose_sign1' && !context.lookup.isActiveMember(header.keyId)) {
    return { refusal: 'Signer is not an ACTIVE member' };
  }
  const { body: bytes } = request;
  return { caller: { policy, id: header.keyId, ...verified.signer, message, header, bytes } };
}

/** A user's request. @throws InvalidInput, RequestBodyTooLarge for a body that does not parse */
export function attemptUserSigned(request: Request, context: AttemptContext): Attempt {
  const unsigned = unsignedReason(request);
  if (unsigned !== undefined) return { refusal: unsigned };
  const { message, header } = parseUserMessage(request.body);
  const verified = verifySigner(request, header, {
    signer: context.lookup.user(header.keyId),
    kind: 'user',
  });
  if ('refusal' in verified) return verified;
  const expected = context.messageType;
  if (expected !== undefined && header.type !== expected) {
    return { refusal: `Unexpected message type: ${header.type}, expected: ${expected}` };
  }
  const { keyId: id } = header;
  const { body: bytes } = request;
  return {
    caller: { policy: 'user_cose_sign1', id, ...verified.signer, message, header, bytes },
  };
}

function unsignedReason({ headers }: Request): string | undefined {
  const type = headers.get('content-type');
  if (type === undefined) return 'Missing content-type header';
  return type === 'application/cose' ? undefined : 'Content type is not set to application/cose';
}

function verifySigner(
  { body }: Request,
  { algorithm }: Pick<UserHeader, 'algorithm'>,
  known: { readonly signer: KnownParty | undefined; readonly kind: 'member' | 'user' },
): { readonly signer: KnownParty } | { readonly refusal: string } {
  if (!signingAlgorithms.has(algorithm)) return { refusal: `Unsupported algorithm: ${algorithm}` };
  const { signer, kind } = known;
  if (!signer) return { refusal: `Signer is not a known ${kind}` };
  // A detached payload does not verify either: there is nothing to verify it with.
  if (!isSignedBy(signer.certificatePem, body)) return { refusal: 'Failed to validate COSE Sign1' };
  return { signer };
}

function isSignedBy(certificate: string, bytes: Uint8Array): boolean {
  const { spki } = parseCertificate(certificate);
  try {
    verifyCose({ bytes, spki, bytesMax: bytes.length });
    return true;
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'InvalidSignature') return false;
    throw error;
  }
}
