/**
 * Parameters of a JSON-RPC call: from untrusted JSON to typed values, or a refusal that names the
 * argument in geth's words. Formats: execution-apis ("Hex value encoding"), EIP-1898.
 */
import { fromHex, isJsonObject, type JsonValue } from '@coco/base';
import type { AccessListItem } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import { bytesOfHex } from './numbers.ts';

/** Which block a call means. */
export type BlockTag =
  | { readonly kind: 'latest' | 'pending' }
  | { readonly kind: 'number'; readonly number: bigint }
  | { readonly kind: 'hash'; readonly hash: Uint8Array };

/** What eth_call and eth_estimateGas are given. */
export interface CallParameters {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
  readonly gas: bigint | undefined;
  /** gasPrice or maxFeePerGas. */
  readonly feeCap: bigint;
  /** `undefined` with gasPrice. */
  readonly tip: bigint | undefined;
  readonly value: bigint;
  readonly input: Uint8Array;
  readonly accessList: readonly AccessListItem[];
}

const u64Max = 2n ** 64n - 1n;
const u256Max = 2n ** 256n - 1n;
/** An access list longer than this could not be paid within any block. */
const accessListMax = 10_000;

type JsonObject = { readonly [key: string]: JsonValue };

export class RpcParameters {
  readonly #values: readonly JsonValue[];

  /** @throws JsonRpcInvalidParameters */
  constructor(values: JsonValue | undefined, arity: readonly [required: number, most: number]) {
    const list = values ?? [];
    if (!Array.isArray(list)) throw invalid('non-array args');
    const [required, most] = arity;
    if (list.length > most) throw invalid(`too many arguments, want at most ${most}`);
    for (let index = 0; index < required; index++) {
      if (list[index] === undefined || list[index] === null) {
        throw invalid(`missing value for required argument ${index}`);
      }
    }
    this.#values = list;
  }

  /** The value, `undefined` for null. */
  at(index: number): JsonValue | undefined {
    return this.#values[index] ?? undefined;
  }

  quantity(index: number, most: bigint = u64Max): bigint {
    return within(index, () => parseQuantity(this.at(index), most));
  }

  data(index: number): Uint8Array {
    return within(index, () => parseData(this.at(index)));
  }

  address(index: number): Uint8Array {
    return within(index, () => parseFixed(this.at(index), 20, 'address'));
  }

  hash(index: number): Uint8Array {
    return within(index, () => parseFixed(this.at(index), 32, 'hash'));
  }

  /** A storage slot: like geth, up to 32 bytes of hex. */
  slot(index: number): Uint8Array {
    return within(index, () => {
      const text = parseHexText(this.at(index));
      if (text.length > 66) throw invalid('hex string too long, want at most 32 bytes');
      return fromHex(text.slice(2).padStart(64, '0'));
    });
  }

  boolean(index: number): boolean {
    const value = this.at(index);
    if (value === undefined) return false;
    if (typeof value !== 'boolean') throw invalid(`invalid argument ${index}: not a boolean`);
    return value;
  }

  object(index: number): JsonObject {
    const value = this.at(index);
    if (!isJsonObject(value)) throw invalid(`invalid argument ${index}: not an object`);
    return value;
  }

  list(index: number): readonly JsonValue[] {
    const value = this.at(index);
    if (!Array.isArray(value)) throw invalid(`invalid argument ${index}: not a list`);
    return value as readonly JsonValue[];
  }

  blockTag(index: number): BlockTag {
    return within(index, () => parseBlockTag(this.at(index)));
  }

  call(index: number): CallParameters {
    return within(index, () => parseCall(this.object(index)));
  }
}

export function invalid(message: string): Error {
  return ethereumError('JsonRpcInvalidParameters', message);
}

/** Names the argument in what `parse` refuses. */
function within<Value>(index: number, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Error && !error.message.startsWith('invalid argument')) {
      throw invalid(`invalid argument ${index}: ${error.message}`);
    }
    throw error;
  }
}

const hexText = /^0x[0-9a-f]*$/i;

/** @throws JsonRpcInvalidParameters unless `0x` and digits. */
function parseHexText(value: JsonValue | undefined): string {
  if (typeof value !== 'string') throw invalid('not a string');
  if (hexText.test(value)) return value;
  if (value === '') throw invalid('empty hex string');
  if (!/^0x/i.test(value)) throw invalid('hex string without 0x prefix');
  throw invalid('invalid hex string');
}

/** @throws JsonRpcInvalidParameters */
export function parseQuantity(value: JsonValue | undefined, most: bigint = u256Max): bigint {
  const text = parseHexText(value);
  if (text.length === 2) throw invalid('hex string "0x"');
  if (text.length > 3 && text[2] === '0') throw invalid('hex number with leading zero digits');
  if (text.length > 66) throw invalid('hex number > 256 bits');
  const number = BigInt(text);
  if (number > most) throw invalid(most === u64Max ? 'hex number > 64 bits' : 'number too large');
  return number;
}

/** @throws JsonRpcInvalidParameters */
export function parseData(value: JsonValue | undefined): Uint8Array {
  const text = parseHexText(value);
  if (text.length % 2 !== 0) throw invalid('hex string of odd length');
  return bytesOfHex(text.slice(2));
}

/** @throws JsonRpcInvalidParameters */
export function parseFixed(value: JsonValue | undefined, bytes: number, name: string): Uint8Array {
  const text = parseHexText(value);
  if (text.length !== 2 + 2 * bytes) {
    throw invalid(`hex string has length ${text.length - 2}, want ${2 * bytes} for ${name}`);
  }
  return bytesOfHex(text.slice(2));
}

/** @throws JsonRpcInvalidParameters */
export function parseBlockTag(value: JsonValue | undefined): BlockTag {
  if (value === undefined || value === null) return { kind: 'latest' };
  if (isJsonObject(value)) {
    if (value.blockHash !== undefined && value.blockNumber !== undefined) {
      throw invalid('cannot specify both BlockHash and BlockNumber, choose one or the other');
    }
    if (value.blockHash === undefined) return parseBlockTag(value.blockNumber);
    return { kind: 'hash', hash: parseFixed(value.blockHash, 32, 'hash') };
  }
  switch (value) {
    case 'latest':
    // What is committed is final: no block is ever taken back.
    case 'safe':
    case 'finalized':
      return { kind: 'latest' };
    case 'pending':
      return { kind: 'pending' };
    case 'earliest':
      return { kind: 'number', number: 0n };
    default:
      if (typeof value === 'string' && value.length === 66) {
        return { kind: 'hash', hash: parseFixed(value, 32, 'hash') };
      }
      return { kind: 'number', number: parseQuantity(value, u64Max) };
  }
}

const optionalQuantity = (value: JsonValue | undefined, most: bigint): bigint | undefined =>
  value === undefined || value === null ? undefined : parseQuantity(value, most);

/** @throws JsonRpcInvalidParameters */
export function parseCall(call: JsonObject): CallParameters {
  const gasPrice = optionalQuantity(call.gasPrice, u256Max);
  const maxFee = optionalQuantity(call.maxFeePerGas, u256Max);
  const tip = optionalQuantity(call.maxPriorityFeePerGas, u256Max);
  if (gasPrice !== undefined && (maxFee !== undefined || tip !== undefined)) {
    throw invalid('both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified');
  }
  const has = (value: JsonValue | undefined): value is JsonValue =>
    value !== undefined && value !== null;
  const data = has(call.data) ? parseData(call.data) : undefined;
  const input = has(call.input) ? parseData(call.input) : undefined;
  if (data && input && Buffer.compare(data, input) !== 0) {
    throw invalid(
      'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data',
    );
  }
  const isBlob = has(call.blobVersionedHashes) || has(call.blobs);
  if (isBlob) throw invalid('transaction type not supported');
  return {
    from: has(call.from) ? parseFixed(call.from, 20, 'address') : new Uint8Array(20),
    to: has(call.to) ? parseFixed(call.to, 20, 'address') : undefined,
    gas: optionalQuantity(call.gas, u64Max),
    feeCap: gasPrice ?? maxFee ?? 0n,
    tip: gasPrice === undefined ? (tip ?? 0n) : undefined,
    value: optionalQuantity(call.value, u256Max) ?? 0n,
    input: input ?? data ?? new Uint8Array(0),
    accessList: parseAccessList(call.accessList),
  };
}

function parseAccessList(value: JsonValue | undefined): readonly AccessListItem[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > accessListMax) throw invalid('invalid access list');
  return value.map((item: JsonValue) => {
    const keys = isJsonObject(item) ? (item.storageKeys ?? []) : undefined;
    if (!isJsonObject(item) || !Array.isArray(keys) || keys.length > accessListMax) {
      throw invalid('invalid access list');
    }
    return {
      address: parseFixed(item.address, 20, 'address'),
      storageKeys: keys.map((key: JsonValue) => parseFixed(key, 32, 'hash')),
    };
  });
}
