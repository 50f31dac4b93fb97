import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, MemoryDisk, type Seqno } from '@coco/base';
import {
  type Batch,
  createLedgerTree,
  LedgerSecrets,
  NonceGuard,
  openBatch,
  Sequencer,
} from '../src/index.ts';
import {
  createIdentity,
  row,
  SampleService,
  signerOf,
  testTimeMs,
  writes,
} from './sample-service.ts';

const identity = await createIdentity();
const other = await createIdentity();
const unverified = { code: 'BatchUnverified' };
const seconds = testTimeMs / 1000 + 1;

/** A primary and its first batches. */
async function primary(): Promise<SampleService> {
  const service = await SampleService.create({ disk: new MemoryDisk(), identity });
  service.append(writes({ 'coco.records': [row('a', '1')] }));
  service.seal();
  return service;
}

/** A node that begins after the creating batch. */
function backup(service: SampleService, secrets: LedgerSecrets = copyOf(service.secrets)) {
  const tree = createLedgerTree();
  const [first] = service.batches as [Batch];
  const opened = openBatch(first, secrets);
  for (const { leaf } of opened.entries) tree.append(leaf);
  tree.append(opened.signatureLeaf);
  const sequencer = new Sequencer({
    view: asView(2),
    lastView: asView(2),
    start: 'view',
    tree,
    secrets,
    guard: new NonceGuard(),
    signer: signerOf(identity),
    committed: first.signatureId.seqno,
  });
  return { sequencer, secrets };
}

function copyOf(secrets: LedgerSecrets): LedgerSecrets {
  return new LedgerSecrets(secrets.chain.map(({ fromSeqno, key }) => ({ fromSeqno, key })));
}

function last(service: SampleService): Batch {
  return service.batches.at(-1) as Batch;
}

test('a backup holds what the primary wrote, and goes on from it as the primary', async () => {
  const service = await primary();
  const { sequencer, secrets } = backup(service);
  for (let count = 0; count < 3; count++) {
    service.write(2 + count);
    service.seal();
    const opened = openBatch(last(service), secrets);
    assert.deepEqual(
      opened.entries.map(({ writeSet }) => writeSet.maps.length > 0),
      opened.entries.map(() => true),
    );
    sequencer.follow(opened, identity.key.spki);
  }
  assert.equal(sequencer.nextSeqno, service.sequencer.nextSeqno);
  assert.equal(sequencer.committed, last(service).signatureId.seqno);
  sequencer.startView(asView(3));
  const { root, id } = sequencer.closeBatch(seconds);
  assert.deepEqual(id, { view: 3, seqno: service.sequencer.nextSeqno });
  service.sequencer.rollback({ to: last(service).signatureId.seqno, view: asView(4) });
  assert.deepEqual(service.sequencer.closeBatch(seconds).root, root, 'the trees are one');
});

test('a backup follows trees that begin at the last commit, before it, and where it forgot', async () => {
  const service = await primary();
  const one = backup(service);
  const two = backup(service);
  const from: Batch[] = [];
  for (let count = 0; count < 6; count++) {
    service.write(3);
    from.push(service.seal());
    // The commit of a batch comes when the next one, or the one behind it, is closed already.
    const committed = from.at(count % 3 === 0 ? -3 : count % 3 === 1 ? -2 : -1);
    if (committed) service.sequencer.commit(committed.signatureId.seqno);
  }
  for (const batch of from) one.sequencer.follow(openBatch(batch, one.secrets), identity.key.spki);
  assert.equal(one.sequencer.nextSeqno, service.sequencer.nextSeqno);
  const opened = openBatch(from[0] as Batch, two.secrets);
  const treeBytes = opened.signature.treeBytes.slice();
  treeBytes[treeBytes.length - 1] = (treeBytes.at(-1) as number) ^ 1;
  const changed = { ...opened, signature: { ...opened.signature, treeBytes } };
  assert.throws(() => two.sequencer.follow(changed, identity.key.spki), unverified);
});

test('a deposed primary follows what it wrote itself and what its successor wrote', async () => {
  const service = await primary();
  const successor = backup(service);
  service.sequencer.commit(last(service).signatureId.seqno);
  service.write(1);
  const mine = service.seal();
  service.write(1);
  service.seal();
  service.sequencer.rollback({ to: service.sequencer.committed, view: asView(3) });
  const opened = openBatch(mine, successor.secrets);
  service.sequencer.follow(opened, identity.key.spki);
  successor.sequencer.follow(opened, identity.key.spki);
  successor.sequencer.startView(asView(3));
  const pending = successor.sequencer.closeBatch(seconds);
  const opening = successor.sequencer.completeBatch(identity.key.sign(pending.input));
  service.sequencer.follow(openBatch(opening, service.secrets), identity.key.spki);
  service.sequencer.startView(asView(4));
  assert.throws(() => service.sequencer.startView(asView(3)), { name: 'BugError' });
});

test('a backup refuses a batch that another key signed, and one of another tree', async () => {
  const service = await primary();
  service.write(1);
  const pending = service.sequencer.closeBatch(seconds);
  const forged = service.sequencer.completeBatch(other.key.sign(pending.input));
  const one = backup(service);
  const opened = openBatch(forged, one.secrets);
  assert.throws(() => one.sequencer.follow(opened, identity.key.spki), unverified);

  const twin = await primary();
  twin.write(1);
  const elsewhere = openBatch(twin.seal(), copyOf(twin.secrets));
  const two = backup(service);
  assert.throws(() => two.sequencer.follow(elsewhere, identity.key.spki), unverified);
});

test('a view that does not begin with a signature alone, or goes down, is refused', async () => {
  const service = await primary();
  const { sequencer, secrets } = backup(service);
  service.sequencer.commit(last(service).signatureId.seqno);
  service.sequencer.rollback({ to: service.sequencer.committed, view: asView(5) });
  service.seal();
  const opening = openBatch(last(service), secrets);
  service.write(1);
  const first = openBatch(service.seal(), secrets);
  assert.throws(
    () => sequencer.follow({ ...first, firstSeqno: opening.firstSeqno }, identity.key.spki),
    unverified,
  );
  const again = backup(service).sequencer;
  again.follow(opening, identity.key.spki);
  const low = { ...first, view: asView(4) };
  assert.throws(() => again.follow(low, identity.key.spki), unverified);
});

test('every changed byte of a batch is refused when it is opened or followed', async () => {
  const service = await primary();
  service.write(2);
  const batch = service.seal();
  for (let at = 0; at < batch.body.length; at += 7) {
    const body = batch.body.slice();
    body[at] = (body[at] as number) ^ 0x41;
    assert.throws(() => {
      const { sequencer, secrets } = backup(service);
      sequencer.follow(openBatch({ ...batch, body }, secrets), identity.key.spki);
    }, unverified);
  }
  const { secrets } = backup(service);
  for (const body of [batch.body.subarray(0, -1), new Uint8Array(batch.body.length + 3)]) {
    assert.throws(() => openBatch({ ...batch, body }, secrets), unverified);
  }
  const firstSeqno = asSeqno(batch.firstSeqno + 1);
  assert.throws(() => openBatch({ ...batch, firstSeqno }, secrets), unverified);
  assert.throws(() => openBatch({ ...batch, entryCount: 2 }, secrets), unverified);
});

test('an entry may bring the secret of those behind it, and nothing opens without one', async () => {
  const service = await primary();
  const before = copyOf(service.secrets);
  const next: { fromSeqno: Seqno; key: Uint8Array } = {
    fromSeqno: asSeqno(service.sequencer.nextSeqno + 1),
    key: new Uint8Array(32).fill(9),
  };
  service.write(1);
  service.secrets.add(next.fromSeqno, next.key);
  service.write(2);
  const batch = service.seal();
  assert.throws(() => openBatch(batch, copyOf(before)), unverified);
  const opened = openBatch(batch, before, ({ id }) => {
    if (id.seqno === next.fromSeqno - 1) before.add(next.fromSeqno, next.key);
  });
  assert.equal(opened.entries.length, 3);
  assert.throws(() => openBatch(batch, new LedgerSecrets()), unverified);
});
