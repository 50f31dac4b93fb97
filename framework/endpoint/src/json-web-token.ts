/**
 * A JSON Web Token in its compact form (RFC 7515 section 7.1, RFC 7519), parsed and not verified.
 * Only RS256 and ES256 exist here: a token that names another algorithm, `none` included, does not
 * parse. The library in use for the cryptography is node:crypto (docs/decisions).
 */
import { fromBase64, isJsonObject, type JsonValue, LedgerError, parseJson } from '@coco/base';
import type { TokenAlgorithm } from '@coco/crypto';

export interface WebToken {
  readonly algorithm: TokenAlgorithm;
  readonly keyId: string;
  readonly header: JsonValue;
  readonly payload: JsonValue;
  /** The claim iss: not yet known to be true. */
  readonly issuer: string;
  /** The claim tid, which Entra sets. */
  readonly tenant: string | undefined;
  /** The claim exp: Unix seconds. */
  readonly expiresAt: number;
  /** The claim nbf: Unix seconds. */
  readonly notBefore: number | undefined;
  /** What the signature is over: ASCII. */
  readonly signedText: string;
  readonly signature: Uint8Array;
}

const partNames = ['header', 'payload', 'signature'] as const;
const jsonLimits = { bytesMax: 16 * 1024, depthMax: 32 };

/** The token, or why it is none, in CCF's words. */
export function parseWebToken(text: string): WebToken | string {
  const parts = text.split('.');
  if (parts.length !== 3) return 'Malformed JWT: must contain exactly 3 parts';
  const decoded: Uint8Array[] = [];
  for (const [at, name] of partNames.entries()) {
    const part = parts[at] ?? '';
    if (part === '') return `JWT part is empty (${name})`;
    const bytes = bytesOf(part);
    if (!bytes) return `Failed to parse base64url in JWT (${name})`;
    decoded.push(bytes);
  }
  const [headerBytes, payloadBytes, signature] = decoded as [Uint8Array, Uint8Array, Uint8Array];
  const header = jsonOf(headerBytes);
  const payload = jsonOf(payloadBytes);
  if (header === undefined || payload === undefined) {
    return 'JWT header or payload is not valid JSON';
  }
  if (!isJsonObject(header) || !isJsonObject(payload)) {
    return 'JWT header or payload is not an object';
  }
  const head = parseHeader(header);
  if (typeof head === 'string') return `JWT header does not follow schema: ${head}`;
  const claims = parseClaims(payload);
  if (typeof claims === 'string') return `JWT payload is missing required field: ${claims}`;
  const signedText = text.slice(0, text.lastIndexOf('.'));
  return { ...head, ...claims, header, payload, signedText, signature };
}

/** RFC 4648 section 5 without padding, canonical. */
function bytesOf(base64url: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(base64url)) return undefined;
  const base64 = base64url.replaceAll('-', '+').replaceAll('_', '/');
  return tried(() => fromBase64(base64.padEnd(Math.ceil(base64.length / 4) * 4, '=')));
}

function jsonOf(bytes: Uint8Array): JsonValue | undefined {
  return tried(() => parseJson(bytes, jsonLimits));
}

function tried<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

type Fields = { readonly [name: string]: JsonValue };

function parseHeader(header: Fields): Pick<WebToken, 'algorithm' | 'keyId'> | string {
  const { alg, kid } = header;
  if (alg !== 'RS256' && alg !== 'ES256') return 'alg is neither RS256 nor ES256';
  if (typeof kid !== 'string') return 'kid is not text';
  // RFC 7515 section 4.1.11: what it lists must be understood, and none of it is.
  if (Object.hasOwn(header, 'crit')) return 'crit is not supported';
  return { algorithm: alg, keyId: kid };
}

type Claims = Pick<WebToken, 'issuer' | 'tenant' | 'expiresAt' | 'notBefore'>;

function parseClaims(payload: Fields): Claims | string {
  const { exp, iss, nbf = undefined, tid = undefined } = payload;
  if (!isTime(exp)) return 'exp is not a time in seconds';
  if (typeof iss !== 'string') return 'iss is not text';
  if (nbf !== undefined && !isTime(nbf)) return 'nbf is not a time in seconds';
  if (tid !== undefined && typeof tid !== 'string') return 'tid is not text';
  return { expiresAt: exp, issuer: iss, notBefore: nbf, tenant: tid };
}

/** RFC 7519 section 2: NumericDate, which may have a fraction. */
function isTime(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
