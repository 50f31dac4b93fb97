/**
 * Empty blocks that let a client's wait for confirmations end on an idle chain: at most five after
 * each block with transactions, one at a time, paced by the clock, and none while there is work.
 * How many are owed follows from the committed blocks alone, so a restart needs no memory of it.
 */
import type { Host } from '@coco/adapter';
import type { BlockBuilder } from './block-builder.ts';
import type { EthereumState } from './ethereum-state.ts';

/** Hardhat Ignition waits for 5 confirmations; other tools for fewer. */
const emptyBlocksMax = 5;

/** How many empty blocks the chain still owes to those who wait for confirmations. */
function confirmationsOwed(state: EthereumState): number {
  const head = state.headNumber();
  for (let behind = 0; behind < emptyBlocksMax; behind++) {
    const block = state.block(head - BigInt(behind));
    if (!block || block.number === 0n) return 0;
    if (block.transactionHashes.length > 0) return emptyBlocksMax - behind;
  }
  return 0;
}

export class Confirmations {
  readonly #host: Host;
  readonly #builder: BlockBuilder;
  readonly #delayMs: number;
  #cancelTimer: (() => void) | undefined;

  constructor(host: Host, builder: BlockBuilder, delayMs: number) {
    this.#host = host;
    this.#builder = builder;
    this.#delayMs = delayMs;
  }

  /** Called with each committed state, and once at the start. */
  committed(state: EthereumState): void {
    this.cancel();
    if (confirmationsOwed(state) === 0) return;
    this.#cancelTimer = this.#host.clock.setTimer(this.#delayMs, () => {
      this.#cancelTimer = undefined;
      if (!this.#host.isPrimary() || this.#builder.open) return;
      this.#builder.wantEmptyBlock();
      this.#host.requestBatch();
    });
  }

  /** Work came, or the node stops. */
  cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
