/**
 * A primary whose disk is short of room passes its office on to the heir among the nodes that have
 * room. Where nobody has, it keeps it, and refuses.
 */
import type { NodeId } from '@coco/consensus';

/** Between two attempts, in beats: 10 s of the worker's. */
const yieldTicks = 200;

export class OfficeYield {
  readonly #passOn: (to: NodeId) => void;
  #restTicks = 0;

  /** @param passOn has the main thread hand office over */
  constructor(passOn: (to: NodeId) => void) {
    this.#passOn = passOn;
  }

  /** A beat of a primary that should not be it; `findHeir` names who could be. */
  tick(findHeir: () => NodeId | undefined): void {
    this.#restTicks = Math.max(0, this.#restTicks - 1);
    if (this.#restTicks > 0) return;
    const to = findHeir();
    if (to === undefined) return;
    this.#restTicks = yieldTicks;
    this.#passOn(to);
  }
}
