import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, LedgerError, MemoryDisk, SeededRandom, type Seqno } from '@coco/base';
import fc from 'fast-check';
import { auditLedger, createLedgerFiles, readBatches, recoverLedger } from '../src/index.ts';
import { FailingDisk } from './failing-disk.ts';
import { createIdentity, SampleService } from './sample-service.ts';

const identity = await createIdentity();
const folder = 'ledger';

async function sample(disk: MemoryDisk | FailingDisk, chunkBytes = 4000): Promise<SampleService> {
  const service = await SampleService.create({ disk, identity, chunkBytes });
  await service.open();
  return service;
}

test('entries are read back as they were written, from every chunk and range', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk);
  for (let batch = 0; batch < 6; batch++) {
    service.write(7);
    await service.sign();
  }
  const { files } = service;
  assert.ok(files.fileNames.length > 3);
  const last = files.next - 1;
  const all = await files.readEntries(asSeqno(1), asSeqno(last));
  assert.equal(all.length, last);
  for (const { id, bytes } of service.entries) assert.deepEqual(all[id.seqno - 1], bytes);
  for (let first = 1; first <= last; first += 5) {
    const part = await files.readEntries(asSeqno(first), asSeqno(Math.min(last, first + 6)));
    assert.deepEqual(part, all.slice(first - 1, first + 6));
  }
});

test('a read stops at its byte limit, but gives one entry at least', async () => {
  const service = await sample(new MemoryDisk());
  service.write(20);
  await service.sign();
  const { files } = service;
  const all = await files.readEntries(asSeqno(1), asSeqno(files.next - 1));
  for (const limit of [1, 600, 2000, 5000]) {
    const some = await files.readEntries(asSeqno(1), asSeqno(files.next - 1), limit);
    const bytes = some.reduce((sum, entry) => sum + entry.length, 0);
    assert.ok(some.length === 1 || bytes <= limit, `${limit}`);
    assert.deepEqual(some, all.slice(0, some.length));
  }
});

test('what is not there is refused', async () => {
  const { files } = await sample(new MemoryDisk());
  const past = files.next;
  await assert.rejects(files.readEntries(past, past), { code: 'EntryNotFound' });
  await assert.rejects(files.readEntries(asSeqno(0), asSeqno(1)), { code: 'EntryNotFound' });
  await assert.rejects(files.readBatchSignature(asSeqno(past - 1)), { code: 'ReceiptUnavailable' });
  await assert.rejects(
    createLedgerFiles({ disk: new MemoryDisk(), folder }).then((empty) =>
      empty.readEntries(asSeqno(1), asSeqno(1)),
    ),
    {
      code: 'EntryNotFound',
    },
  );
});

test('files of a node that began from a snapshot hold what follows it, and nothing before', async () => {
  const service = await sample(new MemoryDisk());
  for (let batch = 0; batch < 4; batch++) {
    service.write(9);
    await service.sign();
  }
  const { files } = service;
  const snapshot = asSeqno(files.signatureAfter(asSeqno(3)) ?? 0);
  const end = asSeqno(files.next - 1);
  const behind = await files.readEntries(asSeqno(snapshot + 1), end);
  const disk = new MemoryDisk();
  const joined = await createLedgerFiles({ disk, folder });
  await joined.startAfter(snapshot);
  assert.equal(joined.committed, snapshot);
  const body = Buffer.concat(behind);
  await joined.append([{ firstSeqno: joined.next, body }]);
  await joined.commit(end);
  assert.deepEqual(await joined.readEntries(asSeqno(snapshot + 1), end), behind);
  assert.deepEqual(await disk.list(folder), [`ledger_${snapshot + 1}`]);
  await assert.rejects(joined.readEntries(snapshot, end), { code: 'EntryNotFound' });
  await assert.rejects(joined.readBatchSignature(snapshot), { code: 'EntryNotYetHere' });
  await assert.rejects(joined.startAfter(end), { name: 'BugError' });
});

test('names follow the life of a chunk: open, complete, committed', async () => {
  const service = await sample(new MemoryDisk(), 1_000_000);
  const { files, sequencer } = service;
  assert.deepEqual(files.fileNames, ['ledger_1']);
  service.write(3);
  sequencer.forceChunk();
  const batch = service.seal();
  await files.append([batch]);
  await files.flush();
  assert.deepEqual(files.fileNames, ['ledger_1-8']);
  service.write(1);
  await files.append([service.seal()]);
  assert.deepEqual(files.fileNames, ['ledger_1-8', 'ledger_9']);
  await service.commit(batch.signatureId.seqno);
  assert.deepEqual(files.fileNames, ['ledger_1-8.committed', 'ledger_9']);
});

test('truncation reopens a complete chunk and removes later ones', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk, 1_000_000);
  const { files, sequencer } = service;
  const kept = sequencer.committed;
  for (let batch = 0; batch < 3; batch++) {
    service.write(4);
    sequencer.forceChunk();
    await files.append([service.seal()]);
    await files.flush();
  }
  assert.equal(files.fileNames.length, 3);
  await service.elect(asView(3), kept);
  assert.deepEqual(files.fileNames, ['ledger_1']);
  service.write(2);
  await service.sign();
  const report = await auditLedger({ disk, folder, secrets: service.secrets });
  assert.deepEqual(report.findings, []);
  assert.deepEqual(report.lastSigned, service.batches.at(-1)?.signatureId);
  assert.deepEqual(report.views, [
    { view: 2, firstSeqno: 1 },
    { view: 3, firstSeqno: kept + 1 },
  ]);
});

test('a new ledger is refused in a folder that holds one', async () => {
  const disk = new MemoryDisk();
  await sample(disk);
  await assert.rejects(createLedgerFiles({ disk, folder }), { code: 'LedgerNotEmpty' });
});

test('the new folder is made durable in its parent', async () => {
  for (const [path, parent] of [
    ['ledger', '.'],
    ['data/node/ledger', 'data/node'],
  ] as const) {
    const memory = new MemoryDisk();
    const synced: string[] = [];
    const disk = Object.create(memory, {
      makeFolder: { value: async (name: string) => void synced.push(`made ${name}`) },
      syncFolder: { value: async (name: string) => void synced.push(name) },
      list: { value: async () => [] },
    });
    await createLedgerFiles({ disk, folder: path });
    assert.deepEqual(synced, [`made ${path}`, parent]);
  }
});

test('after a failed write every later one is refused, and reads go on', async () => {
  const disk = new FailingDisk(new MemoryDisk());
  const service = await sample(disk);
  service.write(2);
  const batch = service.seal();
  disk.changesLeft = 0;
  await assert.rejects(service.files.append([batch]), { code: 'DiskFault' });
  disk.changesLeft = Number.POSITIVE_INFINITY;
  await assert.rejects(service.files.flush(), { code: 'LedgerUnwritable' });
  await assert.rejects(service.files.append([batch]), { code: 'LedgerUnwritable' });
  assert.equal((await service.files.readEntries(asSeqno(1), asSeqno(2))).length, 2);
});

test('a full disk poisons the files, and what was flushed is read back', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk);
  const { seqno } =
    service.sequencer.view > 0 ? { seqno: service.sequencer.committed } : { seqno: 0 };
  disk.spaceBytes = 100;
  service.write(5);
  await assert.rejects(service.files.append([service.seal()]), { code: 'DiskFull' });
  await assert.rejects(service.files.flush(), { code: 'LedgerUnwritable' });
  const recovered = await recoverLedger({ disk, folder });
  assert.equal(recovered.lastId.seqno, seqno);
});

test('a changed file is found by a read, with file and seqno', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk, 1_000_000);
  service.write(3);
  service.sequencer.forceChunk();
  await service.sign();
  const [name] = service.files.fileNames;
  const file = await disk.open(`${folder}/${name}`, { create: false });
  const size = await file.size();
  // The position of entry 4, moved into the middle of an entry; then a position past the table.
  await file.write(size - 8 * 4 + 3 * 4, Uint8Array.of(9, 0, 0, 0));
  await assert.rejects(service.files.readEntries(asSeqno(3), asSeqno(4)), (error: LedgerError) => {
    assert.equal(error.code, 'LedgerDamaged');
    assert.equal(error.metadata.file, name);
    assert.ok(Number(error.metadata.seqno) >= 3 && Number(error.metadata.seqno) <= 4);
    return true;
  });
});

/** Writes until the disk stops, then loses power; returns what had been acknowledged. */
async function writeUntilCrash(
  disk: FailingDisk,
  seed: number,
): Promise<{ acknowledged: number; service: SampleService }> {
  const random = new SeededRandom(seed);
  const service = await SampleService.create({ disk, identity, chunkBytes: 2500, seed });
  let acknowledged = 0;
  try {
    await service.open();
    acknowledged = service.sequencer.committed;
    for (let step = 0; step < 25; step++) {
      if (random.below(8) === 0) {
        const to = service.sequencer.committed;
        acknowledged = to;
        await service.elect(asView(service.sequencer.view + 1), to);
        acknowledged = service.sequencer.committed;
        continue;
      }
      const batches = Array.from({ length: 1 + random.below(3) }, () => {
        service.write(1 + random.below(4));
        return service.seal();
      });
      await service.files.append(batches);
      await service.files.flush();
      acknowledged = batches.at(-1)?.signatureId.seqno ?? acknowledged;
      if (random.below(2) === 0) await service.commit(asSeqno(acknowledged));
    }
  } catch (error) {
    assert.ok(error instanceof LedgerError, String(error));
    assert.ok(['DiskFault', 'LedgerUnwritable'].includes(error.code), error.code);
  }
  return { acknowledged, service };
}

test('whenever the machine stops, everything acknowledged is there and the torn tail is cut', async () => {
  let cuts = 0;
  const crash = async (seed: number, changes: number) => {
    const memory = new MemoryDisk();
    const disk = new FailingDisk(memory);
    disk.changesLeft = changes;
    const { acknowledged, service } = await writeUntilCrash(disk, seed);
    memory.crash(new SeededRandom(seed ^ 0x5a5a));
    const recovered = await recoverLedger({ disk: memory, folder });
    assert.ok(
      recovered.lastId.seqno >= acknowledged,
      `${recovered.lastId.seqno} >= ${acknowledged}`,
    );
    cuts += recovered.cuts.length;
    await recovered.truncate();
    const files = recovered.openFiles();
    const written = new Map(service.entries.map(({ id, bytes }) => [id.seqno as number, bytes]));
    if (acknowledged > 0) {
      const entries = await files.readEntries(asSeqno(1), asSeqno(acknowledged));
      entries.forEach((bytes, at) => {
        const expected = written.get(at + 1);
        if (expected) assert.deepEqual(bytes, expected);
      });
      const report = await auditLedger({ disk: memory, folder, secrets: service.secrets });
      assert.deepEqual(report.findings, []);
      assert.deepEqual(report.lastSigned, recovered.lastId);
      await recovered.replayPrivate(service.secrets, () => {});
    }
  };
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000_000), fc.integer({ min: 2, max: 150 }), (seed, changes) =>
      crash(seed, changes),
    ),
    { numRuns: 20 },
  );
  for (let seed = 1; cuts === 0 && seed < 300; seed++) await crash(seed, 20 + ((seed * 7) % 100));
  assert.ok(cuts > 0, 'some crash left a torn tail');
});

test('whole committed batches are read, as many as fit, and no other', async () => {
  const service = await sample(new MemoryDisk());
  const ends = [service.files.committed];
  for (const count of [3, 1, 9]) {
    service.write(count);
    await service.sign();
    ends.push(asSeqno(service.files.next - 1));
  }
  const { files } = service;
  service.write(2);
  await files.append([service.seal()]);
  ends.push(asSeqno(files.next - 1));
  const [opened, first, , third, last] = ends as [Seqno, Seqno, Seqno, Seqno, Seqno];
  const from = asSeqno(opened + 1);
  const read = (to: Seqno, bytesMax: number) => readBatches(files, from, { to, bytesMax });
  const all = await read(last, 1_000_000);
  assert.deepEqual(
    all.map(({ firstSeqno, entryCount }) => firstSeqno + entryCount - 1),
    ends.slice(1, 4),
    'the last one is not committed',
  );
  const bytes = Buffer.concat(await files.readEntries(from, third));
  assert.deepEqual(Buffer.concat(all.map(({ body }) => body)), bytes);
  assert.deepEqual(await read(asSeqno(first + 1), 1_000_000), all.slice(0, 1));
  assert.deepEqual(await read(last, 1), all.slice(0, 1), 'one batch at least');
  const two = all.slice(0, 2).reduce((sum, { body }) => sum + body.length, 0);
  assert.deepEqual(await read(last, two), all.slice(0, 2));
  for (const [start, to] of [
    [opened + 2, last],
    [opened + 1, opened + 2],
    [third + 1, last],
    [last + 1, last + 9],
  ] as const) {
    const missing = readBatches(files, asSeqno(start), { to: asSeqno(to), bytesMax: 1000 });
    await assert.rejects(missing, { code: 'EntryNotFound' }, `${start}`);
  }
});
