/**
 * The beats of one connection: what each end says of itself once a second, and what an end learns
 * from them: the round trip, how far the clocks of the two stand apart, and whether the other node
 * is short of room. Layout: docs/formats/peer-channel.md. What a host does to packets shows in the
 * figures and in nothing else: nothing that must be safe depends on them.
 */
import { ByteReader, ByteWriter, type Clock } from '@coco/base';
import { peersError } from './errors.ts';

/** No peer message has it: theirs begin at 1. */
const beatKind = 0;
const beatBytes = 30;
const shortFlag = 1;
const microsPerMs = 1000;
/** Longer, a connection is silent and ends: such an echo is no measure. */
const roundTripMsMax = 60_000;

/** What a node's beats say of it. */
export interface BeatMeasures {
  /** Of a beat and its echo, in milliseconds; undefined before the first echo. */
  readonly roundTripMs: number | undefined;
  /** The other's clock less this one's, in milliseconds; as exact as half a round trip. */
  readonly skewMs: number | undefined;
  /** Its disk or its memory is short: it should not take office. */
  readonly isShort: boolean;
}

export class PeerBeats {
  readonly #clock: Clock;
  readonly #isShort: () => boolean;
  /** The newest beat of the other: its stamp, and when it came. */
  #heard: { readonly stamp: number; readonly atMicros: number } | undefined;
  #measures: BeatMeasures = { roundTripMs: undefined, skewMs: undefined, isShort: false };

  /** @param isShort what this node says of itself */
  constructor(clock: Clock, isShort: () => boolean) {
    this.#clock = clock;
    this.#isShort = isShort;
  }

  get measures(): BeatMeasures {
    return this.#measures;
  }

  /** The payload of the next beat. */
  next(): Uint8Array {
    const now = this.#micros();
    const { stamp, atMicros } = this.#heard ?? { stamp: 0, atMicros: now };
    return new ByteWriter(beatBytes)
      .u8(beatKind)
      .u8(this.#isShort() ? shortFlag : 0)
      .u64(this.#clock.nowMs())
      .u64(now)
      .u64(stamp)
      .u32(Math.min(now - atMicros, 0xffff_ffff))
      .done();
  }

  /** Takes the other's beat. @throws PeerMessageRejected, InvalidInput */
  hear(payload: Uint8Array): void {
    if (payload.length !== beatBytes) {
      throw peersError('PeerMessageRejected', 'A beat has another length.', {
        bytes: payload.length,
      });
    }
    const now = this.#micros();
    const reader = new ByteReader(payload);
    reader.u8();
    const flags = reader.u8();
    const [wallMs, stamp, echo, heldMicros] = [
      reader.u64(),
      reader.u64(),
      reader.u64(),
      reader.u32(),
    ];
    this.#heard = { stamp, atMicros: now };
    const isShort = (flags & shortFlag) !== 0;
    const roundTripMs = (now - echo - heldMicros) / microsPerMs;
    const isMeasure = echo > 0 && roundTripMs >= 0 && roundTripMs <= roundTripMsMax;
    this.#measures = isMeasure
      ? { roundTripMs, skewMs: wallMs + roundTripMs / 2 - this.#clock.nowMs(), isShort }
      : { ...this.#measures, isShort };
  }

  #micros(): number {
    return Math.floor(this.#clock.monotonicMs() * microsPerMs);
  }
}

/** Whether a frame's payload is a beat; the empty one is, too. */
export function isBeat(payload: Uint8Array): boolean {
  return payload.length === 0 || payload[0] === beatKind;
}
