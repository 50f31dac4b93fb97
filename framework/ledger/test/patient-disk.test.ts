import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asSeqno,
  asView,
  diskFault,
  ManualClock,
  MemoryDisk,
  SeededRandom,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import { auditLedger, PatientDisk, recoverLedger } from '../src/index.ts';
import { FailingDisk } from './failing-disk.ts';
import { createIdentity, SampleService } from './sample-service.ts';

const path = 'ledger/a';
const identity = await createIdentity();

/** A disk that is waited for: `tryAgain` lets the time of one wait pass. */
async function patient(memory = new MemoryDisk()) {
  const clock = new ManualClock(0);
  const disk = new PatientDisk(memory, clock);
  const said: boolean[] = [];
  let whileFull = (again: Promise<void>): Promise<void> => again;
  disk.attend({
    onFull: (isFull) => said.push(isFull),
    meanwhile: (again) => whileFull(again),
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 40; turn++) await new Promise((done) => setImmediate(done));
  };
  const tryAgain = async (): Promise<void> => {
    await settle();
    clock.advance(250);
    await settle();
  };
  const serve = (serving: typeof whileFull): void => {
    whileFull = serving;
  };
  return { clock, disk, memory, said, settle, tryAgain, serve };
}

async function textAfterCrash(memory: MemoryDisk): Promise<string> {
  memory.crash(new SeededRandom(1));
  return utf8Decode(await memory.readFile(path, 100));
}

test('a write that has no room takes back its part, waits, and is made whole', async () => {
  const { disk, memory, said, tryAgain } = await patient();
  const file = await disk.open(path, { create: true });
  await disk.syncFolder('ledger');
  await file.write(0, utf8Encode('one'));
  memory.spaceBytes = 2;
  let isWritten = false;
  const written = file.write(3, utf8Encode('four')).then(() => {
    isWritten = true;
  });
  await tryAgain();
  assert.deepEqual([isWritten, disk.isFull, said], [false, true, [true]]);
  assert.equal(utf8Decode(await memory.readFile(path, 100)), 'one', 'no torn end');
  memory.spaceBytes = 100;
  await tryAgain();
  await written;
  await file.datasync();
  assert.deepEqual([disk.isFull, said], [false, [true, false]]);
  assert.equal(await textAfterCrash(memory), 'onefour');
});

test('after a flush that had no room everything since the last good one is written again', async () => {
  const { disk, memory, tryAgain } = await patient();
  const file = await disk.open(path, { create: true });
  await disk.syncFolder('ledger');
  await file.write(0, utf8Encode('kept'));
  await file.datasync();
  await file.write(4, utf8Encode(' and lost'));
  await file.write(0, utf8Encode('K'));
  await file.truncate(8);
  memory.failingFlushes = 2;
  const flushed = file.datasync();
  await tryAgain();
  await tryAgain();
  await tryAgain();
  await flushed;
  assert.equal(await textAfterCrash(memory), 'Kept and');
});

test('names wait for room, too: a new file, a new name, and the order is kept', async () => {
  const { disk, memory, tryAgain } = await patient();
  memory.spaceBytes = 0;
  const order: string[] = [];
  const made = disk
    .open(path, { create: true })
    .then((file) => file.write(0, utf8Encode('x')))
    .then(() => order.push('written'))
    .then(() => {
      memory.spaceBytes = 0;
      return disk.rename(path, 'ledger/b');
    })
    .then(() => order.push('renamed'));
  await tryAgain();
  assert.deepEqual([await memory.list('ledger'), order], [[], []]);
  memory.spaceBytes = 1;
  await tryAgain();
  assert.deepEqual([await memory.list('ledger'), order], [['a'], ['written']]);
  memory.spaceBytes = 1;
  await tryAgain();
  await made;
  assert.deepEqual(await memory.list('ledger'), ['b']);
});

test('any other failure of a write or a flush is passed on at once', async () => {
  const failing = new FailingDisk(new MemoryDisk());
  const disk = new PatientDisk(failing, new ManualClock(0));
  disk.attend({ onFull: () => assert.fail('it is not full'), meanwhile: (again) => again });
  const file = await disk.open(path, { create: true });
  await file.write(0, utf8Encode('x'));
  failing.changesLeft = 0;
  await assert.rejects(file.datasync(), { code: 'DiskFault' });
  await assert.rejects(file.write(1, utf8Encode('y')), { code: 'DiskFault' });
  await assert.rejects(disk.rename(path, 'ledger/b'), { code: 'DiskFault' });
});

test('a folder’s flush that had no room is passed on: what it lost is not known', async () => {
  const memory = new MemoryDisk();
  memory.syncFolder = () => Promise.reject(diskFault('DiskFull', 'no room'));
  const { disk } = await patient(memory);
  await assert.rejects(disk.syncFolder('ledger'), { code: 'DiskFull' });
});

test('nobody waits who is not attended, or when it was given up', async () => {
  const memory = new MemoryDisk();
  memory.spaceBytes = 0;
  const alone = new PatientDisk(memory, new ManualClock(0));
  await assert.rejects(alone.open(path, { create: true }), { code: 'DiskFull' });
  const { disk, settle } = await patient(memory);
  const opened = disk.open(path, { create: true });
  const refused = assert.rejects(opened, { code: 'DiskFull' });
  await settle();
  disk.giveUp();
  await refused;
});

test('ledger files wait in the middle of a chunk, and reads go on meanwhile', async () => {
  const { disk, memory, said, tryAgain, settle, serve } = await patient();
  const service = await SampleService.create({ disk, identity, chunkBytes: 3000 });
  await service.open();
  serve((again) => service.files.serveReads(again));
  const { files } = service;
  const before = asSeqno(files.next - 1);
  const kept = await files.readEntries(asSeqno(1), before);
  memory.spaceBytes = 400;
  const batches = [1, 2, 3].map(() => {
    service.write(8);
    return service.seal();
  });
  let isDurable = false;
  const durable = files
    .append(batches)
    .then(() => files.flush())
    .then(() => {
      isDurable = true;
    });
  for (let round = 0; round < 12 && !isDurable; round++) {
    await tryAgain();
    // Sometimes bytes fit, sometimes a name or a table is what has no room.
    assert.deepEqual(await files.readEntries(asSeqno(1), before), kept);
    memory.spaceBytes = [700, 0, 1, 3000][round % 4] ?? 0;
    if (round % 3 === 0) memory.failingFlushes = 1;
  }
  memory.spaceBytes = 1_000_000;
  while (!isDurable) await tryAgain();
  await durable;
  await settle();
  assert.ok(said.length >= 4, `it was full more than once: ${said.length}`);
  memory.crash(new SeededRandom(3));
  const report = await auditLedger({ disk: memory, folder: 'ledger', secrets: service.secrets });
  assert.deepEqual(report.findings, []);
  assert.deepEqual(report.lastSigned, batches.at(-1)?.signatureId);
});

test('a cut that waits for room shows what it keeps, and nothing of what it cuts', async () => {
  const { disk, memory, tryAgain, serve } = await patient();
  const service = await SampleService.create({ disk, identity, chunkBytes: 1_000_000 });
  await service.open();
  serve((again) => service.files.serveReads(again));
  const { files, sequencer } = service;
  const kept = sequencer.committed;
  const entries = await files.readEntries(asSeqno(1), kept);
  for (let batch = 0; batch < 3; batch++) {
    service.write(4);
    sequencer.forceChunk();
    await files.append([service.seal()]);
    await files.flush();
  }
  memory.spaceBytes = 0;
  // The removal of the later chunks gives room that another process takes.
  const remove = memory.remove.bind(memory);
  memory.remove = async (name) => {
    await remove(name);
    memory.spaceBytes = 0;
  };
  const elected = service.elect(asView(3), kept);
  await tryAgain();
  assert.equal(disk.isFull, true);
  assert.deepEqual(await files.readEntries(asSeqno(1), kept), entries);
  await assert.rejects(files.readEntries(asSeqno(kept + 1), asSeqno(kept + 1)), {
    code: 'EntryNotFound',
  });
  memory.spaceBytes = 1_000_000;
  await tryAgain();
  await elected;
  const recovered = await recoverLedger({ disk: memory, folder: 'ledger' });
  assert.equal(recovered.lastId.view, 3);
});
