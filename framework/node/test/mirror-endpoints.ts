/** Endpoints that tell every caller who it is, one for each authentication policy. */
import { type JsonValue, toBase64 } from '@coco/base';
import {
  type AuthenticationPolicy,
  type CallerValue,
  callerValue,
  type Endpoint,
  jsonResponse,
} from '@coco/endpoint';

const policies: Readonly<Record<string, readonly AuthenticationPolicy[]>> = {
  none: [],
  no_auth: ['no_auth'],
  any_cert: ['any_cert'],
  user_cert: ['user_cert'],
  member_cert: ['member_cert'],
  jwt: ['jwt'],
  user_cose_sign1: ['user_cose_sign1'],
  member_cose_sign1: ['member_cose_sign1'],
  active_member_cose_sign1: ['active_member_cose_sign1'],
  all_of: [{ all_of: ['user_cert', 'jwt'] }],
  several: ['jwt', 'user_cert', 'no_auth'],
};

/** Bytes as base64, so that the answer is JSON. */
function plain(value: CallerValue): JsonValue {
  if (value instanceof Uint8Array) return toBase64(value);
  if (Array.isArray(value)) return (value as readonly CallerValue[]).map(plain);
  if (typeof value !== 'object' || value === null) return value as JsonValue;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

/** POST /app/caller/{name of the policy}. */
export const mirrorEndpoints: readonly Endpoint[] = [
  ...Object.entries(policies).map(
    ([name, authentication]): Endpoint => ({
      method: 'POST',
      path: `/app/caller/${name}`,
      mode: 'command',
      authentication,
      ...(name.includes('member_cose') && { messageType: 'ack' }),
      handle: ({ caller }) => jsonResponse(plain(callerValue(caller))),
    }),
  ),
  {
    method: 'GET',
    path: '/app/bearer',
    mode: 'command',
    authentication: ['jwt'],
    handle: ({ caller }) => jsonResponse(caller.policy === 'jwt' ? caller.keyIssuer : null),
  },
];
