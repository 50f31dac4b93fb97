/**
 * Signature entries: what closes a batch. Two public maps, each with one row: the serialised Merkle
 * tree, and a COSE Sign1 by the service over the tree's root. Source: CCF 7, COSE-only mode;
 * docs/formats/ledger.md section 6.
 */
import {
  type CborKey,
  type CborValue,
  coseHeader,
  decodeSignOne,
  encodeCbor,
  encodeSignOne,
  equalBytes,
  formatTransactionId,
  fromBase64,
  isJsonObject,
  type JsonValue,
  parseJson,
  refuse,
  type SignOne,
  signatureInput,
  type TransactionId,
  toBase64,
  toHex,
  utf8Encode,
} from '@coco/base';
import { sha256, verifySignature } from '@coco/crypto';
import type { MapWrites, WriteSet } from '@coco/kv';
import { type DecodedEntry, zeroDigest } from './entry.ts';

export const signatureMap = 'public:ccf.internal.cose_signatures';
export const treeMap = 'public:ccf.internal.tree';
/** The key of every table with one row: u64 0. */
export const singletonKey: Uint8Array = new Uint8Array(8);
/** A signature is some 300 bytes; issuer and subject are configured texts. */
const signatureBytesMax = 16 * 1024;
/** CCF's number for its ledger among verifiable data structures. */
const vdsLedger = 2;
const cwt = { issuer: 1, subject: 2, issuedAt: 6 } as const;
const ledgerLabel = 'ccf.v1';

/** How a service calls itself in its signatures; configured. */
export interface SignerNames {
  readonly issuer: string;
  readonly subject: string;
}

/** Who signs a ledger, as the signatures name it. */
export interface SignerName extends SignerNames {
  /** The COSE algorithm of the service's key. */
  readonly algorithm: number;
  /** Lower-case hex of SHA-256 of the service key's SubjectPublicKeyInfo. */
  readonly keyId: string;
}

/** A parsed signature entry. */
export interface LedgerSignature {
  readonly id: TransactionId;
  readonly cose: SignOne;
  readonly names: SignerNames;
  /** Unix seconds by the signer's clock, which its host sets. */
  readonly issuedAtSeconds: number;
  readonly treeBytes: Uint8Array;
}

/** The protected header of the signature with the given id. */
export function signatureHeader(
  signer: SignerName,
  id: TransactionId,
  issuedAtSeconds: number,
): Uint8Array {
  const claims = new Map<CborKey, CborValue>([
    [cwt.issuedAt, issuedAtSeconds],
    [cwt.issuer, signer.issuer],
    [cwt.subject, signer.subject],
  ]);
  return encodeCbor(
    new Map<CborKey, CborValue>([
      [coseHeader.algorithm, signer.algorithm],
      [coseHeader.keyId, utf8Encode(signer.keyId)],
      [coseHeader.vds, vdsLedger],
      [coseHeader.cwtClaims, claims],
      [ledgerLabel, new Map([['txid', formatTransactionId(id)]])],
    ]),
  );
}

/** What a signature entry writes. */
export function signatureWriteSet(parts: {
  readonly protectedBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly treeBytes: Uint8Array;
}): WriteSet {
  const { protectedBytes, signature, treeBytes } = parts;
  const cose = encodeSignOne({ protectedBytes, payload: null, signature });
  const text = utf8Encode(JSON.stringify(toBase64(cose)));
  return {
    maps: [
      { name: signatureMap, rows: [{ key: singletonKey, value: text }] },
      { name: treeMap, rows: [{ key: singletonKey, value: treeBytes }] },
    ],
  };
}

/** Whether an entry is a signature entry, or pretends to be one. */
export function isSignatureEntry(entry: DecodedEntry): boolean {
  return entry.publicMaps.some((map) => map.name === signatureMap || map.name === treeMap);
}

/**
 * Reads a signature entry; everything about it that needs no key is checked.
 * @throws InvalidInput, RequestBodyTooLarge
 */
export function parseSignatureEntry(entry: DecodedEntry): LedgerSignature {
  const [signatures, tree] = entry.publicMaps;
  const hasShape =
    entry.publicMaps.length === 2 &&
    signatures?.name === signatureMap &&
    tree?.name === treeMap &&
    !entry.hasPrivatePart &&
    equalBytes(entry.claimsDigest, zeroDigest);
  if (!hasShape) throw refuse('InvalidInput', 'A signature entry writes its two tables only.');
  const cose = parseSignature(singleValue(signatures));
  return { id: entry.id, cose, ...readHeader(cose, entry.id), treeBytes: singleValue(tree) };
}

function singleValue(map: MapWrites): Uint8Array {
  const [row] = map.rows;
  const isSingle = map.rows.length === 1 && row && equalBytes(row.key, singletonKey);
  if (!isSingle || row.value === undefined) {
    throw refuse('InvalidInput', 'A table of a signature entry has one row.', { map: map.name });
  }
  return row.value;
}

function parseSignature(value: Uint8Array): SignOne {
  const text = parseJson(value, { bytesMax: signatureBytesMax, depthMax: 1 });
  // One value has one text: anything but the plain quoted base64 is a change that nobody signed.
  if (typeof text !== 'string' || !equalBytes(utf8Encode(`"${text}"`), value)) {
    throw refuse('InvalidInput', 'A signature is one JSON string.');
  }
  const bytes = fromBase64(text);
  const cose = decodeSignOne(bytes, signatureBytesMax);
  const isPlain = cose.payload === null && cose.unprotectedHeader.size === 0;
  const { protectedBytes, payload, signature } = cose;
  if (!isPlain || !equalBytes(encodeSignOne({ protectedBytes, payload, signature }), bytes)) {
    throw refuse('InvalidInput', 'A signature is a canonical COSE_Sign1 without payload.');
  }
  return cose;
}

function readHeader(
  cose: SignOne,
  id: TransactionId,
): Pick<LedgerSignature, 'names' | 'issuedAtSeconds'> {
  const header = cose.protectedHeader;
  const ledger = header.get(ledgerLabel);
  const claims = header.get(coseHeader.cwtClaims);
  const claim = (key: number): CborValue | undefined =>
    claims instanceof Map ? claims.get(key) : undefined;
  const [issuer, subject] = [claim(cwt.issuer), claim(cwt.subject)];
  const issuedAtSeconds = claim(cwt.issuedAt);
  const isOurs =
    header.get(coseHeader.vds) === vdsLedger &&
    header.get(coseHeader.keyId) instanceof Uint8Array &&
    ledger instanceof Map &&
    ledger.get('txid') === formatTransactionId(id);
  const isNamed = typeof issuer === 'string' && typeof subject === 'string';
  if (!isOurs || !isNamed || typeof issuedAtSeconds !== 'number') {
    throw refuse('InvalidInput', 'The header of a signature does not fit its entry.');
  }
  return { names: { issuer, subject }, issuedAtSeconds };
}

/**
 * Whether the signature is by the key, over the root, and names the key. `algorithm` is the key's
 * (see algorithmOf of @coco/crypto). @throws InvalidKey
 */
export function verifyLedgerSignature(
  signature: LedgerSignature,
  options: { readonly spki: Uint8Array; readonly algorithm: number; readonly root: Uint8Array },
): boolean {
  const { cose } = signature;
  const keyId = cose.protectedHeader.get(coseHeader.keyId);
  return (
    cose.protectedHeader.get(coseHeader.algorithm) === options.algorithm &&
    keyId instanceof Uint8Array &&
    equalBytes(keyId, utf8Encode(toHex(sha256(options.spki)))) &&
    verifySignature({
      spki: options.spki,
      input: signatureInput(cose.protectedBytes, options.root),
      signature: cose.signature,
    })
  );
}

/** The text field of a JSON object, if it is there. */
export function textField(value: JsonValue, name: string): string | undefined {
  const field = isJsonObject(value) ? value[name] : undefined;
  return typeof field === 'string' ? field : undefined;
}
