/**
 * What a client remembers of one network: the identities that its service had, and the newest that
 * it saw committed. This memory, and nothing else, notices a service that was set back or split.
 * A small JSON document behind a port; byte table in docs/decisions/sdk-trust.md.
 */
import {
  encodeJson,
  formatTransactionId,
  fromHex,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
  parseTransactionId,
  type TransactionId,
  toHex,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import type { VerifiedReceipt } from '@coco/receipt';
import { sdkError } from './errors.ts';

/** Where the document is kept: a file, a browser's storage, a database row. */
export interface MemoryStore {
  /** undefined where nothing was saved yet. */
  load(): Promise<string | undefined>;
  /** Replaces the document, wholly or not at all. */
  save(text: string): Promise<void>;
}

const format = 'coco-sdk-memory-1';
/** Receipts remembered; the newest are kept. */
const receiptsMax = 16;
/** As many as endorsements can lead through. */
const identitiesMax = 64;
const documentBytesMax = 256 * 1024;

export interface RememberedIdentity {
  /** Lower-case hex of SHA-256 of the service's key. */
  readonly id: string;
  /** PEM. */
  readonly certificate: string;
  /** Unix milliseconds by this client's clock. */
  readonly acceptedAtMs: number;
}

export interface RememberedReceipt {
  readonly transactionId: TransactionId;
  readonly signatureId: TransactionId;
  readonly leaf: Uint8Array;
  readonly root: Uint8Array;
}

export interface Memory {
  /** Oldest first; the last is the service's identity now. */
  readonly identities: readonly RememberedIdentity[];
  /** The newest transaction that the service reported as committed. */
  readonly committed: TransactionId | undefined;
  /** Oldest first. */
  readonly receipts: readonly RememberedReceipt[];
}

const emptyMemory: Memory = { identities: [], committed: undefined, receipts: [] };

/** @throws MemoryMalformed: a memory that is lost must not pass for one that is new. */
export function parseMemory(text: string | undefined): Memory {
  if (text === undefined) return emptyMemory;
  try {
    const document = parseJson(utf8Encode(text), { bytesMax: documentBytesMax, depthMax: 4 });
    const fields = isJsonObject(document) ? document : {};
    if (fields.format !== format) throw malformed('The memory is not of a known format.');
    const { committed } = fields;
    return {
      identities: listOf(fields.identities, identitiesMax).map(identityOf),
      committed: committed === null ? undefined : parseTransactionId(textOf(committed)),
      receipts: listOf(fields.receipts, receiptsMax).map(receiptOf),
    };
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'MemoryMalformed') throw cause;
    throw malformed('The memory of services does not parse.', cause);
  }
}

export function encodeMemory(memory: Memory): string {
  const { identities, committed, receipts } = memory;
  return utf8Decode(
    encodeJson({
      format,
      identities: identities.map(({ id, certificate, acceptedAtMs }) => ({
        id,
        certificate,
        acceptedAtMs,
      })),
      committed: committed ? formatTransactionId(committed) : null,
      receipts: receipts.map(({ transactionId, signatureId, leaf, root }) => ({
        transaction: formatTransactionId(transactionId),
        signature: formatTransactionId(signatureId),
        leaf: toHex(leaf),
        root: toHex(root),
      })),
    }),
  );
}

/** Remembers an accepted identity as the newest. */
export function rememberIdentity(memory: Memory, identity: RememberedIdentity): Memory {
  const others = memory.identities.filter(({ id }) => id !== identity.id);
  return { ...memory, identities: [...others, identity].slice(-identitiesMax) };
}

/** Remembers a committed transaction, if it is newer than the newest. */
export function rememberCommitted(memory: Memory, id: TransactionId): Memory {
  const isNewer = !memory.committed || id.seqno > memory.committed.seqno;
  return isNewer ? { ...memory, committed: id } : memory;
}

/**
 * Remembers a verified receipt; it must not contradict one that is remembered.
 * @throws ServiceForked when the service signed two histories
 */
export function rememberReceipt(memory: Memory, receipt: VerifiedReceipt): Memory {
  assertSameHistory(memory.receipts, receipt);
  const { transactionId, signatureId, leaf, root } = receipt;
  const others = memory.receipts.filter((seen) => seen.transactionId.seqno !== transactionId.seqno);
  const receipts = [...others, { transactionId, signatureId, leaf, root }];
  receipts.sort((left, right) => left.transactionId.seqno - right.transactionId.seqno);
  return rememberCommitted({ ...memory, receipts: receipts.slice(-receiptsMax) }, transactionId);
}

function assertSameHistory(seen: readonly RememberedReceipt[], receipt: VerifiedReceipt): void {
  for (const old of seen) {
    const isSameSeqno = old.transactionId.seqno === receipt.transactionId.seqno;
    const isSameSignature = old.signatureId.seqno === receipt.signatureId.seqno;
    const isOtherLeaf = isSameSeqno && toHex(old.leaf) !== toHex(receipt.leaf);
    const isOtherRoot = isSameSignature && toHex(old.root) !== toHex(receipt.root);
    if (isOtherLeaf || isOtherRoot) {
      throw sdkError('ServiceForked', 'The service signed another history than the one seen.', {
        seen: formatTransactionId(old.transactionId),
        seenSignature: formatTransactionId(old.signatureId),
        transaction: formatTransactionId(receipt.transactionId),
        signature: formatTransactionId(receipt.signatureId),
      });
    }
  }
}

function identityOf(value: JsonValue): RememberedIdentity {
  const fields = isJsonObject(value) ? value : {};
  const { id, certificate, acceptedAtMs } = fields;
  if (typeof id !== 'string' || typeof certificate !== 'string' || !Number.isFinite(acceptedAtMs)) {
    throw malformed('A remembered identity does not parse.');
  }
  return { id, certificate, acceptedAtMs: Number(acceptedAtMs) };
}

function receiptOf(value: JsonValue): RememberedReceipt {
  const fields = isJsonObject(value) ? value : {};
  return {
    transactionId: parseTransactionId(textOf(fields.transaction)),
    signatureId: parseTransactionId(textOf(fields.signature)),
    leaf: digestOf(fields.leaf),
    root: digestOf(fields.root),
  };
}

function digestOf(value: JsonValue | undefined): Uint8Array {
  const digest = fromHex(textOf(value));
  if (digest.length !== 32) throw malformed('A remembered digest has not 32 bytes.');
  return digest;
}

function textOf(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw malformed('A part of the memory is not a text.');
  return value;
}

function listOf(value: JsonValue | undefined, countMax: number): readonly JsonValue[] {
  if (!Array.isArray(value) || value.length > countMax) {
    throw malformed('A part of the memory is not a list within its limit.');
  }
  return value as readonly JsonValue[];
}

function malformed(sentence: string, cause?: unknown): LedgerError {
  return sdkError('MemoryMalformed', sentence, {}, cause);
}
