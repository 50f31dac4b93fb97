/**
 * The policy of bearer tokens: a JSON Web Token (RFC 7519) signed by a key that the ledger has
 * under the token's key id. Texts are CCF's. Nothing of a token counts before its signature is
 * verified but the key id; what it costs is bounded by its length and by the keys of one id.
 */
import { verifyTokenSignature } from '@coco/crypto';
import type { Attempt, AttemptContext } from './attempt.ts';
import type { TokenKey } from './identity-lookup.ts';
import { agreesWithIssuer } from './issuer-constraint.ts';
import { parseWebToken, type WebToken } from './json-web-token.ts';
import type { Request } from './request.ts';

/** As the node's limit of a request's headers. */
const tokenLengthMax = 16 * 1024;
const scheme = 'Bearer';

export function attemptToken(request: Request, context: AttemptContext): Attempt {
  const authorization = request.headers.get('authorization');
  if (authorization === undefined) return { refusal: 'Missing authorization header' };
  const space = authorization.indexOf(' ');
  if (space < 0) return { refusal: 'Authorization header only contains one field' };
  if (authorization.slice(0, space) !== scheme) {
    return { refusal: `Authorization header does not have ${scheme} scheme` };
  }
  const text = authorization.slice(space + 1);
  if (text.length > tokenLengthMax) {
    return { refusal: `JWT is limited to ${tokenLengthMax} characters` };
  }
  const token = parseWebToken(text);
  if (typeof token === 'string') return { refusal: token };
  const keys = context.lookup.tokenKeys(token.keyId);
  let refusal = `JWT signing key not found for kid ${token.keyId}`;
  for (const key of keys) {
    const wrong = refusalOf(token, key, context.nowMs);
    if (wrong === undefined) {
      const { header, payload } = token;
      return { caller: { policy: 'jwt', keyIssuer: key.issuer, header, payload } };
    }
    refusal = wrong;
  }
  return { refusal };
}

function refusalOf(token: WebToken, key: TokenKey, nowMs: number): string | undefined {
  const { algorithm, signedText, signature, expiresAt, notBefore } = token;
  if (!verifyTokenSignature({ spki: key.publicKey, algorithm, signedText, signature })) {
    return 'Signature verification failed';
  }
  const now = Math.floor(nowMs / 1000);
  if (notBefore !== undefined && now < notBefore) {
    return `Current time ${now} is before token's Not Before (nbf) claim ${notBefore}`;
  }
  if (now > expiresAt) {
    return `Current time ${now} is after token's Expiration Time (exp) claim ${expiresAt}`;
  }
  if (key.constraint !== undefined && !agreesWithIssuer(token, key.constraint)) {
    return `Kid ${token.keyId} failed issuer constraint validation ${key.constraint}`;
  }
  return undefined;
}
