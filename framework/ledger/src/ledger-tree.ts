/** The tree of a new ledger. Leaf 0 is 32 zero bytes, so that leaf n is the entry with seqno n. */
import { MerkleTree } from '@coco/merkle';
import { zeroDigest } from './entry.ts';

export function createLedgerTree(): MerkleTree {
  const tree = new MerkleTree();
  tree.append(zeroDigest);
  return tree;
}
