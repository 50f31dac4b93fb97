import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, MemoryDisk, present, type Seqno } from '@coco/base';
import {
  decodeSnapshot,
  type EncodedSnapshot,
  formatSnapshotName,
  parseSnapshotName,
  SnapshotFiles,
  verifySnapshot,
} from '../src/index.ts';
import { FailingDisk } from './failing-disk.ts';
import { writeFile } from './sample-recovery.ts';
import { createIdentity } from './sample-service.ts';
import { fileOf, SnapshotSample } from './snapshot-sample.ts';

const identity = await createIdentity();
const folder = 'snapshots';
const sample = await SnapshotSample.create(identity);
sample.writeRows(20, 50);
await sample.sign();
const snapshot = sample.encode();
const receipt = await sample.receiptFor(snapshot);
const evidence = asSeqno(snapshot.seqno + 1);
const committedName = `snapshot_${snapshot.seqno}_${evidence}.committed`;
const everything = asSeqno(1000);

async function make(files: SnapshotFiles, made: EncodedSnapshot = snapshot): Promise<void> {
  await files.write(made);
  await files.name(evidence);
  await files.commit(receipt);
}

const open = (disk: MemoryDisk | FailingDisk, last: Seqno = everything): Promise<SnapshotFiles> =>
  SnapshotFiles.open({ disk, folder }, last);

test('a snapshot becomes a committed file, which is found and read in parts', async () => {
  const disk = new MemoryDisk();
  const files = await open(disk);
  assert.equal(files.newest(), undefined);
  await make(files);
  assert.deepEqual(await disk.list(folder), [committedName]);
  const name = formatSnapshotName(present(files.newest(), 'one is there'));
  assert.equal(name, committedName);
  assert.equal(files.newest(snapshot.seqno)?.seqno, snapshot.seqno);
  assert.equal(files.newest(snapshot.seqno + 1), undefined);
  const whole = fileOf(snapshot, receipt);
  assert.equal(await files.size(name), whole.length);
  const part = await files.read(name, { offset: 100, length: 50 });
  assert.deepEqual(part, whole.subarray(100, 150));
  const read = await files.read(name, { offset: 0, length: whole.length });
  await verifySnapshot(decodeSnapshot(read), identity.certificatePem);
});

test('only committed files of this ledger are known by name', async () => {
  const disk = new MemoryDisk();
  await make(await open(disk));
  for (const name of ['../ledger/ledger_1', 'snapshot.writing', 'snapshot_7_8.committed']) {
    const files = await open(disk);
    await assert.rejects(files.size(name), { code: 'EntryNotFound' });
    await assert.rejects(files.read(name, { offset: 0, length: 1 }), { code: 'EntryNotFound' });
  }
  const cut = await open(disk, snapshot.seqno);
  assert.equal(cut.newest(), undefined, 'its evidence is beyond the end of the ledger');
  await assert.rejects(cut.size(committedName), { code: 'EntryNotFound' });
});

test('a lost snapshot leaves nothing, and the next one is made', async () => {
  const disk = new MemoryDisk();
  const files = await open(disk);
  await files.write(snapshot);
  await files.discard();
  assert.deepEqual(await disk.list(folder), []);
  await files.write(snapshot);
  await files.name(evidence);
  await files.discard();
  await files.discard();
  assert.deepEqual(await disk.list(folder), []);
  await make(files);
  assert.deepEqual(await disk.list(folder), [committedName]);
});

test('what a start finds unfinished it removes; foreign files stay', async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder(folder);
  const unfinished = ['snapshot.writing', 'snapshot_3_4'];
  const foreign = ['notes.txt', 'snapshot_9_12.committed', 'snapshot_9_12.committed.copy'];
  for (const name of [...unfinished, ...foreign]) {
    await writeFile(disk, `${folder}/${name}`, Uint8Array.of(1));
  }
  const files = await open(disk);
  assert.deepEqual(await disk.list(folder), foreign.sort());
  assert.equal(files.newest()?.seqno, 9);
});

test('wherever the disk fails, a later start has a whole snapshot or none', async () => {
  let outcomes = '';
  for (let changes = 0; ; changes++) {
    const disk = new MemoryDisk();
    const failing = new FailingDisk(disk);
    failing.changesLeft = changes;
    const failed = await open(failing)
      .then((files) => make(files))
      .then(() => false)
      .catch((error: { code: string }) => {
        assert.match(error.code, /^Disk(Fault|Full)$/);
        return true;
      });
    const files = await open(disk);
    const newest = files.newest();
    outcomes += newest ? '+' : '-';
    if (newest) {
      const name = formatSnapshotName(newest);
      const bytes = await files.read(name, { offset: 0, length: await files.size(name) });
      await verifySnapshot(decodeSnapshot(bytes), identity.certificatePem);
    }
    await make(files);
    if (!failed) break;
  }
  assert.match(outcomes, /^-{8,}\++$/);
});

test('a file of another node counts once it is kept, and never after a crash before that', async () => {
  const disk = new MemoryDisk();
  const files = await open(disk);
  const whole = fileOf(snapshot, receipt);
  const name = present(parseSnapshotName(committedName), 'it is a name');
  const lost = await files.receive();
  await lost.append(whole.subarray(0, 700));
  await lost.discard();
  assert.deepEqual(await disk.list(folder), []);
  const received = await files.receive();
  await received.append(whole.subarray(0, 700));
  assert.equal(files.has(name), false);
  await received.append(whole.subarray(700));
  await received.keep(name);
  assert.ok(files.has(name));
  assert.deepEqual(await disk.list(folder), [committedName]);
  assert.deepEqual(await files.read(committedName, { offset: 0, length: whole.length }), whole);
  await (await files.receive()).append(whole);
  await open(disk);
  assert.deepEqual(await disk.list(folder), [committedName], 'the next start removes it');
});

test('the oldest files go, and the newest stay', async () => {
  const disk = new MemoryDisk();
  const files = await open(disk);
  for (const seqno of [30, 10, 20]) {
    const received = await files.receive();
    await received.append(new Uint8Array(seqno));
    const name = { seqno: asSeqno(seqno), evidenceSeqno: asSeqno(seqno + 1), isCommitted: true };
    await received.keep(name);
  }
  assert.deepEqual(await files.retain(3), []);
  const removed = await files.retain(2);
  assert.deepEqual(
    removed.map(({ seqno }) => seqno),
    [10],
  );
  assert.deepEqual(await disk.list(folder), [
    'snapshot_20_21.committed',
    'snapshot_30_31.committed',
  ]);
  await files.retain(1);
  assert.equal(files.newest()?.seqno, 30);
  await assert.rejects(files.retain(0), { name: 'BugError' });
});
