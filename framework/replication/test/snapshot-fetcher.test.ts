import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, type Clock, type LogFields, MemoryDisk, toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { serviceInfo, snapshotEvidence } from '@coco/governance';
import { Store } from '@coco/kv';
import { parseSnapshotName, SnapshotFiles } from '@coco/ledger';
import type { CatchUpSource } from '../src/catch-up-source.ts';
import { SnapshotFetcher } from '../src/snapshot-fetcher.ts';
import type { KeptSnapshot } from '../src/snapshot-maker.ts';
import { identity, type NamedSnapshot, Origin, Reader } from './catch-up-harness.ts';

const folder = 'snapshots';

const origin = await Origin.create();
await origin.write(5, 30);
const reader = await Reader.create(origin);
reader.sources = [origin.source('one')];
await reader.install(await origin.order(1, 1));
const snapshot = await origin.snapshot(reader);
await origin.write(3);
const later = await Reader.create(origin);
later.sources = [origin.source('one')];
await later.install(await origin.order(1, 1));
const other = await origin.snapshot(later);

class Fetching {
  readonly disk: MemoryDisk = new MemoryDisk();
  readonly kept: KeptSnapshot[] = [];
  readonly events: { event: string; fields: LogFields }[] = [];
  readonly fetcher: SnapshotFetcher;
  readonly files: SnapshotFiles;
  isPrimary = false;
  sources: readonly CatchUpSource[] = [];
  waits = 0;

  private constructor(files: SnapshotFiles, disk: MemoryDisk) {
    this.files = files;
    this.disk = disk;
    const clock: Clock = {
      nowMs: () => 0,
      monotonicMs: () => 0,
      setTimer: (_delayMs, callback) => {
        this.waits++;
        setImmediate(callback);
        return () => {};
      },
    };
    this.fetcher = new SnapshotFetcher({
      files,
      serviceSpki: identity.key.spki,
      isPrimary: () => this.isPrimary,
      sources: () => this.sources,
      onKept: (kept) => this.kept.push(kept),
      clock,
      log: { write: (_level, event, fields = {}) => void this.events.push({ event, fields }) },
    });
  }

  /** Another process on the same files. */
  again(): Fetching {
    return new Fetching(this.files, this.disk);
  }

  static async create(): Promise<Fetching> {
    const disk = new MemoryDisk();
    return new Fetching(await SnapshotFiles.open({ disk, folder }, asSeqno(1000)), disk);
  }

  /** The evidence of the snapshot commits. */
  async commit(of: NamedSnapshot, options: { createdAt?: string } = {}): Promise<void> {
    const hash = toHex(entryDigest(of));
    const current_service_create_txid = options.createdAt ?? '2.1';
    const name = parseSnapshotName(of.name);
    assert.ok(name);
    const store = new Store();
    const transaction = store.begin();
    serviceInfo.put(transaction, { cert: 'PEM', status: 'Open', current_service_create_txid });
    snapshotEvidence.put(transaction, { hash, version: name.seqno });
    store.skip(asSeqno(name.evidenceSeqno - 1));
    store.apply(transaction.writeSet(), name.evidenceSeqno);
    store.seal();
    this.fetcher.onCommitted({ state: store.readAt(store.seqno) });
    await this.fetcher.whenIdle();
  }

  names(): Promise<readonly string[]> {
    return this.disk.list(folder);
  }
}

function entryDigest({ file }: NamedSnapshot): Uint8Array {
  return sha256(file.subarray(0, entryBytes(file)));
}

function entryBytes(file: Uint8Array): number {
  return 8 + new DataView(file.buffer, file.byteOffset).getUint32(2, true);
}

suite('a backup and the snapshots of the primary', () => {
  test('keeps the file when its evidence commits, and says so', async () => {
    const fetching = await Fetching.create();
    fetching.sources = [origin.source('primary', [snapshot])];
    await fetching.commit(snapshot);
    assert.deepEqual(await fetching.names(), [snapshot.name]);
    const size = await fetching.files.size(snapshot.name);
    const file = await fetching.files.read(snapshot.name, { offset: 0, length: size });
    assert.deepEqual(file, snapshot.file);
    const { name, seqno, digest } = snapshot;
    assert.deepEqual(
      fetching.kept.map((one) => ({ ...one, digest: new Uint8Array(one.digest) })),
      [{ name, seqno, digest }],
    );
    await fetching.commit(snapshot);
    assert.equal(fetching.kept.length, 1, 'once');
    const again = fetching.again();
    await again.commit(snapshot);
    assert.deepEqual(
      again.kept.map((one) => ({ ...one, digest: new Uint8Array(one.digest) })),
      [{ name, seqno, digest }],
      'a node that began from it offers it, and asks nobody',
    );
  });

  test('leaves alone what was made before the service was recovered', async () => {
    const fetching = await Fetching.create();
    fetching.sources = [origin.source('primary', [snapshot])];
    await fetching.commit(snapshot, { createdAt: '5.900' });
    assert.deepEqual(await fetching.names(), []);
  });

  test('waits until the primary has completed it', async () => {
    const fetching = await Fetching.create();
    let asked = 0;
    const source = origin.source('primary', [snapshot]);
    const readSnapshotPart: CatchUpSource['readSnapshotPart'] = (name, from) =>
      ++asked < 5
        ? origin.batches(9_999).then(() => assert.fail())
        : source.readSnapshotPart(name, from);
    fetching.sources = [{ ...source, readSnapshotPart }];
    await fetching.commit(snapshot);
    assert.equal(fetching.waits, 4);
    assert.deepEqual(await fetching.names(), [snapshot.name]);
  });

  test('takes no file that is not the one of the evidence, and asks another node', async () => {
    const cut = entryBytes(snapshot.file);
    const swapped = [
      ...snapshot.file.subarray(0, cut),
      ...other.file.subarray(entryBytes(other.file)),
    ];
    const changed = snapshot.file.slice();
    changed[cut - 9] = (changed[cut - 9] ?? 0) ^ 1;
    const lies = [
      other.file,
      changed,
      snapshot.file.subarray(0, cut),
      snapshot.file.subarray(0, -1),
      Uint8Array.from(swapped),
      Uint8Array.from([...snapshot.file, ...new Uint8Array(70_000)]),
      new Uint8Array(2_000),
    ];
    for (const file of lies) {
      const fetching = await Fetching.create();
      const liar = origin.source('liar', [{ ...snapshot, file }]);
      fetching.sources = [liar];
      await fetching.commit(snapshot);
      assert.deepEqual(await fetching.names(), []);
      assert.deepEqual(
        fetching.events.map(({ event }) => event),
        ['install.refused', 'snapshot.missed'],
      );
      const second = await Fetching.create();
      second.sources = [liar, origin.source('honest', [snapshot])];
      await second.commit(snapshot);
      assert.deepEqual(await second.names(), [snapshot.name]);
    }
  });

  test('refuses parts that make no file', async () => {
    const source = origin.source('liar', [snapshot]);
    const lies: readonly CatchUpSource['readSnapshotPart'][] = [
      async () => ({ bytes: new Uint8Array(0), size: 100 }),
      async (name, from) => ({
        ...(await source.readSnapshotPart(name, from)),
        size: from + 9_000,
      }),
      async (name, from) => ({ ...(await source.readSnapshotPart(name, from)), size: 10 }),
      async (name, from) => ({ ...(await source.readSnapshotPart(name, from)), size: 2 ** 40 }),
    ];
    for (const readSnapshotPart of lies) {
      const fetching = await Fetching.create();
      fetching.sources = [{ ...source, readSnapshotPart }];
      await fetching.commit(snapshot);
      assert.deepEqual(await fetching.names(), []);
      assert.equal(fetching.events[0]?.event, 'install.refused');
    }
  });

  test('the primary asks nobody, and who stops asks no more', async () => {
    const fetching = await Fetching.create();
    fetching.sources = [origin.source('one', [snapshot])];
    fetching.isPrimary = true;
    await fetching.commit(snapshot);
    assert.deepEqual(await fetching.names(), []);
    fetching.isPrimary = false;
    await fetching.fetcher.stop();
    await fetching.commit(other);
    assert.deepEqual(await fetching.names(), []);
  });

  test('a newer snapshot ends the asking for an older one', async () => {
    const fetching = await Fetching.create();
    const newer = origin.source('one', [other]);
    const gone: CatchUpSource['readSnapshotPart'] = (name, from) =>
      name === other.name
        ? newer.readSnapshotPart(name, from)
        : origin.batches(9_999).then(() => assert.fail());
    fetching.sources = [{ ...newer, readSnapshotPart: gone }];
    const first = fetching.commit(snapshot);
    await fetching.commit(other);
    await first;
    assert.deepEqual(await fetching.names(), [other.name]);
    assert.ok(fetching.waits < 59, 'it did not wait for the older one to the end');
  });
});
