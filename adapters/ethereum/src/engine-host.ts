/**
 * The imports of one engine instance: they serve the state source of the execution under way.
 * No import ever throws into WebAssembly, because that would skip the machine's own clean-up: what
 * a state source throws is kept, the import answers "failed", the machine returns, and `execute`
 * throws what was kept.
 */
import { assert, present } from '@coco/base';
import secp256k1 from 'secp256k1';
import type { StateSource } from './engine-types.ts';
import { writeU256 } from './engine-writer.ts';

const failed = -1;
const absent = 0;
const found = 1;
const uncompressedKeyBytes = 65;

export class EngineHost {
  #memory: WebAssembly.Memory | undefined;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #source: StateSource | undefined;
  #pendingCode: Uint8Array | undefined;
  #failure: { readonly cause: unknown } | undefined;
  #panicPlace = '';

  /** Once, when the instance exists. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  /** The memory as it is now: growing it detaches every older view. */
  bytes(): Uint8Array {
    const { buffer } = present(this.#memory, 'The instance exists before it is called.');
    if (this.#bytes.buffer !== buffer) {
      this.#bytes = new Uint8Array(buffer);
      this.#view = new DataView(buffer);
    }
    return this.#bytes;
  }

  /** Where in the source the engine panicked, if it did; no values. */
  get panicPlace(): string {
    return this.#panicPlace;
  }

  /** Begins an execution. */
  open(source: StateSource): void {
    this.#source = source;
    this.#failure = undefined;
  }

  /** Ends an execution. */
  close(): void {
    this.#source = undefined;
    this.#pendingCode = undefined;
  }

  /** What a state source threw, wrapped so that a thrown `undefined` counts too. */
  get failure(): { readonly cause: unknown } | undefined {
    return this.#failure;
  }

  readonly imports: WebAssembly.Imports = {
    host: {
      get_account: (address: number, account: number) =>
        this.#serve((source) => this.#getAccount(source, address, account)),
      get_code: (hash: number) => this.#serve((source) => this.#getCode(source, hash)),
      take_code: (code: number) => this.#takeCode(code),
      get_storage: (address: number, slot: number, value: number) =>
        this.#serve((source) => this.#getStorage(source, { address, slot, value })),
      get_block_hash: (number: number, hash: number) =>
        this.#serve((source) => this.#getBlockHash(source, number, hash)),
      ecrecover: (hash: number, signature: number, yParity: number, key: number) =>
        this.#recover({ hash, signature, yParity, key }),
      panicked: (text: number, length: number) => {
        this.#panicPlace = new TextDecoder().decode(this.#read(text, length));
      },
    },
  };

  #serve(answer: (source: StateSource) => number): number {
    try {
      return answer(present(this.#source, 'Imports are called within an execution only.'));
    } catch (cause) {
      this.#failure ??= { cause };
      return failed;
    }
  }

  #read(at: number, length: number): Uint8Array {
    return this.bytes().slice(at, at + length);
  }

  #write(at: number, bytes: Uint8Array, length: number): void {
    assert(bytes.length === length, 'A state source answers with values of the right length.');
    this.bytes().set(bytes, at);
  }

  #getAccount(source: StateSource, address: number, account: number): number {
    const state = source.getAccount(this.#read(address, 20));
    if (state === undefined) return absent;
    this.#write(account + 40, state.codeHash, 32);
    this.#view.setBigUint64(account, state.nonce, true);
    writeU256(this.#view, account + 8, state.balance);
    return found;
  }

  #getCode(source: StateSource, hash: number): number {
    this.#pendingCode = source.getCode(this.#read(hash, 32));
    return this.#pendingCode.length;
  }

  #takeCode(code: number): void {
    if (this.#pendingCode !== undefined) this.bytes().set(this.#pendingCode, code);
    this.#pendingCode = undefined;
  }

  #getStorage(
    source: StateSource,
    at: { readonly address: number; readonly slot: number; readonly value: number },
  ): number {
    const value = source.getStorage(this.#read(at.address, 20), this.#read(at.slot, 32));
    if (value === undefined) return absent;
    this.#write(at.value, value, 32);
    return found;
  }

  #getBlockHash(source: StateSource, number: number, hash: number): number {
    this.bytes();
    const blockHash = source.getBlockHash(this.#view.getBigUint64(number, true));
    if (blockHash === undefined) return absent;
    this.#write(hash, blockHash, 32);
    return found;
  }

  #recover(at: {
    readonly hash: number;
    readonly signature: number;
    readonly yParity: number;
    readonly key: number;
  }): number {
    const hash = this.#read(at.hash, 32);
    const key = recoverPublicKey(hash, this.#read(at.signature, 64), at.yParity);
    if (key === undefined) return absent;
    this.bytes().set(key, at.key);
    return found;
  }
}

/**
 * The 64 bytes (x ‖ y) of the key that made `signature` (r ‖ s, 64 bytes) over `hash`, or
 * `undefined` when no key did. By the native library (npm secp256k1, libsecp256k1 of Bitcoin Core):
 * four times as fast as Rust in WebAssembly. Admission and the ecrecover precompile both come here;
 * the engine has checked the ranges of r and s before.
 */
function recoverPublicKey(
  hash: Uint8Array,
  signature: Uint8Array,
  yParity: number,
): Uint8Array | undefined {
  const key = new Uint8Array(uncompressedKeyBytes);
  try {
    secp256k1.ecdsaRecover(signature, yParity, hash, false, key);
  } catch {
    // The library throws for every signature that no key made; lengths are right by construction.
    return undefined;
  }
  return key.subarray(1);
}
