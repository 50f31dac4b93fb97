import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, LedgerError, MemoryDisk, SeededRandom, toHex } from '@coco/base';
import fc from 'fast-check';
import { auditLedger, LedgerSecrets, recoverLedger } from '../src/index.ts';
import { FailingDisk } from './failing-disk.ts';
import {
  beginRecovery,
  copyFolder,
  endRecovery,
  recoverSample,
  writeFile,
} from './sample-recovery.ts';
import { createIdentity, SampleService } from './sample-service.ts';

const [identity, next] = [await createIdentity(), await createIdentity()];
const folder = 'ledger';
const chunkBytes = 4000;

async function sample(
  disk: MemoryDisk = new MemoryDisk(),
  batches = 4,
  bytesOfChunk: number = chunkBytes,
): Promise<SampleService> {
  const service = await SampleService.create({ disk, identity, chunkBytes: bytesOfChunk });
  await service.open();
  for (let batch = 0; batch < batches; batch++) {
    service.write(5);
    await service.sign();
  }
  return service;
}

async function newestFile(disk: MemoryDisk): Promise<string> {
  const names = await disk.list(folder);
  const start = (name: string) => Number(/^ledger_(\d+)/.exec(name)?.[1]);
  return names.toSorted((left, right) => start(left) - start(right)).at(-1) ?? '';
}

test('an empty folder recovers to nothing', async () => {
  const recovered = await recoverLedger({ disk: new MemoryDisk(), folder });
  assert.equal(recovered.lastId.seqno, 0);
  assert.equal(recovered.service, undefined);
  await recovered.truncate();
});

test('the public writes of every signed batch are given in order, and no private ones', async () => {
  const service = await sample();
  const seqnos: number[] = [];
  const names = new Set<string>();
  const recovered = await recoverLedger({
    disk: service.at.disk,
    folder,
    onBatch: (batch) => {
      assert.ok(batch.at(-1)?.signature, 'a batch ends with its signature');
      for (const { entry, writeSet } of batch) {
        seqnos.push(entry.id.seqno);
        for (const { name } of writeSet.maps) names.add(name);
      }
    },
  });
  assert.deepEqual(
    seqnos,
    Array.from({ length: seqnos.length }, (_, at) => at + 1),
  );
  assert.equal(recovered.lastId.seqno, seqnos.length);
  assert.ok([...names].every((name) => name.startsWith('public:')));
  assert.ok(names.has('public:coco.sample'));
  assert.equal(recovered.service?.status, 'Open');
  assert.deepEqual(recovered.signerNames, {
    issuer: 'service.example.com',
    subject: 'ledger.signature',
  });
});

test('the private replay gives whole write sets, and a wrong secret is found at entry 1', async () => {
  const service = await sample();
  const recovered = await recoverLedger({ disk: service.at.disk, folder });
  const written = new Set<string>();
  await recovered.replayPrivate(service.secrets, (batch) => {
    for (const { entry, writeSet } of batch) {
      for (const { name } of writeSet.maps) written.add(`${entry.id.seqno} ${name}`);
    }
  });
  assert.ok(written.has('5 coco.records') && written.has('1 public:ccf.gov.service.info'));
  const wrong = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32) }]);
  const rejected = recovered.replayPrivate(wrong, () => {});
  await assert.rejects(rejected, (error: LedgerError) => {
    assert.equal(error.code, 'LedgerDamaged');
    assert.equal(error.metadata.seqno, 1);
    assert.equal(error.metadata.file, service.files.fileNames[0]);
    return true;
  });
});

test('a file that changes between the two reads is found', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk);
  const recovered = await recoverLedger({ disk, folder });
  const name = await newestFile(disk);
  const bytes = await disk.readFile(`${folder}/${name}`, 1e6);
  bytes[bytes.length - 30] = (bytes[bytes.length - 30] as number) ^ 1;
  await writeFile(disk, `${folder}/${name}`, bytes);
  await assert.rejects(
    recovered.replayPrivate(service.secrets, () => {}),
    { code: 'LedgerDamaged' },
  );
});

test('unsigned entries at the end are cut, and their view is remembered', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk, 4, 1e6);
  const kept = service.sequencer.committed;
  await service.elect(asView(7), kept);
  service.write(3);
  const batch = service.seal();
  // Only the first entries of the batch reach the disk.
  const size = 8 + new DataView(batch.body.buffer, batch.body.byteOffset).getUint32(2, true);
  const name = await newestFile(disk);
  const file = await disk.open(`${folder}/${name}`, { create: false });
  const end = await file.size();
  const broken = new Map([1, 7, 20, 60, size - 1, size].map((length) => [length, kept + 2]));
  broken.set(size + 5, kept + 3).set(batch.body.length - 1, kept + 5);
  for (const [length, brokenSeqno] of broken) {
    await file.truncate(end);
    await file.write(end, batch.body.subarray(0, length));
    const recovered = await recoverLedger({ disk, folder });
    assert.equal(recovered.lastId.seqno, kept + 1, `${length} bytes`);
    assert.equal(recovered.highestView, 7);
    assert.deepEqual(
      { ...recovered.cuts[0], reason: '' },
      {
        file: name,
        seqno: kept + 2,
        brokenSeqno,
        position: end,
        bytes: length,
        reason: '',
        isLoss: false,
      },
    );
    await recovered.truncate();
    assert.equal(await file.size(), end);
  }
});

test('the view of a torn entry counts, although the entry does not', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk, 4, 1e6);
  const kept = service.sequencer.committed;
  service.sequencer.rollback({ to: kept, view: asView(9) });
  const { body } = service.seal();
  const file = await disk.open(`${folder}/${await newestFile(disk)}`, { create: false });
  await file.write(await file.size(), body.subarray(0, body.length - 3));
  const recovered = await recoverLedger({ disk, folder });
  assert.equal(recovered.lastId.view, 2);
  assert.equal(recovered.highestView, 9);
});

test('a torn entry cannot use up the views that there are', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk, 4, 1e6);
  service.write(1);
  const torn = service.seal().body.slice(0, 90);
  // The view in the nonce: see docs/formats/ledger.md.
  new DataView(torn.buffer).setUint32(32, 0x7fff_fffe, true);
  const file = await disk.open(`${folder}/${await newestFile(disk)}`, { create: false });
  await file.write(await file.size(), torn);
  await assert.rejects(recoverLedger({ disk, folder }), {
    code: 'LedgerDamaged',
    message: /no election can have reached/,
  });
});

test('a folder with more files than any ledger has is not read in part', async () => {
  const disk = new MemoryDisk();
  await sample(disk);
  const names = await disk.list(folder);
  const junk = Array.from({ length: 1_000_000 }, () => 'a');
  const crowded = Object.assign(Object.create(disk) as MemoryDisk, {
    list: async () => [...junk, ...names],
  });
  await assert.rejects(recoverLedger({ disk: crowded, folder }), { code: 'LedgerDamaged' });
});

test('damage before a whole signature is no torn tail: nothing is cut', async () => {
  const disk = new MemoryDisk();
  await sample(disk, 2, 1e6);
  const name = await newestFile(disk);
  const original = await disk.readFile(`${folder}/${name}`, 1e6);
  // The size of the file's first entry: the scanner can read nothing behind it.
  for (const at of [8, 10, 11, 12]) {
    const bytes = original.slice();
    bytes[at] = (bytes[at] as number) ^ 0x40;
    await writeFile(disk, `${folder}/${name}`, bytes);
    await assert.rejects(recoverLedger({ disk, folder }), (error: LedgerError) => {
      assert.equal(error.code, 'LedgerDamaged');
      assert.equal(error.metadata.file, name);
      return true;
    });
  }
  // The operator may decide to lose it.
  const recovered = await recoverLedger({ disk, folder, isTailLossAccepted: true });
  assert.equal(recovered.cuts.length, 1);
});

test('damage in the last batch refuses recovery too, as long as its end is whole', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk, 2, 1e6);
  service.write(6);
  await service.sign();
  const name = await newestFile(disk);
  const bytes = await disk.readFile(`${folder}/${name}`, 1e6);
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] as number) ^ 1;
  await writeFile(disk, `${folder}/${name}`, bytes);
  await assert.rejects(recoverLedger({ disk, folder }), { code: 'LedgerDamaged' });
  const recovered = await recoverLedger({ disk, folder, isTailLossAccepted: true });
  assert.ok(recovered.lastId.seqno < service.sequencer.committed);
  assert.deepEqual(
    recovered.cuts.map(({ isLoss }) => isLoss),
    [true],
  );
  await recovered.truncate();
  assert.deepEqual((await auditLedger({ disk, folder })).findings, []);
});

test('a recovered service goes on in a new view, under a new key and a fresh secret', async () => {
  const disk = new MemoryDisk();
  const before = await sample(disk);
  await before.files.close();
  const recovering = await beginRecovery({ disk, identity: next, chunkBytes });
  assert.ok(recovering.service.files.fileNames.at(-1)?.endsWith('.recovery'));
  const { privateRows } = await endRecovery(recovering, before);
  assert.ok(privateRows.includes(toHex(Buffer.from('key 5'))));
  const { service } = recovering;
  service.write(4);
  await service.sign();
  assert.ok(service.files.fileNames.every((name) => !name.endsWith('.recovery')));
  assert.ok(service.files.fileNames.slice(0, -1).every((name) => name.endsWith('.committed')));
  const report = await auditLedger({ disk, folder, secrets: service.secrets });
  assert.deepEqual(report.findings, []);
  assert.deepEqual(report.lastSigned, service.batches.at(-1)?.signatureId);
  assert.equal(report.views.at(-1)?.view, 4);
});

test('a whole file that was not yet named as committed is so when the recovery holds', async () => {
  const disk = new MemoryDisk();
  const before = await sample(disk);
  before.sequencer.forceChunk();
  before.write(1);
  await before.sign();
  await before.files.close();
  const committed = before.files.fileNames.at(-1) ?? '';
  const whole = committed.replace('.committed', '');
  assert.match(committed, /^ledger_\d+-\d+\.committed$/);
  // The service was lost between the two steps.
  await disk.rename(`${folder}/${committed}`, `${folder}/${whole}`);
  const recovering = await beginRecovery({ disk, identity: next, chunkBytes });
  assert.ok((await disk.list(folder)).includes(whole));
  const { privateRows } = await endRecovery(recovering, before);
  assert.ok(privateRows.includes(toHex(Buffer.from('key 5'))));
  assert.ok((await disk.list(folder)).includes(committed));
});

test('a ledger survives many recoveries', async () => {
  const disk = new MemoryDisk();
  let service = await sample(disk, 1);
  for (let life = 0; life < 4; life++) {
    await service.files.close();
    const identityOfLife = await createIdentity();
    service = await recoverSample(
      { disk, identity: identityOfLife, chunkBytes, seed: 100 + life },
      service,
    );
    service.write(3);
    await service.sign();
  }
  const report = await auditLedger({ disk, folder, secrets: service.secrets });
  assert.deepEqual(report.findings, []);
  assert.deepEqual(
    report.views.map(({ view }) => view),
    [2, 4, 6, 8, 10],
  );
});

test('an unfinished recovery is discarded: the ledger is as it was', async () => {
  const disk = new MemoryDisk();
  const before = await sample(disk);
  await before.files.close();
  const names = await disk.list(folder);
  const { service } = await beginRecovery({ disk, identity: next, chunkBytes });
  service.write(30);
  await service.sign();
  await service.files.close();
  const recovered = await recoverLedger({ disk, folder });
  assert.ok(recovered.unfinishedFiles.length > 0);
  assert.deepEqual(recovered.lastId, before.batches.at(-1)?.signatureId);
  await recovered.truncate();
  assert.deepEqual(await disk.list(folder), names);
});

test('a recovery that stops anywhere leaves the old ledger or the recovered one', async () => {
  const origin = new MemoryDisk();
  const before = await sample(origin, 3);
  await before.files.close();
  const outcomes = new Set<string>();
  const run = async (changes: number, seed: number) => {
    const memory = new MemoryDisk();
    await copyFolder(origin, memory);
    const disk = new FailingDisk(memory);
    disk.changesLeft = changes;
    let isOpen = false;
    let secrets: LedgerSecrets = before.secrets;
    try {
      const recovering = await beginRecovery({ disk, identity: next, chunkBytes: 900 });
      await endRecovery(recovering, before);
      isOpen = true;
      secrets = recovering.service.secrets;
    } catch (error) {
      assert.ok(error instanceof LedgerError, String(error));
    }
    memory.crash(new SeededRandom(seed));
    const recovered = await recoverLedger({ disk: memory, folder });
    await recovered.truncate();
    const isOld = recovered.lastId.view === 2;
    assert.ok(!(isOpen && isOld), 'an opened service is never lost');
    if (isOld) assert.deepEqual(recovered.lastId, before.batches.at(-1)?.signatureId);
    else assert.equal(recovered.service?.status, 'Open');
    outcomes.add(`${isOpen} ${isOld}`);
    const report = await auditLedger({ disk: memory, folder });
    assert.deepEqual(report.findings, []);
    if (isOpen) await recovered.replayPrivate(secrets, () => {});
  };
  await fc.assert(fc.asyncProperty(fc.nat(60), fc.nat(9999), run), { numRuns: 25 });
  await run(5, 1);
  await run(1000, 1);
  assert.ok(outcomes.has('false true') && outcomes.has('true false'), [...outcomes].join());
});

test('two files that begin at one seqno are refused', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk);
  const [first] = service.files.fileNames;
  const bytes = await disk.readFile(`${folder}/${first}`, 1e6);
  await writeFile(disk, `${folder}/ledger_1`, bytes);
  await assert.rejects(recoverLedger({ disk, folder }), { code: 'LedgerDamaged' });
});

test('a file whose entries another one holds as well is passed over, and removed', async () => {
  const disk = new MemoryDisk();
  const service = await sample(disk, 30);
  await service.files.close();
  const names = (await disk.list(folder)).filter((name) => name.endsWith('.committed'));
  const whole = names.find((name) => !name.startsWith('ledger_1-')) ?? '';
  const [, start, last] = /^ledger_(\d+)-(\d+)/.exec(whole) ?? [];
  const doubled = `ledger_${Number(start) + 2}-${last}.committed`;
  await writeFile(disk, `${folder}/${doubled}`, new Uint8Array(30));
  const ledger = await recoverLedger({ disk, folder });
  assert.equal(ledger.lastId.seqno, service.files.next - 1);
  await ledger.truncate();
  assert.ok(!(await disk.list(folder)).includes(doubled));
  await writeFile(
    disk,
    `${folder}/ledger_${Number(start) + 2}-${Number(last) + 1}`,
    new Uint8Array(9),
  );
  await assert.rejects(recoverLedger({ disk, folder }), { code: 'LedgerDamaged' });
});
