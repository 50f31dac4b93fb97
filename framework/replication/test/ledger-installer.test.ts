import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, type MemoryDisk } from '@coco/base';
import { createIdentity } from '../../ledger/test/ledger-harness.ts';
import { filesOf, identity, Origin, Reader } from './catch-up-harness.ts';

async function whole(origin: Origin): Promise<Reader> {
  const reader = await Reader.create(origin);
  reader.sources = [origin.source('one')];
  await reader.install(await origin.order(1, 1));
  return reader;
}

suite('a node that lacks a part of the ledger', () => {
  test('reads all of it where it holds nothing, to the byte', async () => {
    const origin = await Origin.create();
    await origin.write(5, 30, 1, 12, 40);
    const reader = await whole(origin);
    assert.equal(reader.pipeline.committedSeqno, origin.last);
    assert.deepEqual(reader.observed, [`2.1-${origin.last}`], 'it hears of one commit');
    const files = await filesOf(reader.disk);
    assert.ok(Object.keys(files).length > 3);
    assert.deepEqual(files, await filesOf(origin.service.at.disk as MemoryDisk));
    const { sequencer } = reader.pipeline.state;
    assert.equal(sequencer.nextSeqno, origin.last + 1);
    assert.equal(reader.tracker.status({ view: sequencer.view, seqno: origin.last }), 'Committed');
    assert.equal(reader.installer.startedFrom, undefined);
  });

  test('begins from the snapshot that was offered, and holds the same', async () => {
    const origin = await Origin.create();
    await origin.write(5, 30);
    const snapshot = await origin.snapshot(await whole(origin));
    await origin.write(7, 2);
    const reader = await Reader.create(origin);
    reader.sources = [origin.source('one', [snapshot])];
    await reader.install(await origin.order(1, 1, snapshot));
    assert.equal(reader.standing(), (await whole(origin)).standing());
    assert.equal(reader.installer.startedFrom?.seqno, snapshot.seqno);
    assert.deepEqual(reader.kept, [snapshot.name]);
    const [first] = Object.keys(await filesOf(reader.disk));
    assert.ok(first?.startsWith(`ledger_${snapshot.seqno + 1}`), first);
    const behind = await origin.service.files.readEntries(asSeqno(snapshot.seqno + 1), origin.last);
    const own = await reader.files.readEntries(asSeqno(snapshot.seqno + 1), origin.last);
    assert.deepEqual(own, behind);
  });

  test('begins from a snapshot of the very last batch', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const order = await origin.order(1, 1);
    const snapshot = await origin.snapshot(await whole(origin));
    const reader = await Reader.create(origin);
    reader.sources = [origin.source('one', [snapshot])];
    await reader.install({ ...order, offer: { ...order.offer, ledgerSnapshot: snapshot } });
    assert.equal(reader.pipeline.committedSeqno, snapshot.seqno);
    await origin.write(3);
    await reader.install(await origin.order(2, snapshot.seqno + 1));
    assert.equal(reader.pipeline.committedSeqno, origin.last);
  });

  test('reads across recoveries, from nothing and from a snapshot behind them', async () => {
    let origin = await Origin.create();
    await origin.write(20, 9);
    origin = await origin.recover(await createIdentity());
    await origin.write(4, 30);
    origin = await origin.recover(await createIdentity());
    await origin.write(6);
    const reader = await whole(origin);
    assert.equal(reader.pipeline.committedSeqno, origin.last);
    const disk = origin.service.at.disk as MemoryDisk;
    assert.deepEqual(await filesOf(reader.disk), await filesOf(disk));
    const snapshot = await origin.snapshot(reader);
    await origin.write(2);
    const other = await Reader.create(origin);
    other.sources = [origin.source('one', [snapshot])];
    await other.install(await origin.order(1, 1, snapshot));
    assert.equal(other.standing(), (await whole(origin)).standing());
    assert.ok(other.tracker.viewHistory().length > 3);
  });

  test('takes the secrets of rekeys on the way, and of one before its snapshot', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const [first] = origin.service.secrets.chain;
    assert.ok(first);
    await origin.rekey();
    await origin.rekey();
    const reader = await Reader.create(origin, [first]);
    reader.sources = [origin.source('one')];
    await reader.install(await origin.order(1, 1));
    assert.equal(reader.secrets.chain.length, 3);
    assert.equal(reader.pipeline.committedSeqno, origin.last);
    const snapshot = await origin.snapshot(reader);
    await origin.rekey();
    const other = await Reader.create(origin, [first]);
    other.sources = [origin.source('one', [snapshot])];
    await other.install(await origin.order(1, 1, snapshot));
    assert.equal(other.standing(), (await whole(origin)).standing());
    assert.deepEqual(
      other.secrets.chain.map(({ fingerprint }) => fingerprint),
      [0, 2, 3].map((at) => origin.service.secrets.chain[at]?.fingerprint),
      'the one between is learnt with the older chunks',
    );
  });

  test('goes on from where it stands when it lagged', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const reader = await whole(origin);
    await origin.write(3, 25, 4);
    await origin.rekey();
    const from = reader.pipeline.committedSeqno + 1;
    const snapshot = await origin.snapshot(await whole(origin));
    await reader.install(await origin.order(2, from, snapshot));
    assert.equal(reader.standing(), (await whole(origin)).standing());
    assert.ok(reader.observed.length > 3, 'it hears of each batch');
    assert.deepEqual(reader.kept, [], 'a snapshot is for who holds nothing');
  });

  test('waits for somebody who has it, and gives up after a minute', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const reader = await Reader.create(origin);
    reader.sources = [];
    await assert.rejects(reader.install(await origin.order(1, 1)), { code: 'CatchUpFailed' });
    assert.equal(reader.waits, 59);
    let answers = 0;
    const late = origin.source('late');
    reader.sources = [
      {
        ...late,
        readBatches: (from, to) =>
          ++answers < 4 ? origin.batches(9_999) : late.readBatches(from, to),
      },
    ];
    await reader.install(await origin.order(2, 1));
    assert.equal(reader.waits, 59 + 3);
    assert.deepEqual(reader.refusals(), []);
  });

  test('reads the whole ledger where nobody has the snapshot any more', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const snapshot = await origin.snapshot(await whole(origin));
    const reader = await Reader.create(origin);
    const source = origin.source('one');
    reader.sources = [
      {
        ...source,
        readSnapshotPart: () =>
          origin.batches(9_999).then(() => ({ bytes: snapshot.file, size: 0 })),
      },
    ];
    await reader.install(await origin.order(1, 1, snapshot));
    assert.equal(reader.standing(), (await whole(origin)).standing());
    assert.ok(reader.events.some(({ event }) => event === 'install.withoutSnapshot'));
  });

  test('ends where the ledger is not one of its service', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const recovered = await origin.recover(await createIdentity());
    const reader = await Reader.create(new Origin(recovered.service));
    reader.sources = [recovered.source('one')];
    const order = await recovered.order(1, 1);
    const other = await Reader.create(
      new Origin({ ...recovered.service, identity } as never),
      recovered.service.secrets.chain,
    );
    other.sources = reader.sources;
    await assert.rejects(other.install(order), { code: 'CatchUpFailed' });
    assert.equal(other.pipeline.committedSeqno, 0);
  });

  test('asks nobody any more when it stops', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const reader = await Reader.create(origin);
    reader.sources = [origin.source('one')];
    const order = await origin.order(1, 1);
    reader.installer.stop();
    await assert.rejects(reader.install(order), { code: 'CatchUpFailed' });
  });
});
