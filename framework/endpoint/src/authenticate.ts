/**
 * Finds out who calls. The endpoint's policies are tried in order; the first that accepts names the
 * caller. Proof is the TLS client certificate, a bearer token or the signature over the body; the
 * tables that say who is known are the caller's to look up, at one state of the ledger. Nothing is
 * remembered from one call to the next, so a state that is rolled back leaves nothing behind.
 */
import type { Attempt, AttemptContext } from './attempt.ts';
import { attemptCertificate, attemptNode } from './attempt-certificate.ts';
import { attemptMemberSigned, attemptUserSigned } from './attempt-signed.ts';
import { attemptToken } from './attempt-token.ts';
import type { AllOfPolicy, AuthenticationPolicy, Caller, PolicyName } from './caller.ts';
import type { Endpoint } from './endpoint.ts';
import { type ErrorDetail, errorResponse } from './error-response.ts';
import { endpointError } from './errors.ts';
import type { IdentityLookup } from './identity-lookup.ts';
import type { Request, Response } from './request.ts';

/** The caller, or the 401 that answers the request. */
export type Authentication =
  | { readonly kind: 'caller'; readonly caller: Caller }
  | { readonly kind: 'response'; readonly response: Response };

const signedChallenge = 'COSE-SIGN1 realm="Signed request access"';
const challenges: Partial<Record<PolicyName, string>> = {
  jwt: 'Bearer realm="JWT bearer token access", error="invalid_token"',
  user_cose_sign1: signedChallenge,
  member_cose_sign1: signedChallenge,
  active_member_cose_sign1: signedChallenge,
};

/**
 * @param context.nowMs Unix time, for the validity of client certificates and tokens.
 * @throws InvalidInput, RequestBodyTooLarge for a body that says it is signed and does not parse
 */
export function authenticate(
  endpoint: Pick<Endpoint, 'authentication' | 'messageType'>,
  request: Request,
  context: { readonly lookup: IdentityLookup; readonly nowMs: number },
): Authentication {
  const details: ErrorDetail[] = [];
  let challenge: string | undefined;
  const attempts = { ...context, messageType: endpoint.messageType };
  for (const policy of endpoint.authentication) {
    const attempt = attemptPolicy(policy, request, attempts);
    if ('caller' in attempt) return { kind: 'caller', caller: attempt.caller };
    challenge = challenges[attempt.refusedBy];
    details.push({
      auth_policy: policyText(policy),
      code: 'InvalidAuthenticationInfo',
      message: attempt.refusal,
    });
  }
  if (details.length === 0) return { kind: 'caller', caller: { policy: 'no_auth' } };
  const error = endpointError('InvalidAuthenticationInfo', 'Invalid authentication credentials.');
  const headers = challenge === undefined ? {} : { 'www-authenticate': challenge };
  return { kind: 'response', response: errorResponse(error, { details, headers }) };
}

type PolicyAttempt =
  | { readonly caller: Caller }
  | { readonly refusal: string; readonly refusedBy: PolicyName };

function attemptPolicy(
  policy: AuthenticationPolicy,
  request: Request,
  context: AttemptContext,
): PolicyAttempt {
  if (typeof policy !== 'string') return attemptAll(policy, request, context);
  return { refusedBy: policy, ...attemptOne(policy, request, context) };
}

/** In the order of their names, as CCF tries them. */
function attemptAll(policy: AllOfPolicy, request: Request, context: AttemptContext): PolicyAttempt {
  const callers = new Map<PolicyName, Caller>();
  for (const name of sorted(policy)) {
    const attempt = attemptOne(name, request, context);
    if ('refusal' in attempt) return { refusal: `${name}:${attempt.refusal}`, refusedBy: name };
    callers.set(name, attempt.caller);
  }
  return { caller: { policy: 'all_of', callers } };
}

function attemptOne(policy: PolicyName, request: Request, context: AttemptContext): Attempt {
  switch (policy) {
    case 'no_auth':
      return { caller: { policy } };
    case 'any_cert':
    case 'user_cert':
    case 'member_cert':
      return attemptCertificate(policy, request, context);
    case 'node_cert':
      return attemptNode(request, context);
    case 'jwt':
      return attemptToken(request, context);
    case 'user_cose_sign1':
      return attemptUserSigned(request, context);
    case 'member_cose_sign1':
    case 'active_member_cose_sign1':
      return attemptMemberSigned(policy, request, context);
  }
}

/** As the details of a 401 name it: `jwt`, `jwt+user_cert`. */
function policyText(policy: AuthenticationPolicy): string {
  return typeof policy === 'string' ? policy : sorted(policy).join('+');
}

function sorted({ all_of: names }: AllOfPolicy): readonly PolicyName[] {
  return [...names].sort();
}
