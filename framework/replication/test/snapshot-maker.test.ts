import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, asView, diskFault, MemoryDisk, present } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { snapshotEvidence, snapshotRequest } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  decodeEntry,
  decodeSnapshot,
  entryFlag,
  restoreSnapshot,
  SnapshotFiles,
} from '@coco/ledger';
import { SnapshotMaker, viewStartsAt } from '../src/snapshot-maker.ts';
import { folder, MakerHarness } from './maker-harness.ts';
import { testMap } from './pipeline-harness.ts';

describe('the maker of snapshots', () => {
  test('takes one when the service opens, whose evidence and receipt are of its digest', async () => {
    const harness = await MakerHarness.create();
    assert.deepEqual(await harness.names(), []);
    harness.write('a', '1');
    harness.setStatus('Open');
    await harness.commitAll();
    assert.deepEqual(await harness.names(), [], 'no chunk ends there');
    harness.write('b', '1');
    await harness.commitAll();
    const [name = '', ...more] = await harness.names();
    assert.deepEqual(more, []);
    const match = present(/^snapshot_(\d+)_(\d+)\.committed$/.exec(name), name);
    const size = await harness.files.size(name);
    const file = await harness.files.read(name, { offset: 0, length: size });
    const decoded = decodeSnapshot(file);
    const [made] = harness.made;
    assert.equal(made?.name, name, 'others may be offered it');
    assert.deepEqual(new Uint8Array(made.digest), new Uint8Array(sha256(file)));
    assert.equal(decoded.seqno, Number(match[1]));
    const evidence = decodeEntry(harness.entry(Number(match[2])));
    assert.deepEqual([...evidence.claimsDigest], [...decoded.digest]);
    const row = snapshotEvidence.require(harness.pipeline.committedState());
    assert.equal(row.version, decoded.seqno);
    assert.equal(row.hash, Buffer.from(decoded.digest).toString('hex'));
    const store = new Store();
    const secret = harness.secrets.secretFor(decoded.seqno);
    restoreSnapshot(decoded, { store, secret });
    const value = store
      .readAt(store.seqno)
      .map(testMap)
      .get(new Uint8Array([97]));
    assert.deepEqual(value, new Uint8Array([49]));
    assert.equal(harness.logged('snapshot.made'), 1);
  });

  test('takes one where an entry asked for it, and none for an entry that was lost', async () => {
    const harness = await MakerHarness.create();
    harness.write('a', '1');
    harness.maker.ask();
    await harness.settle();
    assert.equal(harness.proposed[0]?.batch.isChunkEnd, true);
    assert.deepEqual(await harness.names(), [], 'not before the commit');
    await harness.commitAll();
    assert.equal((await harness.names()).length, 1);
    harness.write('b', '1');
    harness.maker.ask();
    harness.pipeline.loseOffice(asView(3));
    harness.pipeline.startExecuting(asView(3));
    harness.write('c', '1');
    await harness.commitAll();
    assert.equal((await harness.names()).length, 1);
  });

  test('takes one every so many entries, and its own evidence leads to no other', async () => {
    const harness = await MakerHarness.create({ entriesBetween: 20 });
    await harness.commitAll();
    for (let batch = 0; batch < 30; batch++) {
      harness.write(`${batch}`, '1');
      await harness.commitAll();
    }
    const seqnos = (await harness.names()).map((name) => Number(name.split('_')[1]));
    seqnos.sort((left, right) => left - right);
    assert.ok(seqnos.length >= 2, `${seqnos}`);
    for (const [at, seqno] of seqnos.entries()) {
      assert.ok(seqno - (seqnos[at - 1] ?? 0) >= 20, `${seqnos}`);
      const { flags } = decodeEntry(harness.entry(seqno));
      assert.equal(flags, entryFlag.chunkAfter, 'it stands where a chunk ends');
    }
  });

  test('counts from the last evidence in the ledger, whoever made it', async () => {
    const harness = await MakerHarness.create({ entriesBetween: 20 });
    for (let at = 0; at < 22; at++) {
      if (at === 15) {
        harness.pipeline.execute((transaction) => {
          snapshotEvidence.put(transaction, { hash: '00', version: 14 });
          return { result: undefined };
        });
      }
      harness.write(`${at}`, '1');
    }
    await harness.commitAll();
    assert.deepEqual(await harness.names(), []);
    for (let at = 0; at < 14; at++) harness.write(`${at}`, '1');
    await harness.commitAll();
    harness.write('ends a chunk', '1');
    await harness.commitAll();
    assert.equal((await harness.names()).length, 1);
  });

  test('makes none before the state is whole', async () => {
    const harness = await MakerHarness.create();
    const late = new MemoryDisk();
    const files = await SnapshotFiles.open({ disk: late, folder }, asSeqno(0));
    const maker = new SnapshotMaker({
      pipeline: harness.pipeline,
      files,
      secrets: harness.secrets,
      leafAt: () => assert.fail('nothing is made'),
      receiptOf: () => assert.fail('nothing is made'),
      entriesBetween: 1,
      clock: harness.clock,
      log: { write: () => {} },
      defer: setImmediate,
    });
    harness.pipeline.addObserver(maker);
    harness.write('a', '1');
    maker.ask();
    harness.setStatus('Open');
    await harness.commitAll();
    assert.deepEqual(await late.list(folder), []);
  });

  test('writes go on while the state is read, and are not in it', async () => {
    const harness = await MakerHarness.create();
    for (let at = 0; at < 900; at++) harness.write(`key ${at}`, 'before');
    harness.maker.ask();
    await harness.settle();
    harness.commitOnce();
    const before = harness.turns;
    for (let round = 0; round < 8; round++) {
      harness.write('key 5', `during ${round}`);
      await harness.commitAll();
    }
    assert.ok(harness.turns > before, 'the encoder gives the thread back');
    const [name = ''] = await harness.names();
    const size = await harness.files.size(name);
    const decoded = decodeSnapshot(await harness.files.read(name, { offset: 0, length: size }));
    const store = new Store();
    restoreSnapshot(decoded, { store, secret: harness.secrets.secretFor(decoded.seqno) });
    const value = store.readAt(store.seqno).map(testMap).get(Buffer.from('key 5'));
    assert.equal(Buffer.from(value ?? []).toString(), 'before');
  });

  test('a file whose evidence is lost is removed, and the next one is made', async () => {
    const harness = await MakerHarness.create();
    harness.write('a', '1');
    harness.maker.ask();
    await harness.settle();
    harness.commitOnce();
    await harness.settle();
    await harness.settle();
    assert.equal((await harness.names()).length, 1, 'written, its evidence not committed');
    harness.pipeline.loseOffice(asView(3));
    harness.proposed.length = 0;
    harness.pipeline.startExecuting(asView(3));
    await harness.commitAll();
    assert.deepEqual(await harness.names(), []);
    harness.write('b', '1');
    harness.maker.ask();
    await harness.commitAll();
    assert.match((await harness.names()).join(), /^snapshot_\d+_\d+\.committed$/);
  });

  test('one that governance asked for is taken by the next primary, on an idle network too', async () => {
    const harness = await MakerHarness.create();
    harness.request();
    await harness.settle();
    harness.commitOnce();
    await harness.settle();
    assert.deepEqual(await harness.names(), ['snapshot_4_5'], 'its evidence is on its way');
    harness.pipeline.loseOffice(asView(3));
    harness.proposed.length = 0;
    // Nobody writes: the view begins with its signature alone.
    harness.pipeline.startExecuting(asView(3));
    await harness.commitAll();
    const [name = '', ...more] = await harness.names();
    assert.match(name, /committed$/);
    assert.deepEqual(more, []);
    const state = harness.pipeline.committedState();
    const asked = snapshotRequest.versionOf(state) ?? 0;
    assert.ok((snapshotEvidence.get(state)?.version ?? 0) >= asked && asked > 0);
    // It is met: neither the next commits nor the next office make another.
    harness.write('a', '1');
    await harness.commitAll();
    harness.pipeline.loseOffice(asView(5));
    harness.proposed.length = 0;
    harness.pipeline.startExecuting(asView(5));
    await harness.commitAll();
    assert.deepEqual(await harness.names(), [name]);
  });

  test('one that cannot be made is not tried with every commit', async () => {
    const harness = await MakerHarness.create();
    const { open } = harness.disk;
    harness.disk.open = () => Promise.reject(diskFault('DiskFull', 'The disk has no space left.'));
    harness.request();
    for (let at = 0; at < 20; at++) {
      harness.write('a', String(at));
      await harness.commitAll();
    }
    assert.equal(harness.logged('snapshot.failed'), 1);
    harness.disk.open = open;
    harness.pass(10_000);
    harness.write('a', 'later');
    await harness.commitAll();
    harness.write('a', 'where a chunk ends');
    await harness.commitAll();
    assert.match((await harness.names()).join(), /^snapshot_\d+_\d+\.committed$/);
  });

  test('evidence waits while too much waits for commit', async () => {
    const harness = await MakerHarness.create({ uncommittedMax: 4 });
    harness.write('a', '1');
    harness.maker.ask();
    await harness.settle();
    harness.commitOnce();
    for (const name of ['b', 'c', 'd', 'e']) harness.write(name, '1');
    for (let round = 0; round < 4; round++) await harness.settle();
    assert.deepEqual(await harness.names(), ['snapshot.writing']);
    await harness.commitAll();
    assert.match((await harness.names())[0] ?? '', /committed$/);
  });

  test('a disk that fails costs the snapshot and not the service', async () => {
    const harness = await MakerHarness.create();
    const { open } = harness.disk;
    harness.disk.open = () => Promise.reject(diskFault('DiskFull', 'The disk has no space left.'));
    harness.write('a', '1');
    harness.maker.ask();
    await harness.commitAll();
    assert.equal(harness.logged('snapshot.failed'), 1);
    harness.disk.open = open;
    harness.write('b', '1');
    harness.maker.ask();
    await harness.commitAll();
    assert.match((await harness.names())[0] ?? '', /committed$/);
  });

  test('a stopped maker begins nothing, and takes back what it was making', async () => {
    const harness = await MakerHarness.create();
    harness.write('a', '1');
    harness.maker.ask();
    await harness.settle();
    harness.commitOnce();
    await harness.settle();
    assert.equal((await harness.names()).length, 1);
    await harness.maker.stop();
    assert.deepEqual(await harness.names(), []);
    harness.write('a', '1');
    harness.maker.ask();
    await harness.commitAll();
    assert.deepEqual(await harness.names(), []);
  });

  test('views without entries have the start of the next', () => {
    const at = (view: number, seqno: number) => ({ view: asView(view), seqno: asSeqno(seqno) });
    assert.deepEqual(viewStartsAt([at(2, 1), at(4, 28)], asSeqno(30)), [1, 1, 28, 28]);
    assert.deepEqual(viewStartsAt([at(2, 1), at(4, 28)], asSeqno(27)), [1, 1]);
    assert.deepEqual(viewStartsAt([at(1, 1), at(2, 1)], asSeqno(5)), [1, 1]);
  });
});
