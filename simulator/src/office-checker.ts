/** One primary per view, ever; and a view that a node has held it never holds again. */
import { check } from './errors.ts';

export class OfficeChecker {
  readonly #primaries = new Map<number, number>();
  readonly #ended = new Set<string>();
  readonly #open = new Map<number, number>();
  #count = 0;

  /** Views that had a primary. */
  get count(): number {
    return this.#count;
  }

  /**
   * A service is recovered: its views follow those that the files tell of. The lost one may have
   * had a later one, of which nothing was durable.
   */
  recovered(): void {
    this.#primaries.clear();
    this.#open.clear();
    this.#ended.clear();
  }

  /** What a node is after a step: the view that it executes in, if it does. */
  observe(node: number, view: number | undefined): void {
    const open = this.#open.get(node);
    if (open === view) return;
    if (open !== undefined) this.#ended.add(`${node} ${open}`);
    this.#open.delete(node);
    if (view === undefined) return;
    const other = this.#primaries.get(view) ?? node;
    check(other === node, `view ${view} has two primaries, nodes ${other} and ${node}`);
    check(!this.#ended.has(`${node} ${view}`), `node ${node} takes office again in view ${view}`);
    if (!this.#primaries.has(view)) this.#count++;
    this.#primaries.set(view, node);
    this.#open.set(node, view);
  }
}
