/**
 * Signatures as key stores give them: r || s, DER (X9.62), or either in base64 or base64url. COSE
 * wants r || s. Which form it was is not guessed: the one that verifies was it.
 */
import { concatBytes, coseAlgorithm } from '@coco/base';
import { algorithmOf, type Certificate, verifySignature } from '@coco/crypto';
import { memberError } from './errors.ts';

const numberBytes: ReadonlyMap<number, number> = new Map([
  [coseAlgorithm.es256, 32],
  [coseAlgorithm.es384, 48],
  [coseAlgorithm.es512, 66],
]);

const hashes: ReadonlyMap<number, string> = new Map([
  [coseAlgorithm.es256, 'sha256'],
  [coseAlgorithm.es384, 'sha384'],
  [coseAlgorithm.es512, 'sha512'],
]);

/** The hash that a certificate's key signs with. @throws InvalidKey */
export function signatureHash(certificate: Certificate): string {
  return hashes.get(algorithmOf(certificate.spki)) ?? 'sha384';
}

/** The signature as r || s. @throws SignerFailed when no form of it verifies */
export function readSignature(
  output: Uint8Array,
  signed: { readonly certificate: Certificate; readonly input: Uint8Array },
): Uint8Array {
  const { certificate, input } = signed;
  const { spki } = certificate;
  const size = numberBytes.get(algorithmOf(spki)) ?? 0;
  for (const bytes of [output, ...decodedText(output)]) {
    for (const signature of [rawSignature(bytes, size), derSignature(bytes, size)]) {
      if (signature && verifySignature({ spki, input, signature })) return signature;
    }
  }
  throw memberError(
    'SignerFailed',
    `The signature is not by the key of the certificate of ${certificate.subject}: sign the bytes ` +
      `given, with ECDSA and ${signatureHash(certificate)}, and give it raw (r and s), in DER or in base64.`,
    { length: output.length },
  );
}

function decodedText(output: Uint8Array): readonly Uint8Array[] {
  const text = Buffer.from(output).toString('latin1').trim();
  const value = /^\{[\s\S]*"(?:value|signature)"\s*:\s*"([\w+/=-]+)"/.exec(text)?.[1] ?? text;
  return /^[\w+/\s-]+={0,2}$/.test(value) ? [Buffer.from(value, 'base64')] : [];
}

function rawSignature(bytes: Uint8Array, size: number): Uint8Array | undefined {
  return bytes.length === 2 * size ? bytes : undefined;
}

/** SEQUENCE of two INTEGERs, each at most `size` bytes but for a leading zero. */
function derSignature(bytes: Uint8Array, size: number): Uint8Array | undefined {
  const isLong = bytes[1] === 0x81;
  const start = isLong ? 3 : 2;
  if (bytes[0] !== 0x30 || bytes[start - 1] !== bytes.length - start) return undefined;
  const r = derInteger(bytes, start, size);
  const s = r && derInteger(bytes, r.end, size);
  if (!r || s?.end !== bytes.length) return undefined;
  return concatBytes(r.padded, s.padded);
}

function derInteger(
  bytes: Uint8Array,
  at: number,
  size: number,
): { readonly padded: Uint8Array; readonly end: number } | undefined {
  const length = bytes[at + 1] ?? 0;
  const end = at + 2 + length;
  if (bytes[at] !== 0x02 || length === 0 || end > bytes.length) return undefined;
  const isPadded = bytes[at + 2] === 0 && length > 1;
  const number = bytes.subarray(at + 2 + (isPadded ? 1 : 0), end);
  if (number.length > size) return undefined;
  const padded = new Uint8Array(size);
  padded.set(number, size - number.length);
  return { padded, end };
}
