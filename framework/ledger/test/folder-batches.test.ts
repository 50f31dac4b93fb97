import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, MemoryDisk } from '@coco/base';
import { copyMissingChunks, readBatches, readFolderBatches, recoverLedger } from '../src/index.ts';
import { copyFolder, writeFile } from './sample-recovery.ts';
import { createIdentity, SampleService } from './sample-service.ts';

const identity = await createIdentity();
const folder = 'ledger';

async function sample(): Promise<SampleService> {
  const service = await SampleService.create({
    disk: new MemoryDisk(),
    identity,
    chunkBytes: 4000,
  });
  await service.open();
  for (let batch = 0; batch < 12; batch++) {
    service.write(6);
    await service.sign();
  }
  return service;
}

suite('a folder with a copy of a ledger', () => {
  test('gives whole batches of its committed files', async () => {
    const { files, at } = await sample();
    const last = files.firstChunkEnd ?? asSeqno(0);
    const every = { to: last, bytesMax: 1_000_000 };
    const all = await readFolderBatches(at, asSeqno(1), every);
    assert.deepEqual(all, await readBatches(files, asSeqno(1), every));
    const [, second] = all;
    const one = { to: last, bytesMax: 1 };
    assert.deepEqual(await readFolderBatches(at, second?.firstSeqno ?? asSeqno(0), one), [second]);
    const beyond = { to: asSeqno(9_999), bytesMax: 1_000_000 };
    assert.deepEqual(
      await readFolderBatches(at, asSeqno(1), beyond),
      all,
      'to the end of its file',
    );
    await assert.rejects(readFolderBatches(at, files.next, beyond), { code: 'EntryNotFound' });
    const within = { to: asSeqno(1), bytesMax: 1_000 };
    await assert.rejects(readFolderBatches(at, asSeqno(1), within), { code: 'InvalidInput' });
  });

  test('gives nothing of a file that is damaged', async () => {
    const { at } = await sample();
    const [name = ''] = await at.disk.list(folder);
    const bytes = await at.disk.readFile(`${folder}/${name}`, 1e6);
    for (const damaged of [
      bytes.subarray(0, 40),
      new Uint8Array(100),
      bytes.map((byte, index) => (index === 9 ? 7 : byte)),
    ]) {
      const disk = new MemoryDisk();
      await writeFile(disk, `${folder}/${name}`, damaged);
      const read = readFolderBatches({ disk, folder }, asSeqno(1), {
        to: asSeqno(99),
        bytesMax: 9,
      });
      await assert.rejects(read, ({ code }: { code: string }) =>
        ['InvalidInput', 'LedgerDamaged', 'DiskFault'].includes(code),
      );
    }
  });

  test('completes a ledger that lacks files, and changes none that are there', async () => {
    const { at, files } = await sample();
    await files.close();
    const names = await at.disk.list(folder);
    const own = new MemoryDisk();
    await copyFolder(at.disk, own);
    const committed = names.filter((name) => name.endsWith('.committed'));
    assert.ok(committed.length > 2);
    for (const name of committed) await own.remove(`${folder}/${name}`);
    await assert.rejects(recoverLedger({ disk: own, folder }), { code: 'LedgerDamaged' });
    await writeFile(own, `${folder}/chunk.copying`, new Uint8Array(9));
    const copied = await copyMissingChunks(at, { disk: own, folder });
    assert.deepEqual([...copied].sort(), [...committed].sort());
    assert.deepEqual(await own.list(folder), names);
    assert.equal((await recoverLedger({ disk: own, folder })).lastId.seqno, files.next - 1);
    assert.deepEqual(await copyMissingChunks(at, { disk: own, folder }), []);
  });
});
