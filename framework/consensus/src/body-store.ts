/**
 * Bodies in memory, by digest. Two groups, both bounded in bytes: staged (named by what was
 * stepped or proposed since the last Ready, so they must not go away before it) and recent
 * (committed, kept for peers that are a little behind, oldest out first).
 */
import { assert, equalBytes, present, toHex } from '@coco/base';
import type { Handle } from './handle.ts';
import { digestOf } from './handle.ts';
import type { ReplicaLimits } from './limits.ts';

/** Whether the bytes are what the handle names: its length and SHA-256. */
export function isBodyOf(handle: Handle, body: Uint8Array): boolean {
  return body.length === handle.bodyBytes && equalBytes(digestOf(body), handle.digest);
}

export class BodyStore {
  readonly #limits: Pick<ReplicaLimits, 'stagedBytesMax' | 'recentBytesMax'>;
  #staged = new Map<string, Uint8Array>();
  /** Invariant: the sum of the staged lengths, <= stagedBytesMax. */
  #stagedBytes = 0;
  /** In order of age: a Map iterates in insertion order. */
  readonly #recent = new Map<string, Uint8Array>();
  /** Invariant: the sum of the recent lengths, <= recentBytesMax. */
  #recentBytes = 0;

  constructor(limits: Pick<ReplicaLimits, 'stagedBytesMax' | 'recentBytesMax'>) {
    this.#limits = limits;
  }

  get stagedBytes(): number {
    return this.#stagedBytes;
  }

  get recentBytes(): number {
    return this.#recentBytes;
  }

  /** Whether these many bytes more may be staged before the next Ready. */
  hasRoomFor(bytes: number): boolean {
    return this.#stagedBytes + bytes <= this.#limits.stagedBytesMax;
  }

  /** Keeps a verified body until the next Ready. The caller has asked hasRoomFor. */
  stage(handle: Handle, body: Uint8Array): void {
    const key = toHex(handle.digest);
    if (this.#staged.has(key)) return;
    assert(this.hasRoomFor(body.length), 'staged bodies stay within their bound');
    this.#staged.set(key, body);
    this.#stagedBytes += body.length;
  }

  find(handle: Handle): Uint8Array | undefined {
    const key = toHex(handle.digest);
    return this.#staged.get(key) ?? this.#recent.get(key);
  }

  /** The body of an entry that a Ready names. Raft cannot name what was never staged. */
  takeStaged(handle: Handle): Uint8Array {
    return present(this.#staged.get(toHex(handle.digest)), 'what Raft appends was staged');
  }

  /** Called when a Ready was taken: what it does not name will never be named. */
  clearStaged(): void {
    this.#staged = new Map();
    this.#stagedBytes = 0;
  }

  /** Keeps a committed body as long as there is room. */
  remember(handle: Handle, body: Uint8Array): void {
    const key = toHex(handle.digest);
    if (this.#recent.has(key) || body.length > this.#limits.recentBytesMax) return;
    this.#recent.set(key, body);
    this.#recentBytes += body.length;
    for (const [oldest, old] of this.#recent) {
      if (this.#recentBytes <= this.#limits.recentBytesMax) break;
      this.#recent.delete(oldest);
      this.#recentBytes -= old.length;
    }
  }
}
