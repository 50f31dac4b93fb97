/** The verifier's half of a proof: from a leaf and its path to the root. */
import { sha256 } from '@coco/crypto';
import type { PathStep } from './merkle-tree.ts';

/** The root that `leaf` and its path (from the leaf upwards) give. */
export function foldPath(leaf: Uint8Array, path: readonly PathStep[]): Uint8Array {
  let hash = leaf;
  for (const step of path) {
    hash = step.isLeft ? sha256(step.hash, hash) : sha256(hash, step.hash);
  }
  return hash;
}
