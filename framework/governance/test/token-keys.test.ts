import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { suite, test } from 'node:test';
import { encodeJson, type JsonValue, utf8Encode } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import { Store, type Transaction } from '@coco/kv';
import { refreshedIssuers, tokenIssuers, tokenKeys } from '../src/jwt-tables.ts';
import { identityLookup } from '../src/members.ts';
import { nativeFunctions } from '../src/native-functions.ts';
import { refreshTokenKeys } from '../src/token-keys.ts';
import { createMember, TestService } from './service-fixture.ts';

const issuer = 'https://login.example.com/one';
const other = 'https://other.example';
const service = await TestService.start([await createMember()]);
const publicKeys = Array.from(
  { length: 3 },
  () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey,
);

function webKey(at: number, kid: string, more: { [name: string]: JsonValue } = {}): JsonValue {
  const key = publicKeys[at] as KeyObject;
  return { ...(key.export({ format: 'jwk' }) as { [name: string]: JsonValue }), kid, ...more };
}

function spki(at: number): Uint8Array {
  return (publicKeys[at] as KeyObject).export({ type: 'spki', format: 'der' });
}

/** Calls a function of actions in a transaction. */
function call(transaction: Transaction, name: string, ...args: readonly ScriptValue[]): void {
  const run = nativeFunctions.get(name);
  assert.ok(run);
  void run({ transaction, ports: service.ports, whenAppended: () => {} }, args);
}

const set = (transaction: Transaction, of: string, ...keys: readonly JsonValue[]): void =>
  call(transaction, 'setJwtPublicSigningKeys', of, { auto_refresh: false }, { keys });

/** The rows: key id to issuers in order. */
function rows(transaction: Transaction): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    tokenKeys.rows(transaction).map(([kid, keys]) => [kid, keys.map((key) => key.issuer)]),
  );
}

suite('keys of token issuers', () => {
  test('are set whole, issuer by issuer', () => {
    const transaction = new Store().begin();
    set(transaction, issuer, webKey(0, 'a'), webKey(1, 'b'));
    set(transaction, other, webKey(2, 'b', { issuer: other }));
    assert.deepEqual(rows(transaction), { a: [issuer], b: [issuer, other] });
    const lookup = identityLookup(transaction);
    assert.deepEqual(lookup.tokenKeys('b'), [
      { publicKey: Uint8Array.from(spki(1)), issuer, constraint: undefined },
      { publicKey: Uint8Array.from(spki(2)), issuer: other, constraint: other },
    ]);
    assert.deepEqual(lookup.tokenKeys('none'), []);
    set(transaction, issuer, webKey(2, 'c'), webKey(0, 'b'));
    assert.deepEqual(rows(transaction), { b: [issuer, other], c: [issuer] });
    call(transaction, 'removeJwtPublicSigningKeys', other);
    assert.deepEqual(rows(transaction), { b: [issuer], c: [issuer] });
    call(transaction, 'removeJwtPublicSigningKeys', issuer);
    assert.deepEqual(rows(transaction), {});
  });

  test('what is there already is not written again', () => {
    const store = new Store();
    const first = store.begin();
    set(first, issuer, webKey(0, 'a', { issuer }), webKey(1, 'b'));
    store.apply(first.writeSet());
    const again = store.begin();
    set(again, issuer, webKey(0, 'a', { issuer }), webKey(1, 'b', { alg: 'ES256' }));
    assert.equal(again.hasWrites, false);
    call(again, 'removeJwtPublicSigningKeys', other);
    assert.equal(again.hasWrites, false);
    set(again, issuer, webKey(0, 'a'), webKey(1, 'b'));
    assert.equal(again.hasWrites, true, 'another constraint is another key');
  });

  test('the first of two keys with one id counts', () => {
    const transaction = new Store().begin();
    set(transaction, issuer, webKey(0, 'a'), webKey(1, 'a'));
    const [key] = identityLookup(transaction).tokenKeys('a');
    assert.deepEqual(key?.publicKey, Uint8Array.from(spki(0)));
  });

  test('sets that are wrong are refused with the key that is wrong', () => {
    const cases: readonly (readonly [RegExp, JsonValue])[] = [
      [/JWKS is not a JSON object/, 5],
      [/JWKS\.keys is not a list/, {}],
      [/JWKS has no keys/, { keys: [] }],
      [/more than 256 keys/, { keys: Array.from({ length: 257 }, (_, at) => webKey(0, `${at}`)) }],
      [/Missing kid/, { keys: [{ kty: 'EC' }] }],
      [/kid is not text/, { keys: [webKey(0, 'a', { kid: 5 })] }],
      [/at most 512 characters/, { keys: [webKey(0, 'k'.repeat(513))] }],
      [/kid a has neither RSA\/EC public key or x5c/, { keys: [{ kid: 'a', kty: 'OKP' }] }],
      [/kid a: The JSON web key is not/, { keys: [webKey(0, 'a', { crv: 'P-384' })] }],
      [/kid a: .* invalid X\.509 certificate/, { keys: [{ kid: 'a', x5c: ['AAAA'] }] }],
      [/x5c is not a list of text/, { keys: [{ kid: 'a', x5c: [5] }] }],
      [
        /kid b with issuer constraint https:\/\/other\.example fails validation against issuer/,
        { keys: [webKey(0, 'a'), webKey(1, 'b', { issuer: other })] },
      ],
    ];
    for (const [message, keySet] of cases) {
      const transaction = new Store().begin();
      const refused = { code: 'InvalidInput', message };
      const run = (): void =>
        call(transaction, 'setJwtPublicSigningKeys', issuer, {}, keySet as ScriptValue);
      assert.throws(run, refused);
      assert.equal(transaction.hasWrites, false);
    }
    const transaction = new Store().begin();
    const text = { code: 'InvalidInput', message: /issuer is a text/ };
    assert.throws(() => call(transaction, 'setJwtPublicSigningKeys', 5, {}, {}), text);
    assert.throws(() => call(transaction, 'removeJwtPublicSigningKeys'), text);
    assert.throws(() => call(transaction, 'setJwtPublicSigningKeys', issuer), /not a JSON object/);
  });

  test('a refresh binds keys without an issuer to the one that the issuer calls itself', () => {
    const transaction = new Store().begin();
    const keySet = { keys: [webKey(0, 'a'), webKey(1, 'b', { issuer })] };
    const constraint = 'https://login.example.com/';
    const fetched = { issuer, keySet, constraint };
    assert.throws(() => refreshTokenKeys(transaction, fetched), /are not refreshed/);
    tokenIssuers.put(transaction, issuer, { auto_refresh: false });
    assert.throws(() => refreshTokenKeys(transaction, fetched), { code: 'InvalidInput' });
    tokenIssuers.put(transaction, issuer, { auto_refresh: true, ca_cert_bundle_name: 'roots' });
    refreshTokenKeys(transaction, fetched);
    const constraintOf = (kid: string): string | undefined =>
      identityLookup(transaction).tokenKeys(kid)[0]?.constraint;
    assert.equal(constraintOf('a'), constraint);
    assert.equal(constraintOf('b'), issuer);
    const foreign = { ...fetched, constraint: other };
    assert.throws(() => refreshTokenKeys(transaction, foreign), /fails validation/);
    refreshTokenKeys(transaction, { ...fetched, constraint: undefined });
    assert.equal(constraintOf('a'), undefined);
  });

  test('the issuers to refresh come with the roots that governance names for them', () => {
    const transaction = new Store().begin();
    const bundles = transaction.map('public:ccf.gov.tls.ca_cert_bundles');
    bundles.set(utf8Encode('roots'), encodeJson('PEM'));
    tokenIssuers.put(transaction, issuer, { auto_refresh: true, ca_cert_bundle_name: 'roots' });
    tokenIssuers.put(transaction, other, { auto_refresh: true, ca_cert_bundle_name: 'none' });
    tokenIssuers.put(transaction, 'https://third', { auto_refresh: false });
    assert.deepEqual(refreshedIssuers(transaction), [
      { issuer, roots: 'PEM' },
      { issuer: other, roots: undefined },
    ]);
  });

  test('a row that is no list of keys is a fault', () => {
    const transaction = new Store().begin();
    for (const row of [{}, [5], [{ issuer }], [{ issuer, public_key: '!' }]]) {
      transaction.map(tokenKeys.name).set(utf8Encode('a'), encodeJson(row));
      assert.throws(() => tokenKeys.get(transaction, 'a'), { code: 'GovernanceRowInvalid' });
    }
  });
});
