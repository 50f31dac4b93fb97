/** The form of a JSON web key set (RFC 7517, RFC 7518), as far as tokens are verified with it. */
import {
  checkCertificates,
  checkList,
  checkObject,
  checkOneOf,
  checkText,
  type Fields,
} from './check-arguments.ts';
import { refuse } from './refuse.ts';

/** Each curve with the bytes of a coordinate and its algorithm (RFC 7518, sections 3.4 and 6.2). */
const curves = {
  'P-256': { coordinateBytes: 32, algorithm: 'ES256' },
  'P-384': { coordinateBytes: 48, algorithm: 'ES384' },
  'P-521': { coordinateBytes: 66, algorithm: 'ES512' },
} as const;
type Curve = keyof typeof curves;
const curveNames = Object.keys(curves) as Curve[];
const curveAlgorithms = curveNames.map((name) => curves[name].algorithm);
const rsaModulusBytesMin = 256;

export function checkKeySet(value: unknown, field: string): Fields {
  const set = checkObject(value, field);
  const names = new Set<string>();
  checkList(set.keys, `${field}.keys`).forEach((item, place) => {
    const name = `${field}.keys[${place}]`;
    const key = checkObject(item, name);
    const kid = checkText(key.kid, `${name}.kid`);
    if (names.has(kid)) refuse(`${name}.kid must be unique`);
    names.add(kid);
    checkWebKey(key, name);
  });
  return set;
}

function checkWebKey(key: Fields, field: string): void {
  const type = checkOneOf(checkText(key.kty, `${field}.kty`), ['RSA', 'EC'], `${field}.kty`);
  if (key.use !== undefined) checkOneOf(key.use, ['sig'], `${field}.use`);
  if (key.alg !== undefined) checkOneOf(key.alg, algorithmsOf(type, key), `${field}.alg`);
  const hasModulus = Boolean(key.n && key.e);
  const hasPoint = Boolean(key.x && key.y);
  if (key.x5c) checkCertificateList(key.x5c, `${field}.x5c`);
  else if (!hasModulus && !hasPoint) {
    refuse('JWK must contain either x5c, or n/e for RSA key type, or x/y/crv for EC key type');
  }
  if (hasModulus) {
    if (type !== 'RSA') refuse(`${field}.kty must be RSA for n/e keys`);
    checkModulus(key, field);
  }
  if (hasPoint) {
    if (type !== 'EC') refuse(`${field}.kty must be EC for x/y keys`);
    checkPoint(key, field);
  }
}

function algorithmsOf(type: 'RSA' | 'EC', key: Fields): readonly string[] {
  if (type === 'RSA') return ['RS256'];
  const curve = curveNames.find((name) => name === key.crv);
  return curve === undefined ? curveAlgorithms : [curves[curve].algorithm];
}

function checkCertificateList(value: unknown, field: string): void {
  const list = checkList(value, field);
  if (list.length < 1) refuse(`${field} must be an array of minimum 1 elements`);
  list.forEach((item, place) => {
    const name = `${field}[${place}]`;
    const base64 = checkText(item, name);
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) refuse(`${name} must be base64 encoded`);
    checkCertificates(`-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----`, name);
  });
}

function checkModulus(key: Fields, field: string): void {
  base64UrlBytes(key.e, `${field}.e`);
  if (base64UrlBytes(key.n, `${field}.n`) < rsaModulusBytesMin) {
    refuse(`${field}.n must be at least ${rsaModulusBytesMin * 8} bits`);
  }
}

function checkPoint(key: Fields, field: string): void {
  const curve = checkOneOf(checkText(key.crv, `${field}.crv`), curveNames, `${field}.crv`);
  const { coordinateBytes } = curves[curve];
  for (const name of ['x', 'y']) {
    if (base64UrlBytes(key[name], `${field}.${name}`) !== coordinateBytes) {
      refuse(`${field}.${name} must be ${coordinateBytes} bytes`);
    }
  }
}

/** The number of bytes that the text stands for. */
function base64UrlBytes(value: unknown, field: string): number {
  const text = checkText(value, field);
  if (!/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) {
    refuse(`${field} must be base64url encoded`);
  }
  return Math.floor((text.length * 3) / 4);
}
