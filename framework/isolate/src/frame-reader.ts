/** Frames in a stream of bytes: u32 length, little-endian, then that many bytes. */
import { concatBytes, emptyBytes } from '@coco/base';
import { isolateError } from './errors.ts';

export const frameHeadBytes = 4;

/** Puts the length before a message. */
export function frame(message: Uint8Array): Uint8Array {
  const head = new Uint8Array(frameHeadBytes);
  new DataView(head.buffer).setUint32(0, message.length, true);
  return concatBytes(head, message);
}

/** The length that a frame begins with. @throws InvalidScriptMessage */
export function frameLength(head: Uint8Array, bytesMax: number): number {
  const length = new DataView(head.buffer, head.byteOffset, frameHeadBytes).getUint32(0, true);
  if (length <= bytesMax) return length;
  throw isolateError('InvalidScriptMessage', 'A message is longer than its limit.', { length });
}

/** Collects what arrives, in whatever pieces, until a frame is whole. */
export class FrameReader {
  readonly #bytesMax: number;
  #pieces: Uint8Array[] = [];
  #byteCount = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Frames that the piece completes. @throws InvalidScriptMessage before a long frame is there */
  push(piece: Uint8Array): readonly Uint8Array[] {
    // A stream's pieces are Buffers, whose slices are views: what is read must be copies.
    this.#pieces.push(new Uint8Array(piece.buffer, piece.byteOffset, piece.length));
    this.#byteCount += piece.length;
    const frames: Uint8Array[] = [];
    for (;;) {
      const frame = this.#take();
      if (frame === undefined) return frames;
      frames.push(frame);
    }
  }

  #take(): Uint8Array | undefined {
    if (this.#byteCount < frameHeadBytes) return undefined;
    const head = this.#first(frameHeadBytes);
    const end = frameHeadBytes + frameLength(head, this.#bytesMax);
    if (this.#byteCount < end) return undefined;
    const all = this.#pieces.length === 1 ? head : concatBytes(...this.#pieces);
    const rest = all.subarray(end);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#byteCount = rest.length;
    return all.subarray(frameHeadBytes, end);
  }

  /** The first piece, once it has so many bytes. */
  #first(bytes: number): Uint8Array {
    while ((this.#pieces[0]?.length ?? bytes) < bytes) {
      const [one = emptyBytes, other = emptyBytes, ...rest] = this.#pieces;
      this.#pieces = [concatBytes(one, other), ...rest];
    }
    return this.#pieces[0] ?? emptyBytes;
  }
}
