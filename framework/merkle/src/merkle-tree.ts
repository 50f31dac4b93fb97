/**
 * The Merkle tree over a ledger's leaves, as CCF builds it: an inner node is SHA-256(left || right)
 * and an odd last node of a level goes up unchanged. The tree keeps whole nodes only, so that it
 * answers for any size between what it forgot and what it holds; the few nodes on the right edge
 * are computed when asked for. Source: CCF's ledger format (merklecpp), docs/formats/merkle-tree.md.
 *
 * The caller appends leaves in order. Every hash handed out is a copy.
 */
import { assert, present } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { refuseTree } from './errors.ts';
import { hashBytes, NodeLevel } from './node-level.ts';

/** One step of an inclusion proof, from the leaf upwards: the sibling and where it stands. */
export interface PathStep {
  /** Whether the sibling is the left one. */
  readonly isLeft: boolean;
  readonly hash: Uint8Array;
}

/** Bytes before the hashes of a serialised tree: two big-endian u64. */
const prefixBytes = 16;
/** A serialised tree spans one batch; 2^20 leaves are 32 MiB, far above any batch. */
const serialisedLeavesMax = 1 << 20;
/** Nodes of level k are computed as index * 2^k; 2^48 leaves never come. */
const leafIndexMax = 2 ** 48;

export class MerkleTree {
  /** Invariant: level k holds the whole nodes of 2^k leaves, floor(size / 2^k) of them. */
  readonly #levels: NodeLevel[] = [new NodeLevel()];
  /** Invariant: first <= size. Leaves below are forgotten. */
  #first = 0;

  /** The number of leaves ever appended, less those truncated. */
  get size(): number {
    return this.#level(0).count;
  }

  /** The oldest leaf that is still held. */
  get first(): number {
    return this.#first;
  }

  append(leaf: Uint8Array): void {
    let index = this.size;
    assert(index < leafIndexMax, 'the tree has fewer than 2^48 leaves');
    this.#level(0).push(leaf);
    for (let k = 0; index % 2 === 1; k++) {
      index = (index - 1) / 2;
      this.#push(k + 1, index, sha256(this.#level(k).pair(index)));
    }
  }

  /** An empty tree, or one with the first leaf alone, becomes what `other` is, and owns it. */
  adopt(other: MerkleTree): void {
    assert(this.size <= 1, 'a tree that holds a ledger is not replaced');
    this.#levels.splice(0, this.#levels.length, ...other.#levels);
    this.#first = other.#first;
  }

  /** The hash of leaf `index`. */
  leaf(index: number): Uint8Array {
    assert(index >= this.#first, 'the leaf is not forgotten');
    return this.#level(0).node(index).slice();
  }

  /** The root over the first `size` leaves. */
  root(size: number = this.size): Uint8Array {
    assert(size > 0, 'an empty tree has no root');
    this.#assertHeld(size);
    return this.#node(heightOf(size), 0, size).slice();
  }

  /** The proof that leaf `index` is in the tree of the first `size` leaves. */
  path(index: number, size: number = this.size): readonly PathStep[] {
    assert(index >= this.#first && index < size, 'the leaf is held and in the tree');
    this.#assertHeld(size);
    const steps: PathStep[] = [];
    for (let k = 0, at = index, width = 1; width < size; k++, width *= 2) {
      const isLeft = at % 2 === 1;
      const sibling = isLeft ? at - 1 : at + 1;
      if (sibling * width < size) {
        steps.push({ isLeft, hash: this.#node(k, sibling, size).slice() });
      }
      at = Math.floor(at / 2);
    }
    return steps;
  }

  /** Drops the leaves from `size` on; not below what was forgotten. */
  truncate(size: number): void {
    this.#assertHeld(size);
    assert(size <= this.size, 'a tree is cut, not extended');
    for (let k = 0, count = size; k < this.#levels.length; k++, count = Math.floor(count / 2)) {
      this.#level(k).truncate(count);
    }
  }

  /** Drops what only leaves below `first` need; roots and paths of later ones stay computable. */
  forget(first: number): void {
    assert(first <= this.size, 'what is forgotten was appended');
    if (first <= this.#first) return;
    this.#first = first;
    for (let k = 0, index = first; k < this.#levels.length; k++, index = Math.floor(index / 2)) {
      this.#level(k).forget(index);
    }
  }

  /**
   * The leaves first..size-1 and the edge that makes them a tree: the value of CCF's
   * `public:ccf.internal.tree`. At most 2^20 leaves.
   */
  serialise(first: number, size: number = this.size): Uint8Array {
    this.#assertHeld(size);
    assert(first >= this.#first && first <= size, 'the leaves are held');
    const count = size - first;
    assert(count <= serialisedLeavesMax, 'a serialised tree spans at most 2^20 leaves');
    const edges = edgesOf(first);
    const bytes = new Uint8Array(prefixBytes + (count + edges.length) * hashBytes);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, BigInt(count));
    view.setBigUint64(8, BigInt(first));
    bytes.set(this.#level(0).range(first, size), prefixBytes);
    edges.forEach(({ level, index }, at) => {
      bytes.set(this.#level(level).node(index), prefixBytes + (count + at) * hashBytes);
    });
    return bytes;
  }

  /** Rebuilds a tree from `serialise`'s bytes. @throws InvalidMerkleTree */
  static deserialise(bytes: Uint8Array): MerkleTree {
    if (bytes.length < prefixBytes) throw refuseTree('InvalidMerkleTree', 'The tree is too short.');
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const [count, first] = [Number(view.getBigUint64(0)), Number(view.getBigUint64(8))];
    if (count > serialisedLeavesMax || first > leafIndexMax) {
      throw refuseTree('InvalidMerkleTree', 'The tree exceeds its limits.', { count, first });
    }
    const edges = edgesOf(first);
    if (bytes.length !== prefixBytes + (count + edges.length) * hashBytes) {
      throw refuseTree('InvalidMerkleTree', 'The tree has another length than it states.');
    }
    const hashAt = (at: number): Uint8Array =>
      bytes.subarray(prefixBytes + at * hashBytes, prefixBytes + (at + 1) * hashBytes);
    const tree = new MerkleTree();
    tree.#startAt(
      first,
      edges.map((_, at) => hashAt(count + at)),
    );
    for (let at = 0; at < count; at++) tree.append(hashAt(at));
    return tree;
  }

  #startAt(first: number, edgeHashes: readonly Uint8Array[]): void {
    this.#first = first;
    let edge = 0;
    for (let k = 0, index = first; index > 0; k++, index = Math.floor(index / 2)) {
      const level = this.#levels[k] ?? (this.#levels[k] = new NodeLevel());
      level.startAt(index - (index % 2));
      if (index % 2 === 1) level.push(present(edgeHashes[edge++], 'each set bit has its edge'));
    }
  }

  #push(k: number, index: number, hash: Uint8Array): void {
    const level = this.#levels[k] ?? (this.#levels[k] = new NodeLevel());
    assert(level.count === index, 'a parent follows the parents before it');
    level.push(hash);
  }

  /** The node over leaves [index * 2^k, (index + 1) * 2^k) of the first `size` leaves. */
  #node(k: number, index: number, size: number): Uint8Array {
    const width = 2 ** k;
    if ((index + 1) * width <= size) return this.#level(k).node(index);
    const left = this.#node(k - 1, 2 * index, size);
    const isPromoted = (2 * index + 1) * (width / 2) >= size;
    return isPromoted ? left : sha256(left, this.#node(k - 1, 2 * index + 1, size));
  }

  #level(k: number): NodeLevel {
    return present(this.#levels[k], 'the level exists');
  }

  #assertHeld(size: number): void {
    assert(size >= this.#first && size <= this.size, 'the tree holds that size');
  }
}

/** The first leaf of serialised bytes, without reading more; undefined where there is none. */
export function serialisedFirst(bytes: Uint8Array): number | undefined {
  if (bytes.length < prefixBytes) return undefined;
  const first = new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getBigUint64(8);
  return first <= BigInt(leafIndexMax) ? Number(first) : undefined;
}

/** The least k with 2^k >= size. */
function heightOf(size: number): number {
  let height = 0;
  for (let width = 1; width < size; width *= 2) height += 1;
  return height;
}

/** The whole subtrees left of leaf `first`: one for each set bit, the smallest first. */
function edgesOf(first: number): readonly { readonly level: number; readonly index: number }[] {
  const edges: { level: number; index: number }[] = [];
  for (let level = 0, index = first; index > 0; level++, index = Math.floor(index / 2)) {
    if (index % 2 === 1) edges.push({ level, index: index - 1 });
  }
  return edges;
}
