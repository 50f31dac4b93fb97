/**
 * For how long this node has heard nothing of others, by what the channel to them reports. A node
 * of which it never heard counts from when this one began: it may have been gone for longer, but
 * nobody here can know.
 */
import type { Clock } from '@coco/base';
import type { PeerReport } from '@coco/peers';

export class PeerSilence {
  readonly #clock: Clock;
  readonly #beganMs: number;
  /** By the id in Raft: since when the link has been down; undefined while it stands. */
  readonly #downSinceMs = new Map<number, number | undefined>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#beganMs = clock.monotonicMs();
  }

  note(report: PeerReport): void {
    if (report.kind === 'up') this.#downSinceMs.set(report.id, undefined);
    // Attempts fail again and again in other ways: the first loss counts.
    if (report.kind === 'lost' && this.#downSinceMs.get(report.id) === undefined) {
      const isFirst = !this.#downSinceMs.has(report.id);
      this.#downSinceMs.set(report.id, isFirst ? this.#beganMs : this.#clock.monotonicMs());
    }
  }

  /** 0 while the other node is connected. */
  silentMs(raftId: number): number {
    const isKnown = this.#downSinceMs.has(raftId);
    const sinceMs = isKnown ? this.#downSinceMs.get(raftId) : this.#beganMs;
    return sinceMs === undefined ? 0 : this.#clock.monotonicMs() - sinceMs;
  }
}
