/**
 * A place between the keys of a KeyTree, moved in either direction. It holds no key: when the
 * tree's structure changed since the seek, the caller seeks again from the last key it saw.
 */
import type { KeySlice } from './key-slice.ts';
import { depthMax, type KeyTree } from './key-tree.ts';
import { granuleMask } from './slab-memory.ts';
import { levelWord, referencesWord } from './tree-page.ts';

export class TreeCursor {
  readonly #tree: KeyTree;
  readonly #page = new Int32Array(depthMax);
  readonly #index = new Int32Array(depthMax);
  #topLevel = -1;
  #structureVersion = -1;

  constructor(tree: KeyTree) {
    this.#tree = tree;
  }

  /** Whether entries moved since the last seek. */
  get isStale(): boolean {
    return this.#structureVersion !== this.#tree.structureVersion;
  }

  /** The record at the place, or 0 when the place is before the first or after the last key. */
  get record(): number {
    if (this.#topLevel < 0) return 0;
    const index = this.#index[0] as number;
    const page = this.#page[0] as number;
    return index < 0 || index >= this.#count(page) ? 0 : this.#reference(page, index);
  }

  /** To the first key at or after `key`; without one to the first of all. */
  seekAtLeast(key: KeySlice | undefined): void {
    const side = key === undefined ? -1 : this.#tree.sideOfPrefix(key);
    if (key !== undefined && side === 0) this.#descend(key);
    else this.#descendEdge(side < 0);
    if (side > 0) this.#index[0] = (this.#index[0] as number) + 1;
    else if (this.record === 0) this.#leavePage(1);
  }

  /** To the last key before `key`; without one to the last of all. */
  seekBelow(key: KeySlice | undefined): void {
    const side = key === undefined ? 1 : this.#tree.sideOfPrefix(key);
    if (key !== undefined && side === 0) this.#descend(key);
    else this.#descendEdge(side < 0);
    if (side <= 0) this.step(-1);
  }

  /** One key forward (1) or back (-1). */
  step(direction: 1 | -1): void {
    if (this.#topLevel < 0) return;
    this.#index[0] = (this.#index[0] as number) + direction;
    if (this.record === 0) this.#leavePage(direction);
  }

  #count(page: number): number {
    return this.#tree.pages.words(page)[(page & granuleMask) << 1] as number;
  }

  #reference(page: number, index: number): number {
    const at = ((page & granuleMask) << 1) + referencesWord + index;
    return this.#tree.pages.words(page)[at] as number;
  }

  #level(page: number): number {
    return this.#tree.pages.words(page)[((page & granuleMask) << 1) + levelWord] as number;
  }

  #start(): number {
    this.#structureVersion = this.#tree.structureVersion;
    const root = this.#tree.root;
    this.#topLevel = root === 0 ? -1 : this.#level(root);
    return root;
  }

  #descend(key: KeySlice): void {
    const pages = this.#tree.pages;
    let page = this.#start();
    for (let level = this.#topLevel; level >= 0; level--) {
      const index = level > 0 ? pages.childIndex(page, key) : pages.leafIndex(page, key);
      this.#page[level] = page;
      this.#index[level] = index;
      if (level > 0) page = this.#reference(page, index);
    }
  }

  #descendEdge(isFirst: boolean): void {
    const root = this.#start();
    this.#descendFrom(root, { topLevel: this.#topLevel, isFirst });
  }

  #descendFrom(from: number, edge: { topLevel: number; isFirst: boolean }): void {
    let page = from;
    for (let level = edge.topLevel; level >= 0; level--) {
      const index = edge.isFirst ? 0 : this.#count(page) - 1;
      this.#page[level] = page;
      this.#index[level] = index;
      if (level > 0) page = this.#reference(page, index);
    }
  }

  /** From the end of a leaf to the next leaf in that direction, if there is one. */
  #leavePage(direction: 1 | -1): void {
    for (let level = 1; level <= this.#topLevel; level++) {
      const index = (this.#index[level] as number) + direction;
      const page = this.#page[level] as number;
      if (index < 0 || index >= this.#count(page)) continue;
      this.#index[level] = index;
      const child = this.#reference(page, index);
      this.#descendFrom(child, { topLevel: level - 1, isFirst: direction === 1 });
      return;
    }
  }
}
