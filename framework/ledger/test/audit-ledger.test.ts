import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, equalBytes, MemoryDisk } from '@coco/base';
import fc from 'fast-check';
import { type AuditFinding, type AuditReport, auditLedger, decodeEntry } from '../src/index.ts';
import { copyFolder, recoverSample, writeFile } from './sample-recovery.ts';
import { createIdentity, row, SampleService, serviceInfo, writes } from './sample-service.ts';

const folder = 'ledger';

/**
 * A ledger with everything in it: several chunks, an election, a recovery, an open chunk at the
 * end. The disk is never changed; each test damages a copy.
 */
async function richLedger(): Promise<{
  readonly disk: MemoryDisk;
  readonly service: SampleService;
}> {
  const disk = new MemoryDisk();
  const before = await SampleService.create({
    disk,
    identity: await createIdentity(),
    chunkBytes: 6000,
  });
  await before.open();
  for (let batch = 0; batch < 2; batch++) {
    before.write(5);
    await before.sign();
  }
  before.write(2);
  await before.elect(asView(3), before.sequencer.committed);
  before.write(4);
  await before.sign();
  await before.files.close();
  const options = { disk, identity: await createIdentity(), chunkBytes: 6000 };
  const service = await recoverSample(options, before);
  for (let batch = 0; batch < 2; batch++) {
    service.write(5);
    await service.sign();
  }
  return { disk, service };
}

const { disk: pristine, service } = await richLedger();
const names = service.files.fileNames;
const contents = new Map<string, Uint8Array>();
for (const name of names) contents.set(name, await pristine.readFile(`${folder}/${name}`, 1e7));
const last = service.batches.at(-1)?.signatureId ?? { view: asView(0), seqno: asSeqno(0) };
const [oldest, middle, newest] = [names[0] ?? '', names[1] ?? '', names.at(-1) ?? ''];

function contentOf(name: string): Uint8Array {
  return contents.get(name) ?? new Uint8Array(0);
}

/** Audits a copy of the ledger in which one file has another content (undefined: is removed). */
async function auditWith(
  changes: Readonly<Record<string, Uint8Array | undefined>>,
  options: { readonly withSecrets?: boolean } = {},
): Promise<AuditReport> {
  const disk = new MemoryDisk();
  for (const [name, bytes] of contents) {
    if (!Object.hasOwn(changes, name)) await writeFile(disk, `${folder}/${name}`, bytes);
  }
  for (const [name, bytes] of Object.entries(changes)) {
    if (bytes) await writeFile(disk, `${folder}/${name}`, bytes);
  }
  return auditLedger({
    disk,
    folder,
    ...(options.withSecrets ? { secrets: service.secrets } : {}),
  });
}

function flip(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const flipped = bytes.slice();
  flipped[at] = (flipped[at] as number) ^ (1 << bit);
  return flipped;
}

/** Offset and size of each entry of a file. */
function entriesOf(name: string): readonly { readonly at: number; readonly size: number }[] {
  const bytes = contentOf(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = Number(view.getBigUint64(0, true)) || bytes.length;
  const entries: { at: number; size: number }[] = [];
  for (let at = 8; at < end; ) {
    const size = 8 + view.getUint32(at + 2, true);
    entries.push({ at, size });
    at += size;
  }
  return entries;
}

/** The seqno of the entry that a byte of a file belongs to; undefined in header and table. */
function seqnoAt(name: string, offset: number): number | undefined {
  const index = entriesOf(name).findIndex(({ at, size }) => offset >= at && offset < at + size);
  return index < 0 ? undefined : Number(/^ledger_(\d+)/.exec(name)?.[1]) + index;
}

function assertNamed(findings: readonly AuditFinding[], name: string): void {
  const [first] = findings;
  assert.ok(first, 'something is found');
  assert.equal(first.file, name);
  assert.equal(typeof first.seqno, 'number');
}

test('the whole ledger is sound, and the gaps of a keyless audit are named', async () => {
  const keyless = await auditWith({});
  assert.deepEqual(keyless.findings, []);
  assert.ok(keyless.isSound);
  assert.deepEqual(keyless.lastSigned, last);
  assert.equal(keyless.entryCount, last.seqno);
  assert.equal(keyless.unchecked.length, 3);
  assert.equal(keyless.unchecked[1]?.file, newest);
  assert.equal(keyless.unchecked[1]?.firstSeqno, last.seqno);
  const full = await auditWith({}, { withSecrets: true });
  assert.ok(full.isSound);
  assert.deepEqual(
    full.unchecked.map(({ firstSeqno }) => firstSeqno),
    [last.seqno + 1],
    'that files were cut behind a signature is what no audit of them sees',
  );
  assert.ok(names.length >= 4, `${names}`);
});

/** Where the secret is needed: GCM tag and commit evidence digest of the last signature entry. */
function needsSecret(name: string, at: number): boolean {
  const signature = entriesOf(newest).at(-1);
  if (name !== newest || !signature) return false;
  const offset = at - signature.at;
  return (offset >= 8 && offset < 24) || (offset >= 85 && offset < 117);
}

test('every flipped bit of every file is found, with file and seqno', async () => {
  const places = fc
    .constantFrom(...names)
    .chain((name) => fc.tuple(fc.constant(name), fc.nat(contentOf(name).length - 1), fc.nat(7)));
  await fc.assert(
    fc.asyncProperty(places, async ([name, at, bit]) => {
      const changes = { [name]: flip(contentOf(name), at, bit) };
      const report = await auditWith(changes, { withSecrets: needsSecret(name, at) });
      assertNamed(report.findings, name);
      const entry = seqnoAt(name, at);
      // A changed size may show only where the next entry should begin.
      const found = report.findings[0]?.seqno ?? 0;
      assert.ok(entry === undefined || found === entry || found === entry + 1, `${found} ${entry}`);
    }),
    { numRuns: 60 },
  );
});

test('a header of the last entry that is broken is named, although its whole batch is lost', async () => {
  const { at } = entriesOf(newest).at(-1) ?? { at: 0 };
  const codes = new Set<string>();
  for (const offset of [2, 3, 4, 5, 6, 7]) {
    const report = await auditWith({ [newest]: flip(contentOf(newest), at + offset, offset) });
    const [finding] = report.findings;
    assert.equal(finding?.seqno, last.seqno, finding?.sentence);
    if (finding?.code === 'TailUnsigned') {
      assert.match(finding.sentence, /from entry \d+ on, are covered by no signature/);
      codes.add(finding.code);
    }
  }
  assert.ok(codes.has('TailUnsigned'), 'most of them break the chain of entries');
});

test('in the last signature entry, which nothing covers, every field is found too', async () => {
  const { at: start, size } = entriesOf(newest).at(-1) ?? { at: 0, size: 0 };
  const offsets = [0, 1, 2, 5, 8, 24, 32, 36, 44, 45, 53, 84, 85, 116, 117, 125, 134];
  for (let offset = 140; offset < size; offset += 67) offsets.push(offset);
  for (const offset of offsets) {
    const bits = offset === 1 ? [0, 1, 2] : [offset % 8];
    for (const bit of bits) {
      const changes = { [newest]: flip(contentOf(newest), start + offset, bit) };
      const withSecrets = needsSecret(newest, start + offset);
      const report = await auditWith(changes, { withSecrets });
      assert.ok(report.findings.length > 0, `offset ${offset}, bit ${bit}`);
      assertNamed(report.findings, newest);
      if (!withSecrets) continue;
      // Without the secret the report says that exactly this was not checked.
      const keyless = await auditWith(changes);
      assert.deepEqual(keyless.findings, []);
      assert.equal(keyless.unchecked[1]?.firstSeqno, last.seqno);
    }
  }
});

test('every cut of a file is found, but one at the end of a batch of the newest file', async () => {
  const ends = new Set<number>();
  let seqno = Number(/^ledger_(\d+)/.exec(newest)?.[1]);
  for (const { at, size } of entriesOf(newest)) {
    const entry = decodeEntry(contentOf(newest).slice(at, at + size));
    if (entry.publicMaps.some((map) => map.name === 'public:ccf.internal.tree'))
      ends.add(at + size);
    seqno += 1;
  }
  assert.equal(seqno - 1, last.seqno);
  const places = fc
    .constantFrom(...names)
    .chain((name) => fc.tuple(fc.constant(name), fc.nat(contentOf(name).length - 1)));
  await fc.assert(
    fc.asyncProperty(places, async ([name, length]) => {
      const report = await auditWith({ [name]: contentOf(name).slice(0, length) });
      if (name === newest && ends.has(length)) assert.ok(report.isSound);
      else assertNamed(report.findings, name);
    }),
    { numRuns: 60 },
  );
  for (const end of ends) {
    const report = await auditWith({ [newest]: contentOf(newest).slice(0, end) });
    assert.deepEqual(report.findings, []);
    assert.ok(report.lastSigned.seqno <= last.seqno);
  }
});

test('a cut at the end of a batch is found by who remembers a later id', async () => {
  const disk = new MemoryDisk();
  await copyFolder(pristine, disk);
  await disk.remove(`${folder}/${newest}`);
  const short = await auditLedger({ disk, folder, mustContain: last });
  assert.deepEqual(
    short.findings.map(({ code }) => code),
    ['LedgerTooShort'],
  );
  const forked = { view: asView(2), seqno: last.seqno };
  const report = await auditLedger({ disk: pristine, folder, mustContain: forked });
  assert.deepEqual(
    report.findings.map(({ code }) => code),
    ['LedgerTooShort'],
  );
  const kept = await auditLedger({ disk: pristine, folder, mustContain: last });
  assert.ok(kept.isSound);
});

test('what PyPI ccf does not notice about files is found', async () => {
  const table = entriesOf(middle).reduce((end, { at, size }) => Math.max(end, at + size), 0);
  const tableless = contentOf(middle).slice(0, table);
  tableless.fill(0, 0, 8);
  assertNamed((await auditWith({ [middle]: tableless })).findings, middle);
  const first = entriesOf(newest)[0] ?? { at: 0, size: 0 };
  const afterEntry = contentOf(newest).slice(0, first.at + first.size);
  assertNamed((await auditWith({ [newest]: afterEntry })).findings, newest);
  const nothing = Object.fromEntries(names.map((name) => [name, undefined]));
  assert.deepEqual(
    (await auditWith(nothing)).findings.map(({ code }) => code),
    ['LedgerEmpty'],
  );
  const firstGone = await auditWith({ [oldest]: undefined });
  assertNamed(firstGone.findings, middle);
  const middleGone = await auditWith({ [middle]: undefined });
  assertNamed(middleGone.findings, names[2] ?? '');
  const renamed = middle.replace(/-(\d+)/, (_, end: string) => `-${Number(end) + 1}`);
  const misnamed = await auditWith({ [middle]: undefined, [renamed]: contentOf(middle) });
  assert.ok(!misnamed.isSound);
});

test('files of a recovery that never ended are named, and are not part of the ledger', async () => {
  const stray = `ledger_${last.seqno + 1}.recovery`;
  const report = await auditWith({ [stray]: contentOf(newest) });
  assert.deepEqual(report.lastSigned, last);
  assert.deepEqual(
    report.findings.map(({ code, file }) => [code, file]),
    [['RecoveryUnfinished', stray]],
  );
});

/** A service that misbehaves: what it signs is not a ledger, although every hash fits. */
async function auditOf(act: (bad: SampleService) => Promise<void>): Promise<AuditReport> {
  const disk = new MemoryDisk();
  const bad = await SampleService.create({ disk, identity: await createIdentity() });
  await bad.open();
  bad.write(2);
  await bad.sign();
  await act(bad);
  return auditLedger({ disk, folder });
}

test('a new service key outside of a recovery is found, signed or not', async () => {
  const report = await auditOf(async (bad) => {
    bad.append(writes(serviceInfo(await createIdentity(), 'Open')));
    await bad.sign();
  });
  assert.match(report.findings[0]?.sentence ?? '', /key changes/);
});

test('a new service key while the service is Opening is found', async () => {
  const disk = new MemoryDisk();
  const [first, second] = [await createIdentity(), await createIdentity()];
  const bad = await SampleService.create({ disk, identity: second });
  bad.append(writes(serviceInfo(first, 'Opening')));
  bad.append(writes(serviceInfo(second, 'Opening')));
  await bad.sign();
  const report = await auditLedger({ disk, folder });
  assert.match(report.findings[0]?.sentence ?? '', /key changes/);
});

test('an illegal step of the service status is found', async () => {
  const report = await auditOf(async (bad) => {
    bad.append(writes(serviceInfo(bad.identity, 'Opening')));
    await bad.sign();
  });
  assert.match(report.findings[0]?.sentence ?? '', /Open to Opening/);
});

test('a private map in clear, or a service.info without certificate, is found', async () => {
  const report = await auditOf(async (bad) => {
    bad.append(
      writes({ 'public:ccf.gov.service.info': [row(new Uint8Array(8), '{"status":"Open"}')] }),
    );
    await bad.sign();
  });
  assert.equal(report.findings[0]?.code, 'LedgerDamaged');
});

test('signatures dated outside of the certificate are found', async () => {
  const disk = new MemoryDisk();
  const bad = await SampleService.create({ disk, identity: await createIdentity() });
  bad.append(writes(serviceInfo(bad.identity, 'Opening')));
  const pending = bad.sequencer.closeBatch(4_000_000_000);
  await bad.files.append([bad.sequencer.completeBatch(bad.identity.key.sign(pending.input))]);
  await bad.files.flush();
  const report = await auditLedger({ disk, folder });
  assert.deepEqual(
    report.findings.map(({ code, file, seqno }) => [code, file, seqno]),
    [['SignedOutsideValidity', 'ledger_1', 2]],
  );
});

test('the audit changes no file', async () => {
  for (const [name, bytes] of contents) {
    assert.ok(equalBytes(await pristine.readFile(`${folder}/${name}`, 1e7), bytes), name);
  }
});
