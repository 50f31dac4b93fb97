/** The definition of the tree, recursively and without care for speed: the model of the tests. */
import { createHash } from 'node:crypto';
import { concatBytes } from '@coco/base';
import type { PathStep } from '../src/index.ts';

export function hashPair(left: Uint8Array, right: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha256').update(concatBytes(left, right)).digest());
}

function nextLevel(nodes: readonly Uint8Array[]): Uint8Array[] {
  const parents: Uint8Array[] = [];
  for (let at = 0; at < nodes.length; at += 2) {
    const left = nodes[at] as Uint8Array;
    const right = nodes[at + 1];
    parents.push(right ? hashPair(left, right) : left);
  }
  return parents;
}

export function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let nodes = leaves;
  while (nodes.length > 1) nodes = nextLevel(nodes);
  return nodes[0] as Uint8Array;
}

export function naivePath(leaves: readonly Uint8Array[], index: number): PathStep[] {
  const steps: PathStep[] = [];
  let at = index;
  for (let nodes = leaves; nodes.length > 1; nodes = nextLevel(nodes)) {
    const isLeft = at % 2 === 1;
    const sibling = nodes[isLeft ? at - 1 : at + 1];
    if (sibling) steps.push({ isLeft, hash: sibling });
    at = Math.floor(at / 2);
  }
  return steps;
}
