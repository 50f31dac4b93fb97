/**
 * Who calls, as proven: never as claimed. `policy` is the authentication policy that accepted the
 * call (facts: CCF's names).
 */
import type { SignOne } from '@coco/base';
import type { GovernanceHeader } from './governance-message.ts';

export type Caller =
  /** Nothing is proven. */
  | { readonly policy: 'no_auth' }
  /** A TLS client certificate; `id` is the hex SHA-256 of its DER. */
  | { readonly policy: 'any_cert'; readonly id: string; readonly certificate: Uint8Array }
  | { readonly policy: 'member_cert' | 'user_cert'; readonly id: string }
  /** A COSE_Sign1 request signed by a member's key. */
  | SignedCaller;

export interface SignedCaller {
  readonly policy: 'member_cose_sign1' | 'active_member_cose_sign1';
  /** The member's id. */
  readonly id: string;
  readonly message: SignOne;
  /** The protected header, parsed; its type is the one that the endpoint asks for. */
  readonly header: GovernanceHeader;
  /** The whole COSE_Sign1 as it came. */
  readonly bytes: Uint8Array;
}

export type AuthenticationPolicy = Caller['policy'];
