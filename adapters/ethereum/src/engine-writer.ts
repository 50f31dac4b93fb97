/**
 * Writes one message to the engine (docs/formats/engine-abi.md): little-endian u32 and u64,
 * big-endian u128 and u256, u32 lengths. The buffer is reused from message to message.
 */
import { assert } from '@coco/base';
import { engineError } from './engine-errors.ts';

const bytesFirst = 4096;
/** A larger buffer is given back with `reset`. */
const bytesKept = 1 << 20;
const u64Max = 0xffff_ffff_ffff_ffffn;
const u128Max = (1n << 128n) - 1n;
const u256Max = (1n << 256n) - 1n;

export class EngineWriter {
  #bytes = new Uint8Array(bytesFirst);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** Begins a new message. */
  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > bytesKept) this.#grow(bytesFirst);
  }

  /** The message: a view that the next `reset` invalidates. */
  message(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  /** @throws TransactionRuleBroken when the value does not fit, as do the next two. */
  u64(value: bigint): void {
    refuseOutside(value, u64Max, 64);
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
  }

  u128(value: bigint): void {
    refuseOutside(value, u128Max, 128);
    const at = this.#reserve(16);
    this.#view.setBigUint64(at, value >> 64n);
    this.#view.setBigUint64(at + 8, value & u64Max);
  }

  u256(value: bigint): void {
    refuseOutside(value, u256Max, 256);
    const at = this.#reserve(32);
    writeU256(this.#view, at, value);
  }

  /** Bytes whose length both sides know. */
  fixed(bytes: Uint8Array, length: number): void {
    assert(bytes.length === length, 'A fixed field has its length.');
    const at = this.#reserve(length);
    this.#bytes.set(bytes, at);
  }

  /** `fixed`, or zeroes for a value that a flag marks as absent. */
  fixedOrZero(bytes: Uint8Array | undefined, length: number): void {
    if (bytes !== undefined) this.fixed(bytes, length);
    else this.#zero(length);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  #zero(length: number): void {
    const at = this.#reserve(length);
    this.#bytes.fill(0, at, at + length);
  }

  /** May replace `#bytes` and `#view`: read them only after it. */
  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) this.#grow(Math.max(this.#length, 2 * at));
    return at;
  }

  #grow(size: number): void {
    const grown = new Uint8Array(size);
    grown.set(this.#bytes.subarray(0, Math.min(size, this.#bytes.length)));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Writes a u256, big-endian. */
export function writeU256(view: DataView, at: number, value: bigint): void {
  if (value <= u64Max) {
    view.setBigUint64(at, 0n);
    view.setBigUint64(at + 8, 0n);
    view.setBigUint64(at + 16, 0n);
  } else {
    view.setBigUint64(at, value >> 192n);
    view.setBigUint64(at + 8, (value >> 128n) & u64Max);
    view.setBigUint64(at + 16, (value >> 64n) & u64Max);
  }
  view.setBigUint64(at + 24, value & u64Max);
}

function refuseOutside(value: bigint, max: bigint, bits: number): void {
  if (value < 0n || value > max) {
    throw engineError('TransactionRuleBroken', `value does not fit ${bits} bits`, { bits });
  }
}
