/**
 * `ccf.crypto` and `ccf.pemToId` (facts on CCF, section 6): pure functions over @coco/crypto, run
 * beside the script in its process. Arguments are checked here, with CCF's texts; a Refused becomes
 * an exception in the script.
 */
import { LedgerError, present } from '@coco/base';
import {
  generateEcdsaPem,
  generateEddsaPem,
  generateRsaPem,
  isCertificateBundle,
  isCertificateChain,
  type KeyPairPem,
  parseCertificate,
  pemToWebKey,
  type SignatureAlgorithm,
  sha256,
  signData,
  unwrapKey,
  verifyData,
  type WebKeyKind,
  type WrapAlgorithm,
  webKeyToPem,
  wrapKey,
} from '@coco/crypto';
import type { ScriptValue } from './script.ts';

/** What a function of ours uses beside its arguments. */
export interface CryptoPorts {
  random(length: number): Uint8Array;
  nowMs(): number;
}
type CryptoFunction = (args: readonly ScriptValue[], ports: CryptoPorts) => ScriptValue;

/** The script is refused; the letter says with what kind of error (throwRefusal). */
export class Refused extends Error {
  readonly letter: 'T' | 'R' | 'E';

  constructor(letter: 'T' | 'R' | 'E', message: string) {
    super(message);
    this.letter = letter;
  }
}

interface Row {
  /** How many arguments it takes. */
  readonly counts: readonly number[];
  /** What an error of cryptography's begins with, as in CCF. */
  readonly failure: string;
  readonly compute: CryptoFunction;
}

const rows: Readonly<Record<string, Row>> = {
  sign: {
    counts: [3],
    failure: 'Failed to sign',
    compute: ([algorithm, key, data]) =>
      signData(signatureAlgorithm(algorithm), textOf(key), bytesOf(data)),
  },
  verifySignature: {
    counts: [4],
    failure: 'Failed to verify signature',
    compute: ([algorithm, key, signature, data]) =>
      verifyData(signatureAlgorithm(algorithm), textOf(key), {
        signature: bytesOf(signature),
        data: bytesOf(data),
      }),
  },
  generateAesKey: {
    counts: [1],
    failure: 'Failed to generate AES key',
    compute: ([bits], { random }) => {
      if (bits === 128 || bits === 192 || bits === 256) return random(bits / 8);
      throw new Refused('R', 'invalid key size (not one of 128, 192, 256)');
    },
  },
  generateRsaKeyPair: {
    counts: [1, 2],
    failure: 'Failed to generate RSA key pair',
    compute: ([bits, exponent]) =>
      pairValue(
        generateRsaPem(numberOf(bits), exponent === undefined ? undefined : numberOf(exponent)),
      ),
  },
  generateEcdsaKeyPair: {
    counts: [1],
    failure: 'Failed to generate ECDSA key pair',
    compute: ([curve]) => pairValue(generateEcdsaPem(textOf(curve))),
  },
  generateEddsaKeyPair: {
    counts: [1],
    failure: 'Failed to generate EdDSA key pair',
    compute: ([curve]) => pairValue(generateEddsaPem(textOf(curve))),
  },
  wrapKey: {
    counts: [3],
    failure: 'Failed to wrap key',
    compute: ([key, wrappingKey, algorithm]) =>
      wrapKey(bytesOf(key), bytesOf(wrappingKey), wrapAlgorithm(algorithm)),
  },
  unwrapKey: {
    counts: [3],
    failure: 'Failed to unwrap key',
    compute: ([wrapped, unwrappingKey, algorithm]) =>
      unwrapKey(bytesOf(wrapped), bytesOf(unwrappingKey), wrapAlgorithm(algorithm)),
  },
  digest: {
    counts: [2],
    failure: 'Failed to digest',
    compute: ([name, data]) => {
      if (name === 'SHA-256') return sha256(bytesOf(data));
      throw new Refused('R', 'unsupported digest algorithm, supported: SHA-256');
    },
  },
  isValidX509CertBundle: {
    counts: [1],
    failure: 'isValidX509Bundle failed',
    compute: ([pem]) => isCertificateBundle(textOf(pem)),
  },
  isValidX509CertChain: {
    counts: [2],
    failure: 'isValidX509Chain failed',
    compute: ([chain, trusted], { nowMs }) =>
      isCertificateChain({ chain: textOf(chain), trusted: textOf(trusted), nowMs: nowMs() }),
  },
  ...webKeyRows('', { type: 'EC', isPrivate: false }),
  ...webKeyRows('', { type: 'EC', isPrivate: true }),
  ...webKeyRows('Rsa', { type: 'RSA', isPrivate: false }),
  ...webKeyRows('Rsa', { type: 'RSA', isPrivate: true }),
  ...webKeyRows('Eddsa', { type: 'OKP', isPrivate: false }),
  ...webKeyRows('Eddsa', { type: 'OKP', isPrivate: true }),
};

const pemToId: Row = {
  counts: [1],
  failure: 'Failed to parse PEM',
  compute: ([pem]) => parseCertificate(textOf(pem)).id,
};

/** Names of `ccf.crypto`. */
export const cryptoNames: readonly string[] = Object.keys(rows);
/** Those that are functions of `ccf` itself too, since before there was `ccf.crypto`. */
export const legacyCryptoNames: readonly string[] = [
  'generateAesKey',
  'generateRsaKeyPair',
  'generateEcdsaKeyPair',
  'wrapKey',
  'digest',
  'isValidX509CertBundle',
  'isValidX509CertChain',
];

/** @throws Refused; what is no refusal of @coco/crypto */
export function computeCrypto(
  name: string,
  args: readonly ScriptValue[],
  ports: CryptoPorts,
): ScriptValue {
  const row = name === 'pemToId' ? pemToId : present(rows[name], 'the prelude knows the names');
  if (!row.counts.includes(args.length)) {
    const expected = row.counts.join(' or ');
    throw new Refused('T', `Passed ${args.length} arguments, but expected ${expected}`);
  }
  try {
    return row.compute(args, ports);
  } catch (error) {
    if (!(error instanceof LedgerError) || error.kind !== 'refusal') throw error;
    if (error.code === 'UnsupportedAlgorithm') throw new Refused('R', error.message);
    throw new Refused('E', `${row.failure}: ${error.message}`);
  }
}

/** `pubPemToJwk` and its like, and their inverses. */
function webKeyRows(word: string, kind: WebKeyKind): Record<string, Row> {
  const [toWebKey, toPem] = kind.isPrivate
    ? [
        word === '' ? 'pemToJwk' : `${word.toLowerCase()}PemToJwk`,
        word === '' ? 'jwkToPem' : `${word.toLowerCase()}JwkToPem`,
      ]
    : [`pub${word}PemToJwk`, `pub${word}JwkToPem`];
  return {
    [toWebKey]: {
      counts: [1, 2],
      failure: 'Failed to convert pem to jwk',
      compute: ([pem, kid]) => {
        const webKey = pemToWebKey(textOf(pem), kind) as { readonly [name: string]: string };
        return kid === undefined ? webKey : { ...webKey, kid: textOf(kid) };
      },
    },
    [toPem]: {
      counts: [1],
      failure: 'Failed to convert jwk to pem',
      compute: ([webKey]) => webKeyToPem(recordOf(webKey), kind),
    },
  };
}

function pairValue({ privateKey, publicKey }: KeyPairPem): ScriptValue {
  return { privateKey, publicKey };
}

function signatureAlgorithm(value: ScriptValue): SignatureAlgorithm {
  const { name, hash, saltLength } = recordOf(value);
  return {
    name: textOf(name),
    hash: hash === undefined ? undefined : textOf(hash),
    saltLength: saltLength === undefined ? undefined : numberOf(saltLength),
  };
}

function wrapAlgorithm(value: ScriptValue): WrapAlgorithm {
  const { name, label, aesKeySize } = recordOf(value);
  return {
    name: textOf(name),
    label: label instanceof Uint8Array && label.length > 0 ? label : undefined,
    aesKeySize: aesKeySize === undefined ? undefined : numberOf(aesKeySize),
  };
}

type Members = Readonly<
  Record<'name' | 'hash' | 'saltLength' | 'label' | 'aesKeySize', ScriptValue>
>;

function recordOf(value: ScriptValue): Members {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isRecord && !(value instanceof Uint8Array)) return value as Members;
  throw new Refused('T', 'Argument must be an object');
}

function textOf(value: ScriptValue): string {
  if (typeof value === 'string') return value;
  throw new Refused('T', 'Argument must be a string');
}

function bytesOf(value: ScriptValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Refused('T', 'Argument must be an ArrayBuffer');
}

function numberOf(value: ScriptValue): number {
  if (typeof value === 'number') return value;
  throw new Refused('T', 'Argument must be a number');
}
