/**
 * COSE_Sign1 (RFC 9052 section 4.2) as bytes: structure only, no cryptography, so that Node and
 * browsers share it.
 */
import { emptyBytes } from './bytes.ts';
import { type CborKey, CborTag, type CborValue, decodeCbor, encodeCbor } from './cbor.ts';
import { refuse } from './errors.ts';

/** Header labels and algorithms that Coco uses (IANA COSE registry). */
export const coseHeader = { algorithm: 1, keyId: 4, cwtClaims: 15, vds: 395, vdp: 396 } as const;
export const coseAlgorithm = { es256: -7, es384: -35, es512: -36 } as const;
const signOneTag = 18;

export interface SignOne {
  /** The protected header as it was signed; never re-encoded. */
  readonly protectedBytes: Uint8Array;
  readonly protectedHeader: ReadonlyMap<CborKey, CborValue>;
  readonly unprotectedHeader: ReadonlyMap<CborKey, CborValue>;
  /** null when detached. */
  readonly payload: Uint8Array | null;
  readonly signature: Uint8Array;
}

export function encodeSignOne(parts: {
  readonly protectedBytes: Uint8Array;
  readonly unprotectedHeader?: ReadonlyMap<CborKey, CborValue>;
  readonly payload: Uint8Array | null;
  readonly signature: Uint8Array;
}): Uint8Array {
  const { protectedBytes, unprotectedHeader = new Map(), payload, signature } = parts;
  return encodeCbor(
    new CborTag(signOneTag, [protectedBytes, unprotectedHeader, payload, signature]),
  );
}

/**
 * Parses a tagged COSE_Sign1.
 * @throws InvalidInput, RequestBodyTooLarge
 */
export function decodeSignOne(bytes: Uint8Array, bytesMax: number): SignOne {
  const value = decodeCbor(bytes, bytesMax);
  const parts = value instanceof CborTag && value.tag === signOneTag ? value.value : undefined;
  if (!Array.isArray(parts) || parts.length !== 4) {
    throw refuse('InvalidInput', 'The bytes are not a tagged COSE_Sign1.');
  }
  const [protectedBytes, unprotectedHeader, payload, signature] = parts as readonly CborValue[];
  if (
    !(protectedBytes instanceof Uint8Array) ||
    !(unprotectedHeader instanceof Map) ||
    !(payload === null || payload instanceof Uint8Array) ||
    !(signature instanceof Uint8Array)
  ) {
    throw refuse('InvalidInput', 'A part of the COSE_Sign1 has the wrong type.');
  }
  const header = protectedBytes.length === 0 ? new Map() : decodeCbor(protectedBytes, bytesMax);
  if (!(header instanceof Map)) {
    throw refuse('InvalidInput', 'The protected header of the COSE_Sign1 is not a map.');
  }
  return {
    protectedBytes,
    protectedHeader: header as ReadonlyMap<CborKey, CborValue>,
    unprotectedHeader: unprotectedHeader as ReadonlyMap<CborKey, CborValue>,
    payload,
    signature,
  };
}

/** The bytes that are signed: Sig_structure with context Signature1 (RFC 9052 section 4.4). */
export function signatureInput(protectedBytes: Uint8Array, payload: Uint8Array): Uint8Array {
  return encodeCbor(['Signature1', protectedBytes, emptyBytes, payload]);
}
