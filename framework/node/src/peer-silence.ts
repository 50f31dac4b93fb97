/**
 * For how long this node has heard nothing of others, by what the channel to them reports. A node
 * that was gone before this one knew of it counts from the first attempt to reach it: it may have
 * been gone for longer, but nobody here can know.
 */
import type { Clock } from '@coco/base';
import type { PeerReport } from '@coco/peers';

export class PeerSilence {
  readonly #clock: Clock;
  /** By the id in Raft: since when the link is down. */
  readonly #downSinceMs = new Map<number, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note({ kind, ...report }: PeerReport): void {
    if (!('id' in report)) return;
    if (kind === 'up') this.#downSinceMs.delete(report.id);
    // Attempts fail again and again in other ways: the first loss counts.
    if (kind === 'lost' && !this.#downSinceMs.has(report.id)) {
      this.#downSinceMs.set(report.id, this.#clock.monotonicMs());
    }
  }

  /** 0 while the other node is connected, or was not dialled yet. */
  silentMs(raftId: number): number {
    const nowMs = this.#clock.monotonicMs();
    return nowMs - (this.#downSinceMs.get(raftId) ?? nowMs);
  }
}
