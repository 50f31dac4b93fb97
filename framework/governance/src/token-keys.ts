/**
 * The keys of issuers of tokens: set whole, issuer by issuer, by an action or by the refresh of the
 * primary. Checks and texts are CCF's. A key whose id several issuers use stands once for each.
 */
import { equalBytes, type JsonValue, LedgerError, refuse } from '@coco/base';
import { parsePublishedKey } from '@coco/crypto';
import { isConstraintOf, type TokenKey } from '@coco/endpoint';
import { JsonFields } from './json-fields.ts';
import { tokenIssuers, tokenKeys } from './jwt-tables.ts';
import type { Writable } from './table.ts';

/** The largest issuers publish some twenty; each costs a row and, in a refresh, a parse. */
const keysMax = 256;
const keyIdLengthMax = 512;

/**
 * Makes a JSON web key set (RFC 7517) the keys of an issuer; those that it had and that are not in
 * the set are gone. What is there already is not written again. @throws InvalidInput
 */
export function setTokenKeys(transaction: Writable, issuer: string, keySet: JsonValue): void {
  const keys = parseKeySet(issuer, keySet);
  const before = new Map(tokenKeys.rows(transaction));
  for (const [keyId, key] of keys) {
    const row = before.get(keyId) ?? [];
    const at = row.findIndex((one) => one.issuer === issuer);
    const known = row[at];
    if (known && isSameKey(known, key)) continue;
    const next = known ? row.with(at, key) : [...row, key];
    tokenKeys.put(transaction, keyId, next);
  }
  for (const [keyId, row] of before) if (!keys.has(keyId)) forget(transaction, issuer, keyId, row);
}

/** Takes every key of an issuer away. */
export function removeTokenKeys(transaction: Writable, issuer: string): void {
  for (const [keyId, row] of tokenKeys.rows(transaction)) forget(transaction, issuer, keyId, row);
}

/**
 * What the primary's refresh writes: the keys as the issuer has them now. A key without an issuer
 * of its own is bound to `constraint`, the one that the issuer calls itself.
 * @throws InvalidInput when the issuer is not, or no longer, one whose keys are refreshed
 */
export function refreshTokenKeys(
  transaction: Writable,
  fetched: {
    readonly issuer: string;
    readonly keySet: JsonValue;
    readonly constraint: string | undefined;
  },
): void {
  const { issuer, keySet, constraint } = fetched;
  if (!tokenIssuers.get(transaction, issuer)?.auto_refresh) {
    throw refuse('InvalidInput', `The keys of ${issuer} are not refreshed.`);
  }
  setTokenKeys(transaction, issuer, constraint === undefined ? keySet : bound(keySet, constraint));
}

function bound(keySet: JsonValue, constraint: string): JsonValue {
  const keys = new JsonFields(keySet, 'JWKS').list('keys');
  return { keys: keys.map((key) => ({ issuer: constraint, ...key.all() })) };
}

// tidy-allow: the row and where it stands, read once by the callers.
function forget(
  transaction: Writable,
  issuer: string,
  keyId: string,
  row: readonly TokenKey[],
): void {
  const others = row.filter((key) => key.issuer !== issuer);
  if (others.length === row.length) return;
  if (others.length === 0) tokenKeys.delete(transaction, keyId);
  else tokenKeys.put(transaction, keyId, others);
}

function isSameKey(left: TokenKey, right: TokenKey): boolean {
  return left.constraint === right.constraint && equalBytes(left.publicKey, right.publicKey);
}

/** Of two keys with one id the first counts, as in CCF. */
function parseKeySet(issuer: string, keySet: JsonValue): ReadonlyMap<string, TokenKey> {
  const list = new JsonFields(keySet, 'JWKS').list('keys');
  if (list.length === 0) throw refuse('InvalidInput', 'JWKS has no keys');
  if (list.length > keysMax) throw refuse('InvalidInput', `JWKS has more than ${keysMax} keys`);
  const keys = new Map<string, TokenKey>();
  for (const fields of list) {
    const keyId = fields.optionalText('kid');
    if (keyId === undefined) throw refuse('InvalidInput', 'Missing kid for JWT signing key');
    if (keyId.length > keyIdLengthMax) {
      throw refuse('InvalidInput', `A kid has at most ${keyIdLengthMax} characters`);
    }
    const publicKey = publicKeyOf(keyId, fields);
    const constraint = fields.optionalText('issuer');
    if (constraint !== undefined && !isConstraintOf(issuer, constraint)) {
      const pair = `issuer constraint ${constraint} fails validation against issuer ${issuer}`;
      throw refuse('InvalidInput', `JWKS kid ${keyId} with ${pair}`);
    }
    if (!keys.has(keyId)) keys.set(keyId, { publicKey, issuer, constraint });
  }
  return keys;
}

function publicKeyOf(keyId: string, fields: JsonFields): Uint8Array {
  let publicKey: Uint8Array | undefined;
  try {
    publicKey = parsePublishedKey({
      n: fields.optionalText('n'),
      e: fields.optionalText('e'),
      crv: fields.optionalText('crv'),
      x: fields.optionalText('x'),
      y: fields.optionalText('y'),
      x5c: fields.optionalTexts('x5c'),
    });
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw refuse('InvalidInput', `JWKS kid ${keyId}: ${cause.message}`, {}, cause);
  }
  if (publicKey) return publicKey;
  throw refuse('InvalidInput', `JWKS kid ${keyId} has neither RSA/EC public key or x5c`);
}
