/**
 * The endorsement of the previous service identity: after a recovery the new key signs the old one,
 * with the range of ids that the old one signed, so that who trusts the new service verifies old
 * receipts. A first service endorses its own key with a start only. Written in the transaction that
 * opens the service. Source: CCF 7, docs/formats/ledger.md section 9.
 */
import {
  type CborKey,
  type CborValue,
  canonicalJson,
  coseHeader,
  equalBytes,
  formatTransactionId,
  fromBase64,
  isJsonObject,
  LedgerError,
  parseJson,
  type TransactionId,
  toBase64,
  utf8Encode,
} from '@coco/base';
import { type SigningKey, signCose, verifyCose } from '@coco/crypto';
import type { MapWrites } from '@coco/kv';
import { parseEndorsement } from '@coco/receipt';
import { ledgerError } from './errors.ts';
import { singletonKey, textField } from './signature-entry.ts';

export const endorsementMap = 'public:ccf.internal.previous_service_identity_endorsement';
/** An endorsement is some 500 bytes in base64, a key 200. */
const rowBytesMax = 16 * 1024;
const ledgerLabel = 'ccf.v1';
const issuedAtClaim = 6;

/** What an endorsement says, once verified. */
export interface IdentityEndorsement {
  /** The endorsed key: the one before, or the first service's own. */
  readonly endorsedSpki: Uint8Array;
  readonly endorsingSpki: Uint8Array;
  /** The first id of the endorsed key's epoch. */
  readonly epochBegin: TransactionId;
  /** The last id of it and the Merkle root there; absent where a first service endorses itself. */
  readonly epochEnd: { readonly id: TransactionId; readonly root: Uint8Array } | undefined;
  /** The seqno of the endorsement before, if there is one. */
  readonly previousVersion: number | undefined;
}

export interface EndorseOptions {
  readonly endorsingKey: SigningKey;
  readonly endorsedSpki: Uint8Array;
  readonly issuedAtSeconds: number;
  readonly epochBegin: TransactionId;
  readonly epochEnd?: { readonly id: TransactionId; readonly root: Uint8Array };
  readonly previousVersion?: number;
}

/** The COSE_Sign1 of an endorsement. */
export function signEndorsement(options: EndorseOptions): Uint8Array {
  const { endorsingKey, endorsedSpki, epochBegin, epochEnd } = options;
  const epoch = new Map<CborKey, CborValue>([
    ['epoch.start.txid', formatTransactionId(epochBegin)],
  ]);
  if (epochEnd) {
    epoch.set('epoch.end.txid', formatTransactionId(epochEnd.id));
    epoch.set('epoch.end.merkle.root', epochEnd.root);
  }
  const protectedHeader = new Map<CborKey, CborValue>([
    [coseHeader.algorithm, endorsingKey.algorithm],
    [coseHeader.cwtClaims, new Map([[issuedAtClaim, options.issuedAtSeconds]])],
    [ledgerLabel, epoch],
  ]);
  return signCose({ key: endorsingKey, protectedHeader, payload: endorsedSpki, isDetached: false });
}

/** The row that the opening transaction writes. */
export function endorsementWrites(options: EndorseOptions): MapWrites {
  const { endorsingKey, epochBegin, epochEnd, previousVersion } = options;
  const row = {
    endorsement: toBase64(signEndorsement(options)),
    endorsement_epoch_begin: formatTransactionId(epochBegin),
    ...(epochEnd ? { endorsement_epoch_end: formatTransactionId(epochEnd.id) } : {}),
    endorsing_key: toBase64(endorsingKey.spki),
    ...(previousVersion === undefined ? {} : { previous_version: previousVersion }),
  };
  return {
    name: endorsementMap,
    rows: [{ key: singletonKey, value: utf8Encode(canonicalJson(row)) }],
  };
}

/**
 * Reads and verifies a row: the signature is by the endorsing key it names, and the plain fields
 * repeat what is signed. The caller decides whether it trusts that key.
 * @throws InvalidEndorsement
 */
export function readEndorsementRow(value: Uint8Array): IdentityEndorsement {
  try {
    return readRow(value);
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'InvalidEndorsement') throw cause;
    throw ledgerError('InvalidEndorsement', `The endorsement fails: ${cause.message}`, {}, cause);
  }
}

function readRow(value: Uint8Array): IdentityEndorsement {
  const row = parseJson(value, { bytesMax: rowBytesMax, depthMax: 2 });
  const bytes = fromBase64(textField(row, 'endorsement') ?? '');
  const endorsingSpki = fromBase64(textField(row, 'endorsing_key') ?? '');
  const { endorsedSpki, epochBegin, epochEnd, epochEndRoot } = parseEndorsement(bytes);
  verifyCose({ bytes, spki: endorsingSpki, bytesMax: rowBytesMax });
  const previous = isJsonObject(row) ? row.previous_version : undefined;
  const isSelf = epochEnd === undefined;
  const isConsistent =
    textField(row, 'endorsement_epoch_begin') === formatTransactionId(epochBegin) &&
    textField(row, 'endorsement_epoch_end') === (epochEnd && formatTransactionId(epochEnd)) &&
    isSelf === (epochEndRoot === undefined) &&
    isSelf === equalBytes(endorsedSpki, endorsingSpki) &&
    (previous === undefined || Number.isSafeInteger(previous));
  if (!isConsistent) {
    throw ledgerError('InvalidEndorsement', 'The row does not repeat what is signed.');
  }
  return {
    endorsedSpki,
    endorsingSpki,
    epochBegin,
    epochEnd: epochEnd && epochEndRoot ? { id: epochEnd, root: epochEndRoot } : undefined,
    previousVersion: typeof previous === 'number' ? previous : undefined,
  };
}
