/** Keys as JSON Web Keys (RFC 7517, RFC 8037) and back to PEM. */
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { refuseCrypto } from './errors.ts';

/** `kty` of the kinds of key. */
type WebKeyType = 'EC' | 'RSA' | 'OKP';

export interface WebKeyKind {
  readonly type: WebKeyType;
  readonly isPrivate: boolean;
}

const privateMember = 'd';

/** @throws InvalidKey when the text is no key of that kind */
export function pemToWebKey(pem: string, kind: WebKeyKind): JsonWebKey {
  const key = parsed(() => (kind.isPrivate ? createPrivateKey(pem) : createPublicKey(pem)));
  const webKey = parsed(() => key.export({ format: 'jwk' }));
  return ofKind(webKey, kind);
}

/** @throws InvalidKey when the value is no key of that kind */
export function webKeyToPem(webKey: JsonWebKey, kind: WebKeyKind): string {
  const key = ofKind(webKey, kind);
  if (kind.isPrivate) {
    const privateKey = parsed(() => createPrivateKey({ key, format: 'jwk' }));
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  }
  const publicKey = parsed(() => createPublicKey({ key, format: 'jwk' }));
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

function ofKind(webKey: JsonWebKey, kind: WebKeyKind): JsonWebKey {
  const isPrivate = webKey[privateMember] !== undefined;
  if (webKey.kty === kind.type && isPrivate === kind.isPrivate) return webKey;
  const which = kind.isPrivate ? 'private' : 'public';
  throw refuseCrypto('InvalidKey', `The key is not a ${which} key of type ${kind.type}.`);
}

function parsed<Result extends KeyObject | JsonWebKey>(parse: () => Result): Result {
  try {
    return parse();
  } catch (cause) {
    throw refuseCrypto('InvalidKey', 'The value is not a key.', {}, cause);
  }
}
