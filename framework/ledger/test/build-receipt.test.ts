import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, MemoryDisk, SeededRandom } from '@coco/base';
import { verifyReceipt } from '@coco/receipt';
import { buildReceipt, entryId } from '../src/index.ts';
import { createIdentity, SampleService } from './sample-service.ts';

const identity = await createIdentity();
const service = await SampleService.create({ disk: new MemoryDisk(), identity, chunkBytes: 4000 });
await service.open();
for (let batch = 0; batch < 3; batch++) {
  service.write(6);
  await service.sign();
}
await service.elect(asView(3), service.sequencer.committed);
service.write(3);
await service.sign();

async function partsOf(seqno: number) {
  const [entryBytes = new Uint8Array(0)] = await service.files.readEntries(
    asSeqno(seqno),
    asSeqno(seqno),
  );
  const signatureEntryBytes = await service.files.readBatchSignature(asSeqno(seqno));
  const secret = service.secrets.secretFor(asSeqno(seqno)).key;
  return { id: entryId(entryBytes), entryBytes, signatureEntryBytes, secret };
}

test('every entry has a receipt that verifies offline and names its id and claims', async () => {
  for (const { id, claimsDigest } of service.entries) {
    const receipt = buildReceipt(await partsOf(id.seqno));
    const serviceIdentity = identity.certificatePem;
    const verified = await verifyReceipt({ receipt, serviceIdentity, claimsDigest });
    assert.deepEqual(verified.transactionId, id);
    const covering = service.batches.find(({ signatureId }) => signatureId.seqno > id.seqno);
    assert.deepEqual(verified.signatureId, covering?.signatureId);
    assert.deepEqual([...verified.root], [...(covering?.root ?? [])]);
    const otherClaims = new Uint8Array(32).fill(1);
    await assert.rejects(verifyReceipt({ receipt, serviceIdentity, claimsDigest: otherClaims }));
  }
});

test('a signature entry has no receipt', async () => {
  const seqno = service.batches[0]?.signatureId.seqno ?? 0;
  const parts = await partsOf(seqno);
  assert.throws(() => buildReceipt(parts), { code: 'ReceiptUnavailable' });
});

test('an entry that its signature does not cover gets no receipt', async () => {
  const [early, late] = [await partsOf(5), await partsOf(12)];
  const { signatureEntryBytes } = late;
  assert.throws(() => buildReceipt({ ...early, signatureEntryBytes }), { code: 'LedgerDamaged' });
  const wrongWay = { ...late, signatureEntryBytes: early.signatureEntryBytes };
  assert.throws(() => buildReceipt(wrongWay), { code: 'LedgerDamaged' });
  const notOne = { ...early, signatureEntryBytes: late.entryBytes };
  assert.throws(() => buildReceipt(notOne), { code: 'LedgerDamaged' });
});

test('a batch of a lost view, which the host kept, gives no receipt for what took its place', async () => {
  const own = await SampleService.create({ disk: new MemoryDisk(), identity });
  await own.open();
  const read = async (seqno: number) => {
    const [entryBytes = new Uint8Array(0)] = await own.files.readEntries(
      asSeqno(seqno),
      asSeqno(seqno),
    );
    const signatureEntryBytes = await own.files.readBatchSignature(asSeqno(seqno));
    return { entryBytes, signatureEntryBytes, secret: own.secrets.secretFor(asSeqno(seqno)).key };
  };
  const kept = own.sequencer.committed;
  own.write(2);
  await own.files.append([own.seal()]);
  await own.files.flush();
  const lost = await read(kept + 2);
  await own.elect(asView(3), kept);
  own.write(2);
  await own.sign();
  const committed = await read(kept + 2);
  const id = entryId(committed.entryBytes);
  assert.notDeepEqual(id, entryId(lost.entryBytes));
  assert.ok(buildReceipt({ id, ...committed }).length > 0);
  assert.throws(() => buildReceipt({ id, ...lost }), { code: 'LedgerDamaged' });
});

test('a wrong ledger secret makes no receipt', async () => {
  const parts = await partsOf(5);
  assert.throws(() => buildReceipt({ ...parts, secret: new Uint8Array(32) }), {
    code: 'LedgerDamaged',
  });
});

test('an entry or signature that the host changed makes no receipt that verifies', async () => {
  const parts = await partsOf(6);
  const { claimsDigest } = service.entries.find(({ id }) => id.seqno === 6) ?? {};
  const random = new SeededRandom(4);
  for (const field of ['entryBytes', 'signatureEntryBytes'] as const) {
    for (let round = 0; round < 60; round++) {
      const bytes = parts[field].slice();
      const at = random.below(bytes.length);
      bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
      let receipt: Uint8Array;
      try {
        receipt = buildReceipt({ ...parts, [field]: bytes });
      } catch (error) {
        const { code } = error as { code?: string };
        assert.ok(code === 'LedgerDamaged' || code === 'ReceiptUnavailable', String(error));
        continue;
      }
      // Only bytes that no receipt holds may differ: the entry of the signature is not proven
      // itself.
      assert.equal(field, 'signatureEntryBytes');
      const serviceIdentity = identity.certificatePem;
      await verifyReceipt({ receipt, serviceIdentity, claimsDigest: claimsDigest ?? bytes }).then(
        (verified) => assert.equal(verified.transactionId.seqno, 6),
        (error: { code?: string }) => assert.ok(error.code, String(error)),
      );
    }
  }
});
