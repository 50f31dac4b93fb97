/** The door of @coco/merkle. */
export { foldPath } from './fold-path.ts';
export type { PathStep } from './merkle-tree.ts';
export { MerkleTree, serialisedFirst } from './merkle-tree.ts';
