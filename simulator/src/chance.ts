/** Draws from a seed: the words in which faults and clients ask for luck. */
import { SeededRandom } from '@coco/base';

export class Chance extends SeededRandom {
  /** True in `percent` of 100 cases. */
  percent(percent: number): boolean {
    return this.below(10_000) < percent * 100;
  }

  /** A number from `low` up to but not `high`, in thousandths. */
  between(low: number, high: number): number {
    return low + ((high - low) * this.below(1000)) / 1000;
  }

  /** One of the items; undefined when there is none. */
  pick<Item>(items: readonly Item[]): Item | undefined {
    return items.length === 0 ? undefined : items[this.below(items.length)];
  }

  /** The items in another order. */
  shuffle<Item>(items: readonly Item[]): Item[] {
    const rest = [...items];
    const shuffled: Item[] = [];
    while (rest.length > 0) shuffled.push(...rest.splice(this.below(rest.length), 1));
    return shuffled;
  }
}
