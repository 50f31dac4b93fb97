/**
 * Nodes whose host changed what they serve: nothing of it is taken, the node is asked no more, and
 * another one's answer counts. Where nobody honest is left, the reader ends with a code and holds
 * nothing of what it was served.
 */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, MemoryDisk } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { CommittedBody } from '@coco/ledger';
import { copyFolder, createIdentity, SampleService } from '../../ledger/test/ledger-harness.ts';
import type { CatchUpSource } from '../src/catch-up-source.ts';
import { filesOf, type NamedSnapshot, Origin, Reader } from './catch-up-harness.ts';

type Batches = readonly CommittedBody[];

async function served(origin: Origin): Promise<Reader> {
  const reader = await Reader.create(origin);
  reader.sources = [origin.source('one')];
  await reader.install(await origin.order(1, 1));
  return reader;
}

/** Serves what `change` makes of an honest answer. */
function liar(
  origin: Origin,
  change: (batches: Batches) => Batches | Promise<Batches>,
): CatchUpSource {
  const honest = origin.source('liar');
  return { ...honest, readBatches: async (from, to) => change(await honest.readBatches(from, to)) };
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** The first batch of an answer, changed. */
function first(change: (batch: CommittedBody) => CommittedBody): (batches: Batches) => Batches {
  return ([batch, ...others]) => [...(batch ? [change(batch)] : []), ...others];
}

/** The liar is asked first, then an honest node; everything ends as if there had been no liar. */
async function survives(
  origin: Origin,
  lie: (batches: Batches) => Batches | Promise<Batches>,
  name: string,
): Promise<void> {
  const reader = await Reader.create(origin);
  reader.sources = [liar(origin, lie), origin.source('honest')];
  await reader.install(await origin.order(1, 1));
  assert.deepEqual(reader.refusals(), ['liar'], name);
  assert.equal(reader.standing(), (await served(origin)).standing(), name);
  const disk = origin.service.at.disk as MemoryDisk;
  assert.deepEqual(await filesOf(reader.disk), await filesOf(disk), name);
  const alone = await Reader.create(origin);
  alone.sources = [liar(origin, lie)];
  await assert.rejects(alone.install(await origin.order(1, 1)), { code: 'CatchUpFailed' }, name);
  assert.equal(alone.pipeline.committedSeqno, 0, name);
  assert.deepEqual(alone.observed, [], name);
}

suite('batches of a hostile host', () => {
  test('cut short, flipped, renumbered or misordered are refused', async () => {
    const origin = await Origin.create();
    await origin.write(9, 4, 15);
    const lies: Readonly<Record<string, (batches: Batches) => Batches>> = {
      'cut short': first((batch) => ({ ...batch, body: batch.body.subarray(0, -1) })),
      'an entry less': first((batch) => ({ ...batch, entryCount: batch.entryCount + 1 })),
      'an entry too many': first((batch) => ({
        ...batch,
        body: new Uint8Array([...batch.body, ...batch.body]),
      })),
      'no entry': first((batch) => ({ ...batch, body: new Uint8Array(0) })),
      'another view': first((batch) => ({ ...batch, view: asView(3) })),
      'another seqno': first((batch) => ({ ...batch, firstSeqno: asSeqno(batch.firstSeqno + 1) })),
      misordered: (batches) => [...batches].reverse().concat(batches),
      'a batch left out': (batches) =>
        [...batches.slice(0, 1), ...batches.slice(2)].concat(batches),
      'nothing at all': () => [],
    };
    for (const [name, lie] of Object.entries(lies)) await survives(origin, lie, name);
    const reader = await Reader.create(origin);
    reader.sources = [liar(origin, () => []), origin.source('honest')];
    await reader.install(await origin.order(1, 1));
    const told = reader.events.find(({ event }) => event === 'install.refused');
    assert.equal(told?.fields.code, 'SourceRefused');
  });

  test('changed in any byte are refused', async () => {
    const origin = await Origin.create();
    await origin.write(3);
    const [batch] = await origin.batches(origin.last - 3);
    assert.ok(batch);
    for (let at = 0; at < batch.body.length; at += 67) {
      const lie = (batches: Batches): Batches =>
        batches.map((one) => ({
          ...one,
          body: flipped(one.body, Math.min(at, one.body.length - 1)),
        }));
      await survives(origin, lie, `byte ${at}`);
    }
  });

  test('of another service, or of a recovery that was given up, are refused', async () => {
    const origin = await Origin.create();
    await origin.write(9, 4);
    const other = await Origin.create(5);
    await other.write(9, 4);
    await survives(origin, ([batch]) => other.batches(batch?.firstSeqno ?? 1), 'another service');
    const fork = await forkOf(origin);
    const recovered = await origin.recover(await createIdentity());
    await recovered.write(3);
    await fork.write(3);
    const forkBegins = fork.service.batches[0]?.firstSeqno ?? asSeqno(1);
    const lie = ([batch]: Batches): Promise<Batches> =>
      (batch?.firstSeqno ?? 0) < forkBegins
        ? recovered.batches(batch?.firstSeqno ?? 1, forkBegins - 1)
        : fork.batches(forkBegins);
    await survives(recovered, lie, 'another recovery');
  });

  test('that were signed but never committed end the reader, at the latest at the last one', async () => {
    const origin = await Origin.create();
    await origin.write(9);
    const { service } = origin;
    const kept = origin.last;
    service.write(4);
    const lost = service.seal();
    await service.elect(asView(4), kept);
    await origin.write(6);
    const reader = await Reader.create(origin);
    reader.sources = [
      liar(origin, (batches) =>
        batches.flatMap((one) => (one.firstSeqno === kept + 1 ? [lost] : [one])),
      ),
    ];
    await assert.rejects(reader.install(await origin.order(1, 1)), { code: 'CatchUpFailed' });
    assert.equal(reader.pipeline.committedSeqno, 0);
  });

  test('leave no trace in a node that lagged', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const reader = await served(origin);
    const before = reader.standing();
    await origin.write(7, 3);
    const lie = first((batch) => ({ ...batch, body: flipped(batch.body, batch.body.length - 9) }));
    reader.sources = [liar(origin, lie)];
    const next = reader.pipeline.committedSeqno + 1;
    await assert.rejects(reader.install(await origin.order(2, next)), { code: 'CatchUpFailed' });
    assert.equal(reader.standing(), before);
    reader.sources = [liar(origin, lie), origin.source('honest')];
    await reader.install(await origin.order(3, next));
    assert.equal(reader.standing(), (await served(origin)).standing());
  });
});

suite('snapshots of a hostile host', () => {
  /** Offers `offered` while the sources serve `files` under its name. */
  async function begin(
    origin: Origin,
    offered: NamedSnapshot,
    sources: readonly CatchUpSource[],
  ): Promise<Reader> {
    const reader = await Reader.create(origin);
    reader.sources = sources;
    await reader.install(await origin.order(1, 1, offered));
    return reader;
  }

  test('flipped, cut short or older are refused for the one that was agreed on', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const older = await origin.snapshot(await served(origin));
    await origin.write(5);
    const agreed = await origin.snapshot(await served(origin));
    const lies = [
      older.file,
      agreed.file.subarray(0, -1),
      new Uint8Array(0),
      ...[3, 40, 200, agreed.file.length - 5].map((at) => flipped(agreed.file, at)),
    ];
    for (const file of lies) {
      const sources = [
        origin.source('liar', [{ ...agreed, file }]),
        origin.source('honest', [agreed]),
      ];
      const reader = await begin(origin, agreed, sources);
      assert.deepEqual(reader.refusals(), ['liar']);
      assert.equal(reader.installer.startedFrom?.seqno, agreed.seqno);
    }
  });

  test('that no receipt of the service proves are not begun from, even where they were agreed on', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const reader = await served(origin);
    const snapshot = await origin.snapshot(reader);
    await origin.write(2);
    const other = await origin.snapshot(await served(origin));
    const unproven = snapshot.file.subarray(0, entryLength(snapshot.file));
    const swapped = new Uint8Array([...unproven, ...other.file.subarray(entryLength(other.file))]);
    const stranger = await Origin.create(9, await createIdentity());
    await stranger.write(5);
    const foreign = await stranger.snapshot(await served(stranger));
    const misnamed = { ...other, name: snapshot.name };
    const beyond = { ...snapshot, name: 'snapshot_9000_9001.committed' };
    const cases = [
      { ...snapshot, file: unproven },
      { ...snapshot, file: swapped },
      foreign,
      misnamed,
      beyond,
    ].map((one) => ({ ...one, digest: new Uint8Array(sha256(one.file)) }));
    for (const agreed of cases) {
      const begun = await begin(origin, agreed, [origin.source('one', [agreed])]);
      assert.equal(begun.installer.startedFrom, undefined, 'the whole ledger is read');
      assert.ok(begun.events.some(({ event }) => event === 'install.withoutSnapshot'));
      assert.equal(begun.standing(), (await served(origin)).standing());
    }
  });
});

/** Bytes of the entry at the start of a snapshot's file. */
function entryLength(file: Uint8Array): number {
  return 8 + new DataView(file.buffer, file.byteOffset).getUint32(2, true);
}

/** A recovery of the same files that nobody went on with. */
async function forkOf(origin: Origin): Promise<Origin> {
  const disk = new MemoryDisk();
  const { at, identity, guard, secrets, sequencer, files, random } = origin.service;
  await copyFolder(at.disk, disk);
  const copy = new SampleService({ disk, identity }, { guard, secrets, sequencer, files, random });
  return new Origin(copy).recover(await createIdentity(), 78);
}
