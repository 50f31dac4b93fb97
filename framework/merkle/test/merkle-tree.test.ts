import assert from 'node:assert/strict';
import { test } from 'node:test';
import { equalBytes, fromHex, SeededRandom, toHex } from '@coco/base';
import fc from 'fast-check';
import { foldPath, MerkleTree, serialisedFirst } from '../src/index.ts';
import { hashPair, naivePath, naiveRoot } from './naive-tree.ts';

function leaves(count: number, seed: number): Uint8Array[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.bytes(32));
}

function treeOf(list: readonly Uint8Array[]): MerkleTree {
  const tree = new MerkleTree();
  for (const leaf of list) tree.append(leaf);
  return tree;
}

test('the root over two leaves is the hash of both, and an odd last leaf goes up unchanged', () => {
  const [a, b, c] = leaves(3, 1) as [Uint8Array, Uint8Array, Uint8Array];
  assert.deepEqual(treeOf([a]).root(), a);
  assert.deepEqual([...treeOf([a, b]).root()], [...hashPair(a, b)]);
  assert.deepEqual([...treeOf([a, b, c]).root()], [...hashPair(hashPair(a, b), c)]);
});

test('a published vector: the root over the leaves SHA-256-sized 0, 1, 2', () => {
  // The vector of docs/formats/merkle-tree.md.
  const list = [0, 1, 2].map((byte) => new Uint8Array(32).fill(byte));
  const tree = treeOf(list);
  assert.equal(
    toHex(tree.root()),
    'a7f2fad943905535b10ccf63c832802ed84eaffb15e4fb6bee86a817c35eb833',
  );
  assert.equal(toHex(tree.serialise(2)).slice(0, 32), '00000000000000010000000000000002');
});

test('every root and path of every size equals the naive tree, forgotten leaves or not', () => {
  const list = leaves(70, 7);
  for (const forgotten of [0, 1, 13, 32, 33, 64, 70]) {
    const tree = treeOf(list);
    tree.forget(forgotten);
    for (let size = Math.max(1, forgotten); size <= list.length; size++) {
      const root = naiveRoot(list.slice(0, size));
      assert.ok(equalBytes(tree.root(size), root), `root of ${size}, forgotten ${forgotten}`);
      for (let index = forgotten; index < size; index++) {
        const path = tree.path(index, size);
        const naive = naivePath(list.slice(0, size), index);
        assert.equal(path.length, naive.length);
        assert.ok(path.every((step, at) => step.isLeft === naive[at]?.isLeft));
        assert.ok(equalBytes(foldPath(list[index] as Uint8Array, path), root));
      }
    }
  }
});

test('random commands leave the same tree as the naive model', () => {
  type Command = {
    readonly kind: 'append' | 'truncate' | 'forget' | 'restore';
    readonly n: number;
  };
  const command: fc.Arbitrary<Command> = fc.record({
    kind: fc.constantFrom('append', 'append', 'append', 'truncate', 'forget', 'restore'),
    n: fc.nat(60),
  });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), fc.nat(), (commands, seed) => {
      const random = new SeededRandom(seed);
      let tree = new MerkleTree();
      let model: Uint8Array[] = [];
      for (const { kind, n } of commands) {
        const held = model.length - tree.first;
        const at = tree.first + (held === 0 ? 0 : n % (held + 1));
        if (kind === 'append') {
          for (let i = 0; i < n; i++) {
            const leaf = random.bytes(32);
            tree.append(leaf);
            model.push(leaf);
          }
        } else if (kind === 'truncate') {
          tree.truncate(at);
          model = model.slice(0, at);
        } else if (kind === 'forget') tree.forget(at);
        else tree = MerkleTree.deserialise(tree.serialise(at));
        assert.equal(tree.size, model.length);
        if (model.length > 0) assert.ok(equalBytes(tree.root(), naiveRoot(model)));
      }
    }),
    { numRuns: 60 },
  );
});

test('a restored tree gives the roots, paths and serialised forms of the first one', () => {
  const list = leaves(45, 3);
  const tree = treeOf(list);
  for (let first = 0; first <= 45; first++) {
    const restored = MerkleTree.deserialise(tree.serialise(first));
    assert.deepEqual([...restored.root()], [...tree.root()]);
    assert.deepEqual([...restored.serialise(first)], [...tree.serialise(first)]);
    for (let index = first; index < 45; index++) {
      assert.deepEqual(restored.path(index), tree.path(index));
    }
  }
});

test('a serialised tree that is cut or grown is refused with a code', () => {
  const bytes = treeOf(leaves(9, 5)).serialise(5);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => MerkleTree.deserialise(bytes.subarray(0, length)), {
      code: 'InvalidMerkleTree',
    });
  }
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  assert.throws(() => MerkleTree.deserialise(longer), { code: 'InvalidMerkleTree' });
});

test('a flipped bit of a serialised tree is refused or changes what it serialises to', () => {
  const bytes = treeOf(leaves(9, 5)).serialise(5);
  const root = treeOf(leaves(9, 5)).root();
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice();
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    let tree: MerkleTree;
    try {
      tree = MerkleTree.deserialise(flipped);
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'InvalidMerkleTree');
      continue;
    }
    assert.ok(!equalBytes(tree.root(), root) || tree.size !== 9 || tree.first !== 5);
  }
});

test('a hostile count or index is refused before anything is allocated', () => {
  for (const hex of ['ffffffffffffffff', '0000000000200000']) {
    const bytes = fromHex(`${hex}0000000000000000`);
    assert.throws(() => MerkleTree.deserialise(bytes), { code: 'InvalidMerkleTree' });
    const first = fromHex(
      `0000000000000000${hex === 'ffffffffffffffff' ? hex : '7fffffffffffffff'}`,
    );
    assert.throws(() => MerkleTree.deserialise(first), { code: 'InvalidMerkleTree' });
  }
});

test('what was forgotten or never appended is a bug to ask for', () => {
  const tree = treeOf(leaves(10, 2));
  tree.forget(6);
  assert.throws(() => tree.path(5), { name: 'BugError' });
  assert.throws(() => tree.truncate(5), { name: 'BugError' });
  assert.throws(() => tree.serialise(5), { name: 'BugError' });
  assert.throws(() => tree.root(11), { name: 'BugError' });
  assert.throws(() => tree.append(new Uint8Array(31)), { name: 'BugError' });
  assert.throws(() => new MerkleTree().root(), { name: 'BugError' });
});

test('forgetting keeps memory in step with what is held', () => {
  const tree = new MerkleTree();
  const random = new SeededRandom(9);
  for (let at = 0; at < 20_000; at++) {
    tree.append(random.bytes(32));
    if (at % 100 === 99) tree.forget(at);
  }
  // Only the last leaves and the edge remain: the serialised form has both, and nothing else.
  assert.ok(tree.serialise(tree.first).length < 16 + 32 * 40);
});

test('a tree without a ledger becomes another one, and a tree with a ledger does not', () => {
  const list = leaves(9, 4);
  const own = treeOf(list.slice(0, 1));
  own.adopt(MerkleTree.deserialise(treeOf(list).serialise(5)));
  assert.deepEqual(own.root(), treeOf(list).root());
  assert.deepEqual([own.first, own.size], [5, 9]);
  own.append(list[0] as Uint8Array);
  assert.deepEqual(own.root(), treeOf([...list, list[0] as Uint8Array]).root());
  assert.throws(() => own.adopt(treeOf(list)), { name: 'BugError' });
});

test('serialised bytes say where they begin, and bytes that say nothing do not', () => {
  const tree = new MerkleTree();
  for (let at = 0; at < 9; at++) tree.append(new Uint8Array(32).fill(at));
  for (const first of [0, 1, 4, 9]) assert.equal(serialisedFirst(tree.serialise(first)), first);
  const bytes = tree.serialise(4);
  assert.equal(serialisedFirst(bytes.subarray(0, 15)), undefined);
  bytes.fill(0xff, 8, 16);
  assert.equal(serialisedFirst(bytes), undefined);
});
