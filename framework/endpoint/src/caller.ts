/**
 * Who calls, as proven: never as claimed. `policy` is the authentication policy that accepted the
 * call (facts: CCF's names).
 */
import type { SignOne } from '@coco/base';

export type Caller =
  /** Nothing is proven. */
  | { readonly policy: 'no_auth' }
  /** A TLS client certificate; `id` is the hex SHA-256 of its DER. */
  | { readonly policy: 'any_cert'; readonly id: string; readonly certificate: Uint8Array }
  | { readonly policy: 'member_cert' | 'user_cert'; readonly id: string }
  /** A COSE_Sign1 request signed by a member's key. */
  | {
      readonly policy: 'member_cose_sign1' | 'active_member_cose_sign1';
      readonly id: string;
      readonly message: SignOne;
      /** The whole COSE_Sign1 as it came. */
      readonly bytes: Uint8Array;
    };

export type AuthenticationPolicy = Caller['policy'];
