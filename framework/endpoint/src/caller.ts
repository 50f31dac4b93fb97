/**
 * Who calls, as proven: never as claimed. `policy` is the authentication policy that accepted the
 * call (facts: CCF's names).
 */
import type { JsonValue, SignOne } from '@coco/base';
import type { GovernanceHeader, UserHeader } from './signed-header.ts';

/** One way to prove who calls. */
export type PolicyName = Exclude<Caller, AllOfCaller>['policy'];

/** Accepts when each of its policies does: one or more, none of them twice. */
export interface AllOfPolicy {
  readonly all_of: readonly PolicyName[];
}

export type AuthenticationPolicy = PolicyName | AllOfPolicy;

export type Caller =
  /** Nothing is proven. */
  | { readonly policy: 'no_auth' }
  /** A TLS client certificate; `id` is the hex SHA-256 of its DER. */
  | { readonly policy: 'any_cert'; readonly id: string; readonly certificate: Uint8Array }
  | CertificateCaller
  | NodeCaller
  | TokenCaller
  /** A COSE_Sign1 request signed by a member's key. */
  | SignedCaller
  | SignedUserCaller
  | AllOfCaller;

/** A member or user whom the ledger knows by the TLS client certificate. */
interface CertificateCaller {
  readonly policy: 'member_cert' | 'user_cert';
  readonly id: string;
  /** What governance recorded of the party. */
  readonly data: JsonValue | undefined;
  /** PEM. */
  readonly certificatePem: string;
}

/** A node that the committed ledger trusts, known by its key whatever the certificate around it. */
interface NodeCaller {
  readonly policy: 'node_cert';
  /** The node's id: hex SHA-256 of its key's DER SubjectPublicKeyInfo. */
  readonly id: string;
  /** DER. */
  readonly certificate: Uint8Array;
}

/** The bearer of a JSON Web Token that a key of a known issuer signed. */
export interface TokenCaller {
  readonly policy: 'jwt';
  /** The issuer whose key it is: as governance named it, not as the token claims. */
  readonly keyIssuer: string;
  readonly header: JsonValue;
  readonly payload: JsonValue;
}

export interface SignedCaller {
  readonly policy: 'member_cose_sign1' | 'active_member_cose_sign1';
  /** The member's id. */
  readonly id: string;
  readonly data: JsonValue | undefined;
  readonly certificatePem: string;
  readonly message: SignOne;
  /** The protected header, parsed; its type is the one that the endpoint asks for. */
  readonly header: GovernanceHeader;
  /** The whole COSE_Sign1 as it came. */
  readonly bytes: Uint8Array;
}

/** A COSE_Sign1 request signed by a user's key. That it comes once is the application's to check. */
interface SignedUserCaller {
  readonly policy: 'user_cose_sign1';
  /** The user's id. */
  readonly id: string;
  readonly data: JsonValue | undefined;
  readonly certificatePem: string;
  readonly message: SignOne;
  readonly header: UserHeader;
  readonly bytes: Uint8Array;
}

/** What each policy of an `all_of` proved. */
interface AllOfCaller {
  readonly policy: 'all_of';
  readonly callers: ReadonlyMap<PolicyName, Caller>;
}
