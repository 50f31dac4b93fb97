/**
 * What one node hands to the primary: transactions as hex, and what became of each, in order. JSON,
 * because it is small and node to node alone (docs/formats/ethereum-relay.md).
 */

import {
  encodeJson,
  fromHex,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
  refuse,
  toHex,
} from '@coco/base';

/** Transactions of one call; with their bytes it bounds what the primary does at once. */
export const relayCountMax: number = 256;
/** Raw bytes of one call, the first transaction excepted; as hex twice that. */
export const relayBytesMax: number = 192 * 1024;
/** A transaction may have 128 KiB. */
const bodyLimits = { bytesMax: 1024 * 1024, depthMax: 4 };

/** Why the primary does not take a transaction. */
export interface RelayRefusal {
  /** Our code. */
  readonly code: string;
  /** JSON-RPC's. */
  readonly rpcCode: number;
  readonly message: string;
  /** It may take it later. */
  readonly isPassing: boolean;
}

/** Undefined: it executed or queued the transaction. */
export type RelayResult = RelayRefusal | undefined;

export interface RelayedTransaction {
  readonly raw: Uint8Array;
  /** Whether a client waits for its commit. */
  readonly isAwaited: boolean;
}

export function encodeRelayed(relayed: readonly RelayedTransaction[]): Uint8Array {
  const awaited = relayed.flatMap(({ isAwaited }, at) => (isAwaited ? [at] : []));
  return encodeJson({ transactions: relayed.map(({ raw }) => toHex(raw)), awaited });
}

/** @throws InvalidInput */
export function parseRelayed(body: Uint8Array): readonly RelayedTransaction[] {
  const value = parseJson(body, bodyLimits);
  const { transactions, awaited } = isJsonObject(value) ? value : {};
  if (!Array.isArray(transactions) || transactions.length > relayCountMax) throw unfit();
  if (!Array.isArray(awaited) || awaited.length > transactions.length) throw unfit();
  const isAwaited: ReadonlySet<JsonValue> = new Set(awaited);
  return transactions.map((text, at) => {
    if (typeof text !== 'string') throw unfit();
    return { raw: fromHex(text), isAwaited: isAwaited.has(at) };
  });
}

export function encodeRelayResults(results: readonly RelayResult[]): Uint8Array {
  return encodeJson(results.map((result) => (result ? { ...result } : null)));
}

/** @throws InvalidInput when it is not one result for each of `count` transactions */
export function parseRelayResults(body: Uint8Array, count: number): readonly RelayResult[] {
  const results = parseJson(body, bodyLimits);
  if (!Array.isArray(results) || results.length !== count) throw unfit();
  return results.map(parseResult);
}

function parseResult(value: JsonValue): RelayResult {
  if (value === null) return undefined;
  const { code, rpcCode, message, isPassing } = isJsonObject(value) ? value : {};
  const isRefusal =
    typeof code === 'string' &&
    typeof rpcCode === 'number' &&
    typeof message === 'string' &&
    typeof isPassing === 'boolean';
  if (!isRefusal) throw unfit();
  return { code, rpcCode, message, isPassing };
}

/** What a refusal is to the node that asked. Anything but a refusal is a bug and goes on. */
export function relayRefusal(error: unknown, rpcCodeOf: (code: string) => number): RelayResult {
  if (!(error instanceof LedgerError)) throw error;
  const { code, message, kind, status } = error;
  // The primary has it already: as good as taken.
  if (code === 'TransactionKnown') return undefined;
  const isPassing = kind === 'fault' || status === 503;
  return { code, rpcCode: rpcCodeOf(code), message, isPassing };
}

function unfit(): LedgerError {
  return refuse('InvalidInput', 'What a node relayed does not have the form of a relay.');
}
