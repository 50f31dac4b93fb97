/** Signing and verifying COSE_Sign1 (RFC 9052) with ECDSA keys. */
import {
  type CborKey,
  type CborValue,
  coseHeader,
  decodeSignOne,
  encodeCbor,
  encodeSignOne,
  type SignOne,
  signatureInput,
} from '@coco/base';
import { refuseCrypto } from './errors.ts';
import { algorithmOf, type SigningKey, verifySignature } from './signing-key.ts';

/** A COSE_Sign1 over `payload`; with `isDetached` the payload is signed but not carried. */
export function signCose(options: {
  readonly key: SigningKey;
  readonly protectedHeader: ReadonlyMap<CborKey, CborValue>;
  readonly payload: Uint8Array;
  readonly isDetached: boolean;
}): Uint8Array {
  const protectedBytes = encodeCbor(options.protectedHeader);
  const signature = options.key.sign(signatureInput(protectedBytes, options.payload));
  const payload = options.isDetached ? null : options.payload;
  return encodeSignOne({ protectedBytes, payload, signature });
}

/**
 * Parses and verifies a COSE_Sign1; `detachedPayload` stands in for an absent payload.
 * @throws InvalidInput, RequestBodyTooLarge, InvalidKey, InvalidSignature
 */
export function verifyCose(options: {
  readonly bytes: Uint8Array;
  readonly spki: Uint8Array;
  readonly detachedPayload?: Uint8Array;
  readonly bytesMax: number;
}): SignOne {
  const message = decodeSignOne(options.bytes, options.bytesMax);
  const { spki, detachedPayload } = options;
  const payload = message.payload ?? detachedPayload;
  const isAmbiguous = message.payload !== null && detachedPayload !== undefined;
  if (payload === undefined || isAmbiguous) {
    throw refuseCrypto('InvalidSignature', 'The COSE_Sign1 needs exactly one payload.');
  }
  const hasAlgorithm = message.protectedHeader.get(coseHeader.algorithm) === algorithmOf(spki);
  const input = signatureInput(message.protectedBytes, payload);
  if (!hasAlgorithm || !verifySignature({ spki, input, signature: message.signature })) {
    throw refuseCrypto('InvalidSignature', 'The COSE signature does not verify.');
  }
  return message;
}
