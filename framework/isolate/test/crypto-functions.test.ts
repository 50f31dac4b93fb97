import '@microsoft/ccf-app/polyfill.js';
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCertificate, parseCertificate, SigningKey } from '@coco/crypto';
import type { ScriptValue } from '@coco/isolate';
import { bytes, reasonOf, resultOf } from './script-harness.ts';

/** CCF's own stand-in of `ccf` for tests of apps (npm `@microsoft/ccf-app`). */
type Reference = Record<string, (...args: never[]) => unknown>;
const reference = (globalThis as unknown as { ccf: { crypto: Reference } }).ccf.crypto;

/** Calls `ccf.crypto` in an isolate. */
function ours(name: string, ...args: readonly ScriptValue[]): Promise<ScriptValue> {
  return resultOf(`const [name, list] = args; return ccf.crypto[name](...list)`, {
    args: [name, args],
    limits: { executionMsMax: 5000 },
  });
}

/** Calls the stand-in with ArrayBuffers for bytes. */
function theirs(name: string, ...args: readonly ScriptValue[]): ScriptValue {
  const given = args.map((arg) => (arg instanceof Uint8Array ? arg.slice().buffer : arg));
  const result = reference[name]?.(...(given as never[]));
  const isBytes = result instanceof ArrayBuffer || result instanceof Uint8Array;
  return isBytes ? new Uint8Array(result) : (result as ScriptValue);
}

/** Made once: RSA keys take their time. */
const made = new Map<string, Promise<ScriptValue>>();
async function pairOf(generate: string, parameter: ScriptValue): Promise<Pair> {
  const known = made.get(generate + parameter) ?? ours(generate, parameter);
  made.set(generate + parameter, known);
  return (await known) as Pair;
}

type Pair = { readonly privateKey: string; readonly publicKey: string };
const data = bytes('data');

describe("ccf.crypto beside CCF's own stand-in", () => {
  test('what one signs the other verifies', async () => {
    const cases = [
      [{ name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 }, 'generateRsaKeyPair', 2048],
      [{ name: 'ECDSA', hash: 'SHA-256' }, 'generateEcdsaKeyPair', 'secp256r1'],
      [{ name: 'ECDSA', hash: 'SHA-256' }, 'generateEcdsaKeyPair', 'secp384r1'],
      [{ name: 'EdDSA' }, 'generateEddsaKeyPair', 'curve25519'],
    ] as const;
    for (const [algorithm, generate, parameter] of cases) {
      const { privateKey, publicKey } = await pairOf(generate, parameter);
      const signature = await ours('sign', algorithm, privateKey, data);
      equal(theirs('verifySignature', algorithm, publicKey, signature, data), true, generate);
      const other = theirs('sign', algorithm, privateKey, data);
      equal(await ours('verifySignature', algorithm, publicKey, other, data), true, generate);
      equal(await ours('verifySignature', algorithm, publicKey, other, bytes('x')), false);
    }
  });

  test('what one wraps the other unwraps', async () => {
    const { privateKey, publicKey } = await pairOf('generateRsaKeyPair', 2048);
    const aesKey = (await ours('generateAesKey', 256)) as Uint8Array;
    equal(aesKey.length, 32);
    for (const [algorithm, wrapping, unwrapping] of [
      [{ name: 'RSA-OAEP' }, bytes(publicKey), bytes(privateKey)],
      [{ name: 'AES-KWP' }, aesKey, aesKey],
      [{ name: 'RSA-OAEP-AES-KWP', aesKeySize: 256 }, bytes(publicKey), bytes(privateKey)],
    ] as const) {
      const wrapped = await ours('wrapKey', data, wrapping, algorithm);
      deepEqual(theirs('unwrapKey', wrapped, unwrapping, algorithm), data, algorithm.name);
      const other = theirs('wrapKey', data, wrapping, algorithm);
      deepEqual(await ours('unwrapKey', other, unwrapping, algorithm), data, algorithm.name);
    }
    // Unwrapping, the stand-in forgets the label.
    const labelled = { name: 'RSA-OAEP', label: bytes('label') };
    const wrapped = theirs('wrapKey', data, bytes(publicKey), labelled);
    deepEqual(await ours('unwrapKey', wrapped, bytes(privateKey), labelled), data);
  });

  test('keys have the same JWK', async () => {
    const kinds = [
      ['generateEcdsaKeyPair', 'secp256r1', 'pubPemToJwk', 'pemToJwk', 'pubJwkToPem', 'jwkToPem'],
      [
        'generateRsaKeyPair',
        2048,
        'pubRsaPemToJwk',
        'rsaPemToJwk',
        'pubRsaJwkToPem',
        'rsaJwkToPem',
      ],
      [
        'generateEddsaKeyPair',
        'curve25519',
        'pubEddsaPemToJwk',
        'eddsaPemToJwk',
        'pubEddsaJwkToPem',
        'eddsaJwkToPem',
      ],
    ] as const;
    for (const [generate, parameter, toPublic, toPrivate, fromPublic, fromPrivate] of kinds) {
      const { privateKey, publicKey } = await pairOf(generate, parameter);
      const publicJwk = await ours(toPublic, publicKey, 'kid');
      deepEqual(publicJwk, theirs(toPublic, publicKey, 'kid'));
      equal(await ours(fromPublic, publicJwk), publicKey);
      const privateJwk = await ours(toPrivate, privateKey, 'kid');
      deepEqual(privateJwk, theirs(toPrivate, privateKey, 'kid'));
      equal(await ours(fromPrivate, privateJwk), privateKey);
    }
  });

  test('digests and certificate bundles are told alike', async () => {
    const pem = await createCertificate({
      subject: 'member',
      key: SigningKey.generate('P-384'),
      isAuthority: true,
      notBeforeMs: 1_699_999_999_000,
      days: 9000,
    });
    deepEqual(await ours('digest', 'SHA-256', data), theirs('digest', 'SHA-256', data));
    for (const bundle of [pem, pem + pem, 'no certificate']) {
      const isBundle = theirs('isValidX509CertBundle', bundle);
      equal(await ours('isValidX509CertBundle', bundle), isBundle);
    }
    equal(await ours('isValidX509CertChain', pem, pem), true);
    equal(await resultOf('return ccf.pemToId(args[0])', { args: [pem] }), parseCertificate(pem).id);
  });
});

describe('what ccf.crypto refuses', () => {
  test('arguments and algorithms are refused with the kind of error that CCF throws', async () => {
    const cases: Record<string, RegExp> = {
      'ccf.crypto.digest("SHA-1", new ArrayBuffer(1))': /^RangeError: unsupported digest algorithm/,
      'ccf.crypto.digest("SHA-256")': /^TypeError: Passed 1 arguments, but expected 2$/,
      'ccf.crypto.digest("SHA-256", "x")': /^TypeError: Argument must be an ArrayBuffer$/,
      'ccf.crypto.generateAesKey(100)': /^RangeError: invalid key size/,
      'ccf.crypto.generateEcdsaKeyPair("secp256k1")': /^RangeError: Unsupported curve id/,
      'ccf.crypto.generateRsaKeyPair(1e9)': /^Error: Failed to generate RSA key pair/,
      'ccf.crypto.generateRsaKeyPair()': /^TypeError: Passed 0 arguments, but expected 1 or 2$/,
      'ccf.crypto.sign({ name: "HMAC", hash: "MD5" }, "k", new ArrayBuffer(1))':
        /^RangeError: Unsupported hash/,
      'ccf.crypto.sign(1, "k", new ArrayBuffer(1))': /^TypeError: Argument must be an object$/,
      'ccf.crypto.unwrapKey(new ArrayBuffer(8), new ArrayBuffer(16), { name: "AES-KWP" })':
        /^Error: Failed to unwrap key/,
      'ccf.crypto.pubPemToJwk("x")': /^Error: Failed to convert pem to jwk/,
      'ccf.pemToId("x")': /^Error: Failed to parse PEM/,
    };
    for (const [call, reason] of Object.entries(cases)) match(await reasonOf(call), reason, call);
  });

  test('the older names of ccf are the same functions', async () => {
    const names = ['digest', 'generateAesKey', 'wrapKey', 'isValidX509CertBundle'];
    ok(
      await resultOf('return args.every((name) => ccf[name] === ccf.crypto[name])', {
        args: names,
      }),
    );
  });
});
