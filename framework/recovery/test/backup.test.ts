import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  type Disk,
  type LedgerError,
  ManualClock,
  MemoryDisk,
  SeededRandom,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import { createIdentity } from '../../ledger/test/sample-writer.ts';
import { encodeManifest, readManifest } from '../src/backup-manifest.ts';
import { backUp, judgeCopies, restore } from '../src/index.ts';
import { beginLate, createNode, folder, snapshots, survey, Writer } from './copies-writer.ts';

const identity = await createIdentity();
const nodes = [createNode(), createNode(), createNode()];
const at = (disk: Disk, name = folder) => ({ disk, folder: name });
const clock = new ManualClock(1_767_225_600_000);

function save(writer: Writer, disk: MemoryDisk) {
  return backUp({ ledger: at(writer.disk), target: at(disk, 'backup'), clock });
}

async function restored(disk: MemoryDisk): Promise<MemoryDisk> {
  const target = new MemoryDisk();
  const backup = at(disk, 'backup');
  await restore({ backup, ledger: at(target), snapshots: at(target, 'snapshots') });
  return target;
}

test('a backup is restored to the ledger up to its last signature, and is of no node', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.write(4);
  const disk = new MemoryDisk();
  const { manifest, keptBytes } = await save(writer, disk);
  assert.equal(keptBytes, 0);
  assert.equal(manifest.lastSigned.seqno, writer.service.sequencer.committed);
  const copy = await survey(await restored(disk), 'restored');
  assert.deepEqual(copy.lastSigned, manifest.lastSigned);
  const whole = await survey(await writer.copy(nodes[0]), 'whole');
  assert.deepEqual(copy.root, whole.root);
  assert.deepEqual(judgeCopies([copy, whole]).seenIds, [nodes[0]?.id]);
  assert.ok(!judgeCopies([copy]).isEnough, 'its node may have committed more since');
});

test('the next backup copies what is new, and cuts what is not signed yet', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.write(6);
  const disk = new MemoryDisk();
  const first = await save(writer, disk);
  await writer.write(1);
  // A batch that is on its way: its entries are there, its signature is not.
  writer.service.write(2);
  const batch = writer.service.seal();
  await writer.service.files.append([batch]);
  const file = (await writer.disk.list(folder)).filter((name) => !name.includes('-')).at(-1) ?? '';
  const open = await writer.disk.open(`${folder}/${file}`, { create: false });
  await open.truncate((await open.size()) - 40);
  const signed = writer.service.sequencer.committed;
  const second = await save(writer, disk);
  assert.ok(second.keptBytes > 0 && second.copiedBytes < first.copiedBytes);
  assert.equal(second.manifest.lastSigned.seqno, signed);
  const copy = await survey(await restored(disk), 'restored');
  assert.equal(copy.lastSigned.seqno, signed);
  assert.deepEqual(copy.cuts, []);
  const kept = (await disk.list('backup')).filter((name) => name !== 'manifest.json').sort();
  const named = second.manifest.files.map(({ stored }) => stored).sort();
  assert.deepEqual(kept, named, 'what the former backup alone had is gone');
});

test('a backup that is cut short leaves the former one whole', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.write(3);
  const disk = new MemoryDisk();
  const { manifest } = await save(writer, disk);
  await writer.write(5);
  for (const spaceBytes of [0, 500, 3000]) {
    disk.spaceBytes = spaceBytes;
    await assert.rejects(save(writer, disk), { kind: 'fault' });
    disk.spaceBytes = Number.POSITIVE_INFINITY;
    const copy = await survey(await restored(disk), 'restored');
    assert.deepEqual(copy.lastSigned, manifest.lastSigned);
  }
  const again = await save(writer, disk);
  assert.equal(again.manifest.lastSigned.seqno, writer.service.sequencer.committed);
  assert.ok((await disk.list('backup')).every((name) => !name.endsWith('.copying')));
});

test('a changed, shortened or missing file, or manifest, restores nothing', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.write(4);
  const random = new SeededRandom(7);
  for (let round = 0; round < 30; round++) {
    const disk = new MemoryDisk();
    const { manifest } = await save(writer, disk);
    const names = [...manifest.files.map(({ stored }) => stored), 'manifest.json'];
    const path = `backup/${names[round % names.length]}`;
    const file = await disk.open(path, { create: false });
    const size = await file.size();
    const place = random.below(size);
    if (round % 3 === 0) await file.truncate(place);
    else if (round % 3 === 1) await disk.remove(path);
    else {
      const [byte = 0] = await file.read(place, 1);
      await file.write(place, Uint8Array.of(byte ^ (1 << random.below(8))));
    }
    await assert.rejects(restored(disk), (error: LedgerError) => {
      assert.equal(error.code, 'BackupDamaged', `round ${round}: ${error.message}`);
      return true;
    });
  }
});

test('a damaged file in the backup is copied anew by the next one', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.write(6);
  const disk = new MemoryDisk();
  const { manifest } = await save(writer, disk);
  const stored = manifest.files.find(({ name }) => name.endsWith('.committed'))?.stored;
  const file = await disk.open(`backup/${stored}`, { create: false });
  await file.write(100, Uint8Array.of(1, 2, 3, 4));
  await assert.rejects(restored(disk), { code: 'BackupDamaged' });
  await save(writer, disk);
  await restored(disk);
});

test('a backup of another service, or of a ledger that was set back, is not mixed in', async () => {
  const [writer, other] = [
    await Writer.create(identity, nodes),
    await Writer.create(await createIdentity(), nodes),
  ];
  await writer.write(6);
  const disk = new MemoryDisk();
  const { manifest } = await save(writer, disk);
  await assert.rejects(save(other, disk), { code: 'BackupForeign' });
  const early = await Writer.create(identity, nodes);
  const twice = new MemoryDisk();
  const old = await early.copy();
  await early.write(1);
  await save(early, twice);
  const setBack = backUp({ ledger: at(old), target: at(twice, 'backup'), clock });
  await assert.rejects(setBack, { code: 'BackupForeign', message: /its end, which is earlier/ });
  const copy = await survey(await restored(disk), 'restored');
  assert.deepEqual(copy.lastSigned, manifest.lastSigned, 'it is the one it was');
  const backup = at(disk, 'backup');
  const target = new MemoryDisk();
  const place = { ledger: at(target), snapshots: at(target, 'snapshots') };
  const foreign = restore({ backup, ...place, serviceId: other.service.identity.key.id });
  await assert.rejects(foreign, { code: 'BackupForeign' });
  await restore({ backup, ...place, serviceId: writer.service.identity.key.id });
  await assert.rejects(restore({ backup, ...place }), { code: 'RestoreTargetNotEmpty' });
  const nowhere = restore({ backup: at(disk, 'nowhere'), ...place });
  await assert.rejects(nowhere, { code: 'BackupDamaged' });
});

test('an empty folder, or a ledger that is damaged, is not backed up', async () => {
  const disk = new MemoryDisk();
  const target = at(disk, 'backup');
  const empty = backUp({ ledger: at(new MemoryDisk()), target, clock });
  await assert.rejects(empty, { code: 'NothingToRecover' });
  const writer = await Writer.create(identity, nodes);
  await writer.write(6);
  const [name = ''] = await writer.disk.list(folder);
  const file = await writer.disk.open(`${folder}/${name}`, { create: false });
  await file.write(300, Uint8Array.of(9, 9, 9, 9));
  await assert.rejects(save(writer, disk), { code: 'LedgerDamaged' });
  assert.ok(!(await disk.list('backup')).includes('manifest.json'));
});

test('files that a node renames while they are copied are found under their new names', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.write(3);
  const disk = new MemoryDisk();
  let isFirst = true;
  const before = writer.service.sequencer.committed;
  // Between the listing and the copying the node goes on, and its open file is completed.
  const source: Disk = new Proxy<Disk>(writer.disk, {
    get: (target, name: keyof Disk) => {
      if (name !== 'list') return target[name].bind(target);
      return async (path: string) => {
        const names = await target.list(path);
        if (isFirst) await writer.write(8);
        isFirst = false;
        return names;
      };
    },
  });
  const ledger = { disk: source, folder };
  const { manifest } = await backUp({ ledger, target: at(disk, 'backup'), clock });
  await restored(disk);
  assert.ok(manifest.lastSigned.seqno >= before && !isFirst);
});

test('the vector of docs/formats/backup.md is read and written as it stands', async () => {
  const page = new URL('../../../docs/formats/backup.md', import.meta.url);
  const [, text = ''] = /```\n(\{.*\})\n```/.exec(readFileSync(page, 'utf8')) ?? [];
  const disk = new MemoryDisk();
  const file = await disk.open('backup/manifest.json', { create: true });
  await file.write(0, utf8Encode(text));
  const manifest = await readManifest(disk, 'backup');
  assert.ok(manifest);
  assert.equal(utf8Decode(encodeManifest(manifest)), text);
  for (const wrong of [text.replace('backup-1', 'backup-9'), text.replace(/ledger_1-2/g, '../x')]) {
    await disk.remove('backup/manifest.json');
    const changed = await disk.open('backup/manifest.json', { create: true });
    await changed.write(0, utf8Encode(wrong));
    await assert.rejects(readManifest(disk, 'backup'), { code: 'BackupDamaged' });
  }
});

test('a backup of a ledger that begins with a snapshot says so, and is restored', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.snapshot();
  await writer.write(2);
  const disk = await beginLate(writer, createNode());
  const late = await survey(disk, 'late');
  const target = new MemoryDisk();
  const save = () =>
    backUp({
      ledger: at(disk),
      snapshots: at(disk, snapshots),
      target: at(target, 'backup'),
      clock,
    });
  const { manifest } = await save();
  assert.equal(manifest.beginsAfter, late.beginsAfter);
  const copy = await survey(await restored(target), 'restored');
  assert.deepEqual([copy.beginsAfter, copy.root], [late.beginsAfter, late.root]);
  const again = await save();
  assert.equal(again.copiedBytes, 0);
  // Without its snapshot it is no ledger that a recovery could begin with.
  const lost = manifest.files.find(({ kind }) => kind === 'snapshot');
  await target.remove(`backup/${lost?.stored}`);
  await assert.rejects(restored(target), { code: 'BackupDamaged' });
  await disk.remove(`${snapshots}/${lost?.name}`);
  await assert.rejects(save(), { code: 'LedgerDamaged', message: /The files before ledger_/ });
});

test('a backup keeps the older files that its node has no more, and stays whole', async () => {
  const writer = await Writer.create(identity, nodes);
  await writer.write(4);
  const target = new MemoryDisk();
  await save(writer, target);
  await writer.snapshot();
  await writer.write(1);
  await save(writer, target);
  await writer.write(2);
  const disk = await beginLate(writer, createNode());
  const late = { ledger: at(disk), snapshots: at(disk, snapshots), target: at(target, 'backup') };
  const { manifest } = await backUp({ ...late, clock });
  assert.equal(manifest.beginsAfter, 0);
  const copy = await survey(await restored(target), 'restored');
  const whole = await survey(await writer.copy(), 'whole');
  assert.deepEqual([copy.beginsAfter, copy.root], [0, whole.root]);
  // One that was of another service before is none of this ledger.
  const foreign = await Writer.create(await createIdentity(), nodes);
  await foreign.snapshot();
  const other = await beginLate(foreign, createNode());
  const stranger = { ledger: at(other), snapshots: at(other, snapshots), target: late.target };
  await assert.rejects(backUp({ ...stranger, clock }), (error: LedgerError) => {
    assert.ok(['BackupForeign', 'LedgerDamaged'].includes(error.code), error.code);
    return true;
  });
});
