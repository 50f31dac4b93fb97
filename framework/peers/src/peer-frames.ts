/**
 * Bytes of a connection between nodes to frames: a length and as many bytes, see
 * docs/formats/peer-channel.md. Memory grows with what has come, never with what was announced.
 */
import { peersError } from './errors.ts';

const lengthBytes = 4;
const firstCapacity = 1024;

/** The length that goes before a payload. */
export function frameHeader(payloadBytes: number): Uint8Array {
  const header = new Uint8Array(lengthBytes);
  new DataView(header.buffer).setUint32(0, payloadBytes, true);
  return header;
}

export class PeerFrames {
  readonly #frameBytesMax: number;
  /** The beginning of a frame whose rest has not come. Invariant: #heldBytes <= #held.length */
  #held: Uint8Array = new Uint8Array(0);
  #heldBytes = 0;

  /** @param frameBytesMax the longest payload */
  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** The payloads that `chunk` completes; each is valid until the next. @throws PeerFrameTooLong */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let rest = chunk;
    while (rest.length > 0) {
      const wholeBytes = this.#heldBytes === 0 ? this.#frameBytes(rest) : undefined;
      if (wholeBytes !== undefined && wholeBytes <= rest.length) {
        yield rest.subarray(lengthBytes, wholeBytes);
        rest = rest.subarray(wholeBytes);
        continue;
      }
      rest = this.#hold(rest);
      const held = this.#held.subarray(0, this.#heldBytes);
      if (this.#frameBytes(held) !== held.length) continue;
      this.#held = new Uint8Array(0);
      this.#heldBytes = 0;
      yield held.subarray(lengthBytes);
    }
  }

  /** Takes what is missing of the length, then of the frame; returns the rest. */
  #hold(bytes: Uint8Array): Uint8Array {
    const target = this.#frameBytes(this.#held.subarray(0, this.#heldBytes)) ?? lengthBytes;
    const taken = bytes.subarray(0, target - this.#heldBytes);
    const neededBytes = this.#heldBytes + taken.length;
    if (neededBytes > this.#held.length) {
      const doubled = Math.max(firstCapacity, this.#held.length * 2);
      const grown = new Uint8Array(Math.max(neededBytes, Math.min(doubled, target)));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(taken, this.#heldBytes);
    this.#heldBytes = neededBytes;
    return bytes.subarray(taken.length);
  }

  /** Length and payload of the frame that begins here; undefined while its length is not whole. */
  #frameBytes(bytes: Uint8Array): number | undefined {
    if (bytes.length < lengthBytes) return undefined;
    const length = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes).getUint32(0, true);
    if (length > this.#frameBytesMax) {
      const metadata = { length, max: this.#frameBytesMax };
      throw peersError('PeerFrameTooLong', 'A node announced too long a frame.', metadata);
    }
    return lengthBytes + length;
  }
}
