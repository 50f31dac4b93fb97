/** A caller as applications see it: the value of CCF's `request.caller`. */
import type { JsonValue } from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import type { Caller } from './caller.ts';

/** JSON, and the signed content as bytes. */
export type CallerValue =
  | JsonValue
  | Uint8Array
  | readonly CallerValue[]
  | { readonly [name: string]: CallerValue };

/** `{policy, …}` by policy: docs/formats/authentication.md has the table. */
export function callerValue(caller: Caller): { readonly [name: string]: CallerValue } {
  const { policy } = caller;
  switch (policy) {
    case 'no_auth':
      return { policy };
    case 'any_cert':
      return { policy, cert: parseCertificate(caller.certificate).pem };
    case 'node_cert':
      return { policy, id: caller.id, cert: parseCertificate(caller.certificate).pem };
    case 'member_cert':
    case 'user_cert':
      return { policy, ...partyOf(caller) };
    case 'jwt': {
      const { keyIssuer, header, payload } = caller;
      return { policy, jwt: { keyIssuer, header, payload } };
    }
    case 'user_cose_sign1':
    case 'member_cose_sign1':
    case 'active_member_cose_sign1': {
      const content = caller.message.payload ?? new Uint8Array(0);
      return { policy, ...partyOf(caller), cose: { content } };
    }
    case 'all_of': {
      const names = [...caller.callers.keys()];
      const values = [...caller.callers].map(([name, one]) => [name, callerValue(one)]);
      return { policy: names, ...Object.fromEntries(values) };
    }
  }
}

function partyOf(party: {
  readonly id: string;
  readonly data: JsonValue | undefined;
  readonly certificatePem: string;
}): { readonly [name: string]: JsonValue } {
  return { id: party.id, data: party.data ?? null, cert: party.certificatePem };
}
