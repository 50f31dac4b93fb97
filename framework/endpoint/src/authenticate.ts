/**
 * Finds out who calls. The endpoint's policies are tried in order; the first that accepts names the
 * caller. Proof is the TLS client certificate or the signature over the body; the tables that say
 * who is a member or a user are the caller's to look up, at one state of the ledger.
 * Texts are CCF's: its clients and tests compare them.
 */
import { coseAlgorithm, LedgerError } from '@coco/base';
import { parseCertificate, verifyCose } from '@coco/crypto';
import type { AuthenticationPolicy, Caller, SignedCaller } from './caller.ts';
import type { Endpoint } from './endpoint.ts';
import { type ErrorDetail, errorResponse } from './error-response.ts';
import { endpointError } from './errors.ts';
import { parseGovernanceMessage } from './governance-message.ts';
import type { Request, Response } from './request.ts';

/** What authentication reads of the ledger. Ids are lower-case hex SHA-256 of a certificate. */
export interface IdentityLookup {
  /** The member's certificate in PEM. */
  memberCertificate(id: string): string | undefined;
  isActiveMember(id: string): boolean;
  isUser(id: string): boolean;
}

/** The caller, or the 401 that answers the request. */
export type Authentication =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'response'; readonly response: Response };

type Attempt = { readonly caller: Caller } | { readonly refusal: string };

const challenges: Partial<Record<AuthenticationPolicy, string>> = {
  member_cose_sign1: 'COSE-SIGN1 realm="Signed request access"',
  active_member_cose_sign1: 'COSE-SIGN1 realm="Signed request access"',
};
const signingAlgorithms: ReadonlySet<number> = new Set(Object.values(coseAlgorithm));

/**
 * @param context.nowMs Unix time, for the validity of client certificates.
 * @throws InvalidInput, RequestBodyTooLarge for a body that says it is signed and does not parse
 */
export function authenticate(
  endpoint: Pick<Endpoint, 'authentication' | 'messageType'>,
  request: Request,
  context: { readonly lookup: IdentityLookup; readonly nowMs: number },
): Authentication {
  const details: ErrorDetail[] = [];
  for (const policy of endpoint.authentication) {
    const attempt = attemptPolicy(policy, request, { ...context, type: endpoint.messageType });
    if ('caller' in attempt) return { kind: 'caller', caller: attempt.caller };
    details.push({
      auth_policy: policy,
      code: 'InvalidAuthenticationInfo',
      message: attempt.refusal,
    });
  }
  const last = endpoint.authentication.at(-1);
  if (last === undefined) return { kind: 'caller', caller: { policy: 'no_auth' } };
  const challenge = challenges[last];
  const error = endpointError('InvalidAuthenticationInfo', 'Invalid authentication credentials.');
  const headers = challenge === undefined ? {} : { 'www-authenticate': challenge };
  return { kind: 'response', response: errorResponse(error, { details, headers }) };
}

interface AttemptContext {
  readonly lookup: IdentityLookup;
  readonly nowMs: number;
  readonly type: string | undefined;
}

function attemptPolicy(
  policy: AuthenticationPolicy,
  request: Request,
  context: AttemptContext,
): Attempt {
  switch (policy) {
    case 'no_auth':
      return { caller: { policy } };
    case 'any_cert':
    case 'user_cert':
    case 'member_cert':
      return attemptCertificate(policy, request, context);
    case 'member_cose_sign1':
    case 'active_member_cose_sign1':
      return attemptSigned(policy, request, context);
  }
}

function attemptCertificate(
  policy: 'any_cert' | 'user_cert' | 'member_cert',
  request: Request,
  context: AttemptContext,
): Attempt {
  if (!request.clientCertificate) return { refusal: 'No caller certificate' };
  const { id, der, notBeforeMs, notAfterMs } = parseCertificate(request.clientCertificate);
  if (policy === 'member_cert') {
    // A member's standing is the consortium's decision, not a date's: CCF checks no dates here.
    const isMember = context.lookup.memberCertificate(id) !== undefined;
    return isMember
      ? { caller: { policy, id } }
      : { refusal: 'Could not find matching member certificate' };
  }
  if (context.nowMs < notBeforeMs) return { refusal: 'Certificate is not yet valid' };
  if (context.nowMs > notAfterMs) return { refusal: 'Certificate has expired' };
  if (policy === 'any_cert') return { caller: { policy, id, certificate: der } };
  return context.lookup.isUser(id)
    ? { caller: { policy, id } }
    : { refusal: 'Could not find matching user certificate' };
}

function attemptSigned(
  policy: SignedCaller['policy'],
  request: Request,
  context: AttemptContext,
): Attempt {
  if (request.headers.get('content-type') !== 'application/cose') {
    return { refusal: 'Content type is not set to application/cose' };
  }
  const { message, header } = parseGovernanceMessage(request.body);
  if (!signingAlgorithms.has(header.algorithm)) {
    return { refusal: `Unsupported algorithm: ${header.algorithm}` };
  }
  if (header.type !== context.type) {
    const found = header.type ?? 'nothing';
    const label = 'ccf.gov.msg.type';
    return { refusal: `Found ${label} set to ${found}, expected ${label} to be ${context.type}` };
  }
  const certificate = context.lookup.memberCertificate(header.keyId);
  if (certificate === undefined) return { refusal: 'Signer is not a known member' };
  if (policy === 'active_member_cose_sign1' && !context.lookup.isActiveMember(header.keyId)) {
    return { refusal: 'Signer is not an active member' };
  }
  // A detached payload does not verify either: there is nothing to verify it with.
  if (!isSignedBy(certificate, request.body)) {
    return { refusal: 'Failed to validate COSE Sign1' };
  }
  return { caller: { policy, id: header.keyId, message, header, bytes: request.body } };
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
