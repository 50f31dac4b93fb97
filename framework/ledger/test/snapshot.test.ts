import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, fromHex, LedgerError, present, toHex, utf8Encode } from '@coco/base';
import { type ReadView, Store } from '@coco/kv';
import fc from 'fast-check';
import {
  decodeSnapshot,
  encodeSnapshot,
  formatSnapshotName,
  LedgerSecrets,
  parseSnapshotName,
  restoreSnapshot,
  SnapshotNonceGuard,
  verifySnapshot,
} from '../src/index.ts';
import { createIdentity, row, writes } from './sample-service.ts';
import { fileOf, runWhole, SnapshotSample } from './snapshot-sample.ts';

const identity = await createIdentity();
const bug = { name: 'BugError' };

function contentOf(view: ReadView): unknown {
  return view
    .mapNames()
    .map((name) => [
      name,
      [...view.map(name).range()].map(({ key, value, version }) => [
        toHex(key),
        toHex(value),
        version,
      ]),
    ]);
}

async function sample(): Promise<SnapshotSample> {
  const made = await SnapshotSample.create(identity);
  made.writeRows(40, 30);
  made.write(writes({ 'coco.private': [row('key 000003', undefined), row('key 000007', '')] }));
  await made.sign();
  return made;
}

test('what is encoded is read, and restores a store that is equal, tree included', async () => {
  const made = await sample();
  const snapshot = made.encode();
  const decoded = decodeSnapshot(fileOf(snapshot));
  assert.equal(decoded.seqno, made.store.committed);
  assert.deepEqual(decoded.digest, snapshot.digest);
  assert.equal(snapshot.size, decoded.entry.length);
  assert.deepEqual(decoded.viewStarts, [1, 1]);
  const store = new Store();
  const secret = made.service.secrets.secretFor(decoded.seqno);
  const tree = restoreSnapshot(decoded, { store, secret });
  const before = made.store.readAt(made.store.committed);
  assert.deepEqual(contentOf(store.readAt(decoded.seqno)), contentOf(before));
  assert.equal(tree.size, decoded.seqno + 1);
  // The restored tree gives the root that the service signs next.
  made.write(writes({ 'coco.private': [row('later', 'row')] }));
  const entry = present(made.service.entries.at(-1), 'an entry was appended');
  tree.append(entry.leaf);
  const pending = made.service.sequencer.closeBatch(1_767_225_700);
  assert.deepEqual(toHex(tree.root()), toHex(pending.root));
});

test('without the secret the public part is restored, and nothing else', async () => {
  const made = await sample();
  const store = new Store();
  restoreSnapshot(decodeSnapshot(fileOf(made.encode())), { store });
  const view = store.readAt(store.seqno);
  assert.ok(view.mapNames().every((name) => name.startsWith('public:')));
  assert.equal(view.map('public:coco.open').size, 40);
});

test('the bytes are a function of state and secret, whatever the store went through', async () => {
  const made = await sample();
  const first = made.encode();
  const store = new Store();
  const secret = made.service.secrets.secretFor(first.seqno);
  restoreSnapshot(decodeSnapshot(fileOf(first)), { store, secret });
  const source = { ...made.source(), state: store.readAt(store.seqno) };
  const again = runWhole(encodeSnapshot({ secret, guard: new SnapshotNonceGuard() }, source));
  assert.deepEqual(toHex(fileOf(again)), toHex(fileOf(first)));
});

test('a nonce is used for one snapshot: the next is of a higher seqno', async () => {
  const made = await sample();
  made.encode();
  assert.throws(() => made.encode(), bug);
  made.writeRows(1, 10);
  await made.sign();
  made.encode();
  const secret = made.service.secrets.secretFor(asSeqno(1));
  assert.throws(() => made.guard.useSnapshot(secret, asSeqno(3)), bug);
});

test('the state is read in pages while the store goes on, and each step is short', async () => {
  const made = await sample();
  made.writeRows(3000, 60);
  await made.sign();
  const held = made.store.hold(made.store.committed);
  const secret = made.service.secrets.secretFor(held.state.seqno);
  const sealer = { secret, guard: made.guard };
  const steps = encodeSnapshot(sealer, { ...made.source(), state: held.state });
  let stepCount = 0;
  for (;;) {
    const step = steps.next();
    if (step.done) {
      const store = new Store();
      restoreSnapshot(decodeSnapshot(fileOf(step.value)), { store, secret: sealer.secret });
      assert.deepEqual(contentOf(store.readAt(store.seqno)), contentOf(held.state));
      break;
    }
    stepCount++;
    const changed = `key ${String(stepCount * 37).padStart(6, '0')}`;
    made.store.apply(writes({ 'coco.private': [row(changed, stepCount % 2 ? 'new' : undefined)] }));
    made.store.seal();
    made.store.commit(made.store.seqno);
  }
  // Two maps of 3,000 rows, 512 a page, three times over: read, encrypted, hashed.
  assert.ok(stepCount >= 24, `${stepCount} steps`);
  held.release();
});

test('a committed file is verified by the service’s identity, and a changed one is not', async () => {
  const made = await sample();
  const snapshot = made.encode();
  const receipt = await made.receiptFor(snapshot);
  const file = fileOf(snapshot, receipt);
  const decoded = decodeSnapshot(file);
  const verified = await verifySnapshot(decoded, identity.certificatePem);
  assert.ok(verified.transactionId.seqno > decoded.seqno);
  const other = await createIdentity();
  await assert.rejects(verifySnapshot(decoded, other.certificatePem), {
    code: 'ReceiptKeyMismatch',
  });
  const bare = decodeSnapshot(fileOf(snapshot));
  await assert.rejects(verifySnapshot(bare, identity.certificatePem), { code: 'InvalidInput' });
  // A receipt of a transaction before the snapshot cannot be of its evidence.
  const older = { ...decoded, seqno: verified.transactionId.seqno };
  await assert.rejects(verifySnapshot(older, identity.certificatePem), { code: 'InvalidInput' });
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: file.length - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
      const changed = file.slice();
      changed[at] = (changed[at] as number) ^ (1 << bit);
      await assert.rejects(async () => {
        await verifySnapshot(decodeSnapshot(changed), identity.certificatePem);
      }, LedgerError);
    }),
    { numRuns: 200 },
  );
});

test('every truncated or flipped entry is refused with a code, by form or by its tag', async () => {
  const made = await sample();
  const file = fileOf(made.encode());
  const secret = made.service.secrets.secretFor(made.store.committed);
  const read = (bytes: Uint8Array): void => {
    const decoded = decodeSnapshot(bytes);
    restoreSnapshot(decoded, { store: new Store(), secret });
  };
  read(file);
  for (let length = 0; length < file.length; length += 1 + (length % 97)) {
    assert.throws(() => read(file.subarray(0, length)), LedgerError, `${length} bytes`);
  }
  fc.assert(
    fc.property(fc.nat({ max: file.length - 1 }), fc.nat({ max: 7 }), (at, bit) => {
      const changed = file.slice();
      changed[at] = (changed[at] as number) ^ (1 << bit);
      assert.throws(() => read(changed), LedgerError);
    }),
    { numRuns: 300 },
  );
});

test('a snapshot under another secret does not open, and one without a tree is refused', async () => {
  const made = await sample();
  const decoded = decodeSnapshot(fileOf(made.encode()));
  const other = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32).fill(9) }]);
  const secret = other.secretFor(asSeqno(1));
  assert.throws(() => restoreSnapshot(decoded, { store: new Store(), secret }), {
    code: 'DecryptionFailed',
  });
  const store = new Store();
  store.apply(writes({ 'public:a': [row('key', 'value')] }));
  const bare = encodeBare(store);
  assert.throws(() => restoreSnapshot(decodeSnapshot(bare), { store: new Store() }), {
    code: 'InvalidInput',
  });
});

const vectorKey = fromHex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');

function encodeBare(store: Store): Uint8Array {
  const secrets = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: vectorKey }]);
  const sealer = { secret: secrets.secretFor(asSeqno(1)), guard: new SnapshotNonceGuard() };
  const source = {
    state: store.readAt(store.seqno),
    leaf: new Uint8Array(32).fill(0xaa),
    viewStarts: [asSeqno(1), asSeqno(1)],
  };
  return fileOf(runWhole(encodeSnapshot(sealer, source)));
}

test('the vector of docs/formats/snapshot.md', () => {
  const store = new Store();
  store.skip(asSeqno(6));
  const key = utf8Encode('key');
  store.apply({
    maps: [
      {
        name: 'coco.records',
        rows: [{ key: utf8Encode('account'), value: utf8Encode('private') }],
      },
      { name: 'public:coco.sample', rows: [{ key, value: utf8Encode('value') }] },
    ],
  });
  const bytes = encodeBare(store);
  assert.equal(bytes.length, 283);
  const start =
    '01001301000000007d043eddee64dad94bb9ab07da35166f070000000000000000000080a300000000000000';
  assert.equal(toHex(bytes.subarray(0, 44)), start);
  const digest = 'f938f39f8d0b342d9f4b0364df46b5e5e32b19b20157308cc7210b0ef3605aa9';
  assert.equal(toHex(decodeSnapshot(bytes).digest), digest);
});

test('names of snapshot files', () => {
  const name = { seqno: asSeqno(20), evidenceSeqno: asSeqno(21), isCommitted: true };
  assert.equal(formatSnapshotName(name), 'snapshot_20_21.committed');
  assert.deepEqual(parseSnapshotName('snapshot_20_21.committed'), name);
  assert.deepEqual(parseSnapshotName('snapshot_20_21'), { ...name, isCommitted: false });
  for (const text of [
    'snapshot_21_20.committed',
    'snapshot_20_20',
    'snapshot_020_21',
    'snapshot_0_21',
    'snapshot_20',
    'snapshot_20_21.ignored',
    'snapshot_20_21.committed.extra',
    '../snapshot_20_21',
    'snapshot.writing',
    'snapshot_1_9999999999999999999',
  ]) {
    assert.equal(parseSnapshotName(text), undefined, text);
  }
});
