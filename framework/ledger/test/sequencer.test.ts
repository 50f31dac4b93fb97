import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, concatBytes, MemoryDisk } from '@coco/base';
import { sha256, verifySignature } from '@coco/crypto';
import {
  createLedgerTree,
  decodeEntry,
  LedgerSecrets,
  NonceGuard,
  parseSignatureEntry,
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
const bug = { name: 'BugError' };
const seconds = testTimeMs / 1000;

function sample(options: { readonly chunkBytes?: number } = {}): Promise<SampleService> {
  return SampleService.create({ disk: new MemoryDisk(), identity, ...options });
}

const some = writes({ records: [row('key', 'value')] });

test('a batch is its entries back to back with its signature entry, and its digest', async () => {
  const service = await sample();
  const entries = [service.append(some), service.append(some)];
  const pending = service.sequencer.closeBatch(seconds);
  assert.deepEqual(pending.id, { view: 2, seqno: 3 });
  const batch = service.sequencer.completeBatch(identity.key.sign(pending.input));
  assert.equal(batch.firstSeqno, 1);
  assert.equal(batch.entryCount, 3);
  assert.deepEqual([...batch.digest], [...sha256(batch.body)]);
  const signatureBytes = batch.body
    .subarray(entries[0]?.bytes.length)
    .subarray(entries[1]?.bytes.length);
  const joined = concatBytes(...entries.map(({ bytes }) => bytes), signatureBytes);
  assert.deepEqual([...batch.body], [...joined]);
  const signature = parseSignatureEntry(decodeEntry(signatureBytes));
  assert.deepEqual(signature.id, pending.id);
  const { input, root } = pending;
  assert.deepEqual(root, batch.root);
  const { spki } = identity.key;
  assert.ok(verifySignature({ spki, input, signature: signature.cose.signature }));
});

test('entries appended while a signature is made follow it, and their leaves wait for it', async () => {
  const slow = await sample();
  slow.append(some);
  const pending = slow.sequencer.closeBatch(seconds);
  const behind = slow.append(some);
  assert.equal(behind.id.seqno, 3);
  const first = slow.sequencer.completeBatch(identity.key.sign(pending.input));
  const second = slow.seal();
  assert.equal(first.entryCount, 2);
  assert.equal(second.firstSeqno, 3);
  // The same entries without anything in between give the same root at the same place.
  const plain = await sample();
  plain.append(some);
  const closing = plain.sequencer.closeBatch(seconds);
  assert.deepEqual(closing.root, pending.root);
});

test('one signature is in the making at a time, and a batch holds entries', async () => {
  const { sequencer } = await sample();
  assert.throws(() => sequencer.closeBatch(seconds), bug);
  assert.throws(() => sequencer.completeBatch(new Uint8Array(64)), bug);
  sequencer.append(some);
  sequencer.closeBatch(seconds);
  assert.throws(() => sequencer.closeBatch(seconds), bug);
});

test('a signature serialises the tree from the last committed signature known', async () => {
  const service = await sample();
  const firsts: number[] = [];
  for (let batch = 0; batch < 4; batch++) {
    service.append(some);
    const { body, signatureId } = service.seal();
    const at = body.length - lastEntryLength(body);
    const { treeBytes } = parseSignatureEntry(decodeEntry(body.subarray(at)));
    firsts.push(Number(new DataView(treeBytes.buffer, treeBytes.byteOffset).getBigUint64(8)));
    if (batch === 1) service.sequencer.commit(signatureId.seqno);
  }
  assert.deepEqual(firsts, [0, 0, 4, 4]);
});

function lastEntryLength(body: Uint8Array): number {
  let at = 0;
  let size = 0;
  while (at < body.length) {
    size = 8 + new DataView(body.buffer, body.byteOffset + at).getUint32(2, true);
    at += size;
  }
  return size;
}

test('a chunk ends at the first signature at or above its bytes, or when forced', async () => {
  const service = await sample({ chunkBytes: 3000 });
  const ends: boolean[] = [];
  for (let batch = 0; batch < 8; batch++) {
    service.write(2);
    if (batch === 6) service.sequencer.forceChunk();
    ends.push(service.seal().isChunkEnd);
  }
  assert.ok(ends.includes(true) && ends.includes(false));
  assert.equal(ends[6], true);
  assert.equal(ends[7], false);
});

test('a chunk that was forced is not, once what forced it is rolled back', async () => {
  for (const isClosed of [false, true]) {
    const service = await sample();
    const { sequencer } = service;
    service.append(some);
    const { seqno } = service.seal().signatureId;
    sequencer.commit(seqno);
    service.append(some);
    sequencer.forceChunk();
    if (isClosed) sequencer.closeBatch(seconds);
    sequencer.rollback({ to: seqno, view: asView(3) });
    sequencer.startView(asView(3));
    assert.equal(service.seal().isChunkEnd, false);
    service.append(some);
    assert.equal(service.seal().isChunkEnd, false);
  }
});

test('a rollback begins a view with a signature alone, at the next seqno', async () => {
  const service = await sample();
  service.append(some);
  const kept = service.seal().signatureId.seqno;
  service.sequencer.commit(kept);
  service.append(some);
  service.seal();
  service.append(some);
  service.sequencer.closeBatch(seconds);
  service.sequencer.rollback({ to: kept, view: asView(5) });
  assert.equal(service.sequencer.opensView, true);
  assert.equal(service.sequencer.pendingSignature, undefined);
  assert.throws(() => service.append(some), bug);
  const opening = service.seal();
  assert.deepEqual(opening.signatureId, { view: 5, seqno: kept + 1 });
  assert.equal(opening.entryCount, 1);
  assert.equal(service.append(some).id.seqno, kept + 2);
});

test('no rollback keeps the view, goes below what is committed, or cuts a batch', async () => {
  const service = await sample();
  service.append(some);
  const { seqno } = service.seal().signatureId;
  service.sequencer.commit(seqno);
  service.append(some);
  service.append(some);
  service.seal();
  const { sequencer } = service;
  assert.throws(() => sequencer.rollback({ to: seqno, view: asView(2) }), bug);
  assert.throws(() => sequencer.rollback({ to: asSeqno(1), view: asView(3) }), bug);
  assert.throws(() => sequencer.rollback({ to: asSeqno(3), view: asView(3) }), bug);
  assert.throws(() => sequencer.commit(asSeqno(3)), bug);
});

test('the nonce rule holds across a rollback: ids are new because the view is', async () => {
  const service = await sample();
  service.append(some);
  const { seqno } = service.seal().signatureId;
  service.sequencer.commit(seqno);
  service.append(some);
  service.sequencer.rollback({ to: seqno, view: asView(3) });
  service.seal();
  // A second sequencer that goes on in the old view with the same guard is caught at once.
  const tree = createLedgerTree();
  for (let leaf = 1; leaf <= seqno; leaf++) tree.append(new Uint8Array(32));
  const { secrets, guard } = service;
  const signer = signerOf(identity);
  const options = { start: 'view', tree, secrets, guard, signer, committed: seqno } as const;
  const stale = new Sequencer({ ...options, view: asView(2) });
  assert.throws(() => stale.closeBatch(seconds), bug);
});

test('a recovered service never writes under the secret of the lost one', () => {
  const key = new Uint8Array(32).fill(3);
  const build = (fromSeqno: number) => {
    const tree = createLedgerTree();
    tree.append(new Uint8Array(32));
    return new Sequencer({
      view: asView(4),
      start: 'recovery',
      tree,
      secrets: new LedgerSecrets([{ fromSeqno: asSeqno(fromSeqno), key }]),
      guard: new NonceGuard(),
      signer: signerOf(identity),
      committed: asSeqno(1),
    });
  };
  assert.throws(() => build(1), bug);
  assert.equal(build(2).nextSeqno, 2);
});

test('a transaction that is too large changes nothing', async () => {
  const service = await sample();
  const huge = writes({ records: [row('key', new Uint8Array(64 * 1024 * 1024))] });
  assert.throws(() => service.append(huge), { code: 'EntryTooLarge' });
  assert.equal(service.append(some).id.seqno, 1);
  assert.equal(service.seal().entryCount, 2);
});

test('an open batch that is full takes no more, and takes again when it has closed', async () => {
  const service = await sample();
  const large = writes({ records: [row('key', new Uint8Array(50 * 1024 * 1024))] });
  for (let at = 0; at < 3; at++) service.append(large);
  assert.throws(() => service.append(some), { code: 'BatchFull' });
  service.seal();
  assert.equal(service.append(some).id.seqno, 5);
});
