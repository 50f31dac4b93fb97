import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  asSeqno,
  type Clock,
  type LogFields,
  type MemoryDisk,
  present,
  type Seqno,
} from '@coco/base';
import { OlderFiles, readBatches } from '@coco/ledger';
import { createIdentity } from '../../ledger/test/ledger-harness.ts';
import type { CatchUpSource } from '../src/catch-up-source.ts';
import { OlderLedger } from '../src/older-ledger.ts';
import { filesOf, Origin, Reader } from './catch-up-harness.ts';

/** A reader that began from a snapshot of `origin`, and goes on for `more` batches. */
async function begun(origin: Origin, more: readonly number[]): Promise<Reader> {
  const whole = await Reader.create(origin);
  whole.sources = [origin.source('one')];
  await whole.install(await origin.order(1, 1));
  const snapshot = await origin.snapshot(whole);
  await origin.write(...more);
  const reader = await Reader.create(origin);
  reader.sources = [origin.source('one', [snapshot])];
  await reader.install(await origin.order(1, 1, snapshot));
  assert.equal(reader.installer.startedFrom?.seqno, snapshot.seqno);
  return reader;
}

class Fetching {
  readonly older: OlderLedger;
  readonly events: { event: string; fields: LogFields }[] = [];
  readonly pauses: number[] = [];
  /** Runs at each pause. */
  onPause: () => void | Promise<void> = () => {};

  constructor(reader: Reader, sources: () => readonly CatchUpSource[]) {
    let files: OlderFiles | undefined;
    const clock: Clock = {
      nowMs: () => 0,
      monotonicMs: () => 0,
      setTimer: (delayMs, callback) => {
        this.pauses.push(delayMs);
        void Promise.resolve(this.onPause()).then(() => setImmediate(callback));
        return () => {};
      },
    };
    this.older = new OlderLedger({
      point: present(reader.installer.startedFrom, 'it began from a snapshot'),
      receiver: reader.receiver,
      files: {
        begin: async () => {
          const at = { disk: reader.disk, folder: 'ledger' };
          files = await OlderFiles.create(at, reader.files);
        },
        append: (batches) => present(files, 'begun').append(batches),
        finish: () => present(files, 'begun').finish(),
      },
      sources,
      clock,
      log: { write: (_level, event, fields = {}) => void this.events.push({ event, fields }) },
      yieldThread: () => new Promise((resolve) => setImmediate(resolve)),
    });
  }
}

/** Every batch that the reader has, from the first on. */
async function allOf(reader: Reader): Promise<number> {
  let next: Seqno = asSeqno(1);
  while (next < reader.files.next) {
    const batches = await readBatches(reader.files, next, {
      to: reader.files.committed,
      bytesMax: 9_000,
    });
    const last = present(batches.at(-1), 'one at least');
    next = asSeqno(last.firstSeqno + last.entryCount);
  }
  return next;
}

suite('the ledger before the snapshot that a node began from', () => {
  test('comes in, equal to the byte, and joins the node’s own files', async () => {
    const origin = await Origin.create();
    await origin.write(5, 30, 8, 40);
    const reader = await begun(origin, [7, 60, 60, 2]);
    const { code } = await reader.files.readBatchSignature(asSeqno(3)).then(
      () => ({ code: 'read' }),
      (error: { code: string }) => error,
    );
    assert.equal(code, 'EntryNotYetHere');
    const fetching = new Fetching(reader, () => [origin.source('one')]);
    await fetching.older.fetch();
    assert.deepEqual(
      await filesOf(reader.disk),
      await filesOf(origin.service.at.disk as MemoryDisk),
    );
    assert.equal(await allOf(reader), origin.last + 1);
    const signature = await origin.service.files.readBatchSignature(asSeqno(3));
    assert.deepEqual(await reader.files.readBatchSignature(asSeqno(3)), signature);
    assert.deepEqual(await reader.disk.list('ledger/older'), []);
    assert.equal(fetching.events.at(-1)?.event, 'older.done');
    await origin.write(9);
    await reader.install(await origin.order(2, reader.pipeline.committedSeqno + 1));
    assert.deepEqual(
      await filesOf(reader.disk),
      await filesOf(origin.service.at.disk as MemoryDisk),
    );
  });

  test('waits for the chunk that the snapshot cut in two', async () => {
    const origin = await Origin.create();
    await origin.write(5, 60, 1);
    const reader = await begun(origin, [1]);
    const fetching = new Fetching(reader, () => [origin.source('one')]);
    let rounds = 0;
    fetching.onPause = async () => {
      if (++rounds !== 3) return;
      await origin.write(60);
      await reader.install(await origin.order(2, reader.pipeline.committedSeqno + 1));
    };
    await fetching.older.fetch();
    assert.equal(rounds, 3);
    assert.deepEqual(
      await filesOf(reader.disk),
      await filesOf(origin.service.at.disk as MemoryDisk),
    );
  });

  test('lies across rekeys and recoveries, whose secrets are learnt', async () => {
    let origin = await Origin.create();
    await origin.write(20);
    origin = await origin.recover(await createIdentity());
    await origin.rekey();
    await origin.rekey();
    await origin.write(6);
    const reader = await begun(origin, [60, 3]);
    const { chain } = origin.service.secrets;
    const fetching = new Fetching(reader, () => [origin.source('one')]);
    await fetching.older.fetch();
    assert.equal(reader.secrets.chain.length, chain.length);
    assert.deepEqual(
      await filesOf(reader.disk),
      await filesOf(origin.service.at.disk as MemoryDisk),
    );
  });

  test('is taken from another node where one serves what does not verify, or nothing', async () => {
    const origin = await Origin.create();
    await origin.write(5, 30, 8);
    const reader = await begun(origin, [60]);
    const honest = origin.source('honest');
    const liar: CatchUpSource = {
      ...honest,
      name: 'liar',
      readBatches: async (from, to) =>
        (await honest.readBatches(from, to)).map((batch) => ({
          ...batch,
          body: Uint8Array.from(batch.body, (byte, at) => (at === 99 ? byte ^ 1 : byte)),
        })),
    };
    let sources: readonly CatchUpSource[] = [liar];
    const fetching = new Fetching(reader, () => sources);
    fetching.onPause = () => {
      sources = [liar, honest];
    };
    await fetching.older.fetch();
    const names = fetching.events.map(({ event }) => event);
    assert.deepEqual(names.slice(0, 4), [
      'older.begun',
      'install.refused',
      'older.failed',
      'older.begun',
    ]);
    assert.deepEqual(fetching.pauses, [60_000]);
    assert.deepEqual(
      await filesOf(reader.disk),
      await filesOf(origin.service.at.disk as MemoryDisk),
    );
  });

  test('counts for nothing where it does not lead to the snapshot', async () => {
    const origin = await Origin.create();
    await origin.write(5, 30);
    const reader = await begun(origin, [60]);
    const point = present(reader.installer.startedFrom, 'it began from a snapshot');
    Object.assign(point, { root: new Uint8Array(32) });
    const fetching = new Fetching(reader, () => [origin.source('one')]);
    fetching.onPause = () => fetching.older.stop();
    await fetching.older.fetch();
    assert.equal(fetching.events.at(-1)?.event, 'older.failed');
    await assert.rejects(reader.files.readBatchSignature(asSeqno(3)), { code: 'EntryNotYetHere' });
  });

  test('is asked for no more once the node stops', async () => {
    const origin = await Origin.create();
    await origin.write(5);
    const reader = await begun(origin, [4]);
    const fetching = new Fetching(reader, () => []);
    fetching.onPause = () => fetching.older.stop();
    await fetching.older.fetch();
    assert.ok(fetching.pauses.length <= 3, `${fetching.pauses}`);
  });
});
