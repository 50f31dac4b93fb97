import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, type MemoryDisk, toHex, utf8Encode } from '@coco/base';
import {
  auditLedger,
  buildReceipt,
  type EncodedSnapshot,
  type FoundBegin,
  findBegin,
  LedgerSecrets,
  recoverLedger,
  reopenBegin,
  singletonKey,
} from '../src/index.ts';
import { writeFile } from './sample-recovery.ts';
import { createIdentity, type Identity, row, writes } from './sample-service.ts';
import { fileOf, SnapshotSample } from './snapshot-sample.ts';

const folder = 'ledger';
const snapshots = 'snapshots';
const identity = await createIdentity();

interface Begun {
  readonly sample: SnapshotSample;
  readonly disk: MemoryDisk;
  readonly snapshot: EncodedSnapshot;
  readonly name: string;
  readonly evidence: number;
}

/** A ledger of several chunks, with a snapshot where the second one ends. */
async function ledgerWithSnapshot(own: Identity = identity): Promise<Begun> {
  const sample = await SnapshotSample.create(own);
  const { sequencer } = sample.service;
  for (let chunk = 0; chunk < 2; chunk++) {
    sequencer.forceChunk();
    sample.writeRows(3, 40);
    await sample.sign();
  }
  const snapshot = sample.encode();
  const evidence = sequencer.nextSeqno;
  const receipt = await sample.receiptFor(snapshot);
  const disk = sample.service.at.disk as MemoryDisk;
  const name = `snapshot_${snapshot.seqno}_${evidence}.committed`;
  await disk.makeFolder(snapshots);
  await writeFile(disk, `${snapshots}/${name}`, fileOf(snapshot, receipt));
  for (let chunk = 0; chunk < 2; chunk++) {
    sequencer.forceChunk();
    sample.service.write(4);
    await sample.service.sign();
  }
  sample.service.write(2);
  await sample.service.sign();
  return { sample, disk, snapshot, name, evidence };
}

/** Takes away the files that end at or before `last`. */
async function lose(disk: MemoryDisk, last: number): Promise<void> {
  for (const name of await disk.list(folder)) {
    const end = Number(/^ledger_\d+-(\d+)/.exec(name)?.[1] ?? Number.POSITIVE_INFINITY);
    if (end <= last) await disk.remove(`${folder}/${name}`);
  }
}

const find = (disk: MemoryDisk): Promise<FoundBegin | undefined> =>
  findBegin({ disk, folder }, [{ disk, folder: snapshots }]);

async function begun(disk: MemoryDisk): Promise<FoundBegin> {
  const found = await find(disk);
  assert.ok(found, 'the ledger begins with a snapshot');
  return found;
}

test('a ledger that begins with its first entry needs no snapshot', async () => {
  const { disk } = await ledgerWithSnapshot();
  assert.equal(await find(disk), undefined);
});

test('the files behind a snapshot are read, decrypted and continued like a whole ledger', async () => {
  const { disk, sample, snapshot } = await ledgerWithSnapshot();
  const whole = await recoverLedger({ disk, folder });
  await lose(disk, snapshot.seqno);
  await assert.rejects(recoverLedger({ disk, folder }), { code: 'LedgerDamaged' });
  const { begin, snapshot: read } = await begun(disk);
  assert.equal(toHex(read.digest), toHex(snapshot.digest));
  const seqnos: number[] = [];
  const onBatch = (batch: readonly { readonly entry: { readonly id: { seqno: number } } }[]) => {
    seqnos.push(...batch.map(({ entry }) => entry.id.seqno));
  };
  const ledger = await recoverLedger({ disk, folder, begin, onBatch });
  assert.equal(ledger.beginsAfter, snapshot.seqno);
  assert.deepEqual(ledger.lastId, whole.lastId);
  assert.deepEqual(ledger.root, whole.root);
  assert.deepEqual(ledger.views, whole.views);
  assert.equal(ledger.highestView, whole.highestView);
  assert.equal(seqnos[0], snapshot.seqno + 1);
  await ledger.truncate();
  const { seqno } = ledger.lastId;
  await recoverLedger({ disk, folder, begin, verified: { seqno, root: ledger.root } });
  const secrets = new LedgerSecrets(sample.service.secrets.chain);
  let privateCount = 0;
  await ledger.replayPrivate(secrets, (batch) => {
    for (const { writeSet } of batch) {
      privateCount += writeSet.maps.filter(({ name }) => name === 'coco.records').length;
    }
  });
  assert.equal(privateCount, 10);
  const files = ledger.openFiles();
  assert.equal(files.begin, snapshot.seqno + 1);
  await assert.rejects(files.readEntries(asSeqno(1), asSeqno(1)), { code: 'EntryNotFound' });
  assert.equal((await files.readEntries(files.begin, seqno)).length, seqno - snapshot.seqno);
});

test('files before a gap are left alone, and the oldest snapshot behind it is taken', async () => {
  const { disk, snapshot } = await ledgerWithSnapshot();
  const names = (await disk.list(folder)).filter((name) => name.startsWith('ledger_'));
  const start = (name: string): number => Number(/^ledger_(\d+)/.exec(name)?.[1]);
  const second = names.toSorted((left, right) => start(left) - start(right))[1] ?? '';
  await disk.remove(`${folder}/${second}`);
  const { begin } = await begun(disk);
  assert.equal(begin.id.seqno, snapshot.seqno);
  const ledger = await recoverLedger({ disk, folder, begin });
  await ledger.truncate();
  assert.deepEqual(
    (await disk.list(folder)).toSorted(),
    names.filter((name) => name !== second).toSorted(),
  );
});

test('the audit of such a folder says what it does not cover', async () => {
  const { disk, snapshot, sample } = await ledgerWithSnapshot();
  await lose(disk, snapshot.seqno);
  const { begin } = await begun(disk);
  const { secrets } = sample.service;
  const report = await auditLedger({ disk, folder, begin, secrets });
  assert.ok(report.isSound, report.findings[0]?.sentence);
  const [gap] = report.unchecked;
  assert.deepEqual([gap?.firstSeqno, gap?.lastSeqno], [1, snapshot.seqno]);
});

test('without a snapshot that fits, the missing files are named', async () => {
  const { disk, snapshot, name } = await ledgerWithSnapshot();
  await lose(disk, snapshot.seqno);
  const path = `${snapshots}/${name}`;
  const bytes = await disk.readFile(path, 1e6);
  const missing = (expected: RegExp) =>
    assert.rejects(find(disk), (error: Error & { readonly code?: string }) => {
      assert.equal(error.code, 'LedgerDamaged');
      assert.match(error.message, expected);
      return true;
    });
  for (const at of [200, bytes.length - 20]) {
    const changed = bytes.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await writeFile(disk, path, changed);
    await missing(/snapshot_\d+_\d+\.committed: /);
  }
  await disk.remove(path);
  await writeFile(disk, `${snapshots}/snapshot_${snapshot.seqno}_99.committed`, bytes);
  await missing(/not the one that it is named as/);
  await disk.remove(`${snapshots}/snapshot_${snapshot.seqno}_99.committed`);
  await missing(/^The files before ledger_\d+-\d+\.committed are missing/);
});

test('a snapshot of a made-up service is refused, because the ledger does not vouch for it', async () => {
  const { disk, snapshot, name, sample, evidence } = await ledgerWithSnapshot();
  await lose(disk, snapshot.seqno);
  // Same place, same tree, another service and another state, with a receipt that verifies.
  const forger = await createIdentity();
  const forged = await SnapshotSample.create(forger);
  for (let at = 0; at < 2; at++) {
    forged.writeRows(3, 40);
    await forged.sign();
  }
  assert.equal(forged.source().state.seqno, snapshot.seqno);
  const made = forged.encode({ ...forged.source(), leaf: sample.source().leaf });
  const receipt = await forged.receiptFor(made);
  const path = `${snapshots}/${name}`;
  await writeFile(disk, path, fileOf(made, receipt));
  const { begin } = await begun(disk);
  assert.equal(begin.evidence.seqno, evidence);
  await assert.rejects(recoverLedger({ disk, folder, begin }), { code: 'LedgerDamaged' });
  // With the tree of the real ledger, only the missing evidence is left to show it.
  const { treeBytes } = await placed(sample, snapshot, { evidence, folder: 'real' });
  await assert.rejects(recoverLedger({ disk, folder, begin: { ...begin, treeBytes } }), {
    code: 'LedgerDamaged',
  });
});

test('an end before the evidence proves nothing of the snapshot', async () => {
  const { disk, snapshot } = await ledgerWithSnapshot();
  await lose(disk, snapshot.seqno);
  const { begin } = await begun(disk);
  const late = { ...begin, evidence: { ...begin.evidence, seqno: asSeqno(10_000) } };
  await assert.rejects(recoverLedger({ disk, folder, begin: late }), {
    code: 'LedgerDamaged',
    message: /vouches for the snapshot/,
  });
});

test('a digest that an application claims is no evidence', async () => {
  const sample = await SnapshotSample.create(identity);
  sample.service.sequencer.forceChunk();
  sample.writeRows(2, 30);
  await sample.sign();
  const snapshot = sample.encode();
  const { service } = sample;
  const { id } = service.append(
    writes({ 'public:coco.open': [row(singletonKey, utf8Encode('claims only'))] }),
    snapshot.digest,
  );
  await service.sign();
  const disk = service.at.disk as MemoryDisk;
  const evidence = id.seqno;
  const begin = await placed(sample, snapshot, { evidence, folder: snapshots });
  await assert.rejects(recoverLedger({ disk, folder, begin }), {
    message: /vouches for the snapshot/,
  });
});

/** The snapshot's file, with the receipt of `evidence`, in a folder, as the ledger's beginning. */
async function placed(
  sample: SnapshotSample,
  snapshot: EncodedSnapshot,
  place: { readonly evidence: number; readonly folder: string },
): Promise<FoundBegin['begin']> {
  const disk = sample.service.at.disk as MemoryDisk;
  const { files, secrets, sequencer } = sample.service;
  const id = { view: sequencer.view, seqno: asSeqno(place.evidence) };
  const [entryBytes] = await files.readEntries(id.seqno, id.seqno);
  const receipt = buildReceipt({
    id,
    entryBytes: entryBytes as Uint8Array,
    signatureEntryBytes: await files.readBatchSignature(id.seqno),
    secret: secrets.secretFor(id.seqno).key,
  });
  await disk.makeFolder(place.folder);
  const name = `snapshot_${snapshot.seqno}_${id.seqno}.committed`;
  await writeFile(disk, `${place.folder}/${name}`, fileOf(snapshot, receipt));
  await lose(disk, snapshot.seqno);
  const found = await findBegin({ disk, folder }, [{ disk, folder: place.folder }]);
  assert.ok(found, 'the ledger begins with a snapshot');
  return found.begin;
}

test('a snapshot that changes between two reads is noticed', async () => {
  const { disk, snapshot, name } = await ledgerWithSnapshot();
  await lose(disk, snapshot.seqno);
  const found = await begun(disk);
  assert.equal(toHex((await reopenBegin(found)).digest), toHex(snapshot.digest));
  const other = await ledgerWithSnapshot(await createIdentity());
  const bytes = await other.disk.readFile(`${snapshots}/${other.name}`, 1e6);
  await writeFile(disk, `${snapshots}/${name}`, bytes);
  await assert.rejects(reopenBegin(found), { code: 'LedgerDamaged' });
});
