/**
 * What a replica has handed to its main thread and that thread has not applied: bounded, or a long
 * contract or a slow catch-up would fill the memory between the two. Beyond the bound the replica
 * takes no new entries from its leader, whose flow control waits; heartbeats and elections go on.
 */
import { assert, type Seqno } from '@coco/base';

/** Two seconds of a busy network. What is in the log already (at most 128 MiB) comes on top. */
const backlogBytesMaxDefault: number = 64 * 1024 * 1024;

interface Handed {
  readonly last: Seqno;
  readonly bytes: number;
}

export class FollowedBacklog {
  readonly #bytesMax: number;
  readonly #onFull: (isFull: boolean) => void;
  /** Oldest first. Invariant: #bytes is their sum. */
  readonly #handed: Handed[] = [];
  #bytes = 0;
  #isFull = false;

  /** @param onFull called when the bound is reached, and when half of it is free again */
  constructor(bytesMax: number | undefined, onFull: (isFull: boolean) => void) {
    this.#bytesMax = bytesMax ?? backlogBytesMaxDefault;
    this.#onFull = onFull;
  }

  get bytes(): number {
    return this.#bytes;
  }

  handed(last: Seqno, bytes: number): void {
    this.#handed.push({ last, bytes });
    this.#bytes += bytes;
    if (this.#isFull || this.#bytes <= this.#bytesMax) return;
    this.#isFull = true;
    this.#onFull(true);
  }

  /** The main thread has applied everything up to `seqno`. */
  applied(seqno: Seqno): void {
    for (let first = this.#handed[0]; first && first.last <= seqno; first = this.#handed[0]) {
      this.#handed.shift();
      this.#bytes -= first.bytes;
    }
    assert(this.#bytes >= 0, 'no more is applied than was handed over');
    if (!this.#isFull || this.#bytes > this.#bytesMax / 2) return;
    this.#isFull = false;
    this.#onFull(false);
  }
}
