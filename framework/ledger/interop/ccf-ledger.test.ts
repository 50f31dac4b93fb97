/**
 * PyPI ccf, which nobody here wrote, reads what this room writes: in a folder of its own it
 * verifies ledgers and receipts, and its verdict on changed files is compared with ours.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { asSeqno, asView, formatTransactionId, MemoryDisk, toHex } from '@coco/base';
import type { CurveName } from '@coco/crypto';
import { auditLedger, buildReceipt } from '../src/index.ts';
import { recoverSample, writeFile } from '../test/sample-recovery.ts';
import { createIdentity, row, SampleService, writes } from '../test/sample-service.ts';

const python = process.env.COCO_CCF_PYTHON;
const skip =
  python === undefined ? 'COCO_CCF_PYTHON is not set: see `npm run test:interop`' : false;
const ledgerFolder = 'ledger';
const chunkBytes = 6000;
/** One start of Python with its imports, and up to a minute of verification on a busy machine. */
const answerMsMax = 300_000;

suite('PyPI ccf reads the ledger', { skip }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'coco-ledger-'));
    copyFileSync(join(import.meta.dirname, 'check_ledger.py'), join(folder, 'check_ledger.py'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const ask = (request: unknown): unknown => {
    const output = execFileSync(python ?? '', ['check_ledger.py'], {
      cwd: folder,
      input: JSON.stringify(request),
      timeout: answerMsMax,
    });
    return JSON.parse(output.toString().trim().split('\n').at(-1) ?? '');
  };

  /** Writes a disk's ledger into a folder of the host. */
  const publish = async (disk: MemoryDisk, name: string): Promise<string> => {
    const target = join(folder, name);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    for (const file of await disk.list(ledgerFolder)) {
      writeFileSync(join(target, file), await disk.readFile(`${ledgerFolder}/${file}`, 1e8));
    }
    return target;
  };

  /** Chunks, an election, an open chunk; the last batch is acknowledged. */
  const write = async (curve: CurveName): Promise<SampleService> => {
    const identity = await createIdentity(curve);
    const service = await SampleService.create({ disk: new MemoryDisk(), identity, chunkBytes });
    await service.open();
    for (let batch = 0; batch < 4; batch++) {
      service.write(8);
      await service.sign();
    }
    service.write(3);
    await service.elect(asView(4), service.sequencer.committed);
    await writeEnd(service);
    return service;
  };

  /** Some batches, of which the last one stands alone in an open chunk. */
  const writeEnd = async (service: SampleService): Promise<void> => {
    for (const count of [8, 8, 8, 3]) {
      service.write(count);
      if (count === 8) service.sequencer.forceChunk();
      await service.sign();
    }
  };

  const lastIds = (service: SampleService): { readonly closed: string; readonly last: string } => {
    const ends = service.batches.filter(({ isChunkEnd }) => isChunkEnd);
    const id = (batch: (typeof ends)[number] | undefined) =>
      batch ? formatTransactionId(batch.signatureId) : '';
    return { closed: id(ends.at(-1)), last: id(service.batches.at(-1)) };
  };

  const assertVerifies = (target: string, service: SampleService): void => {
    const { closed, last } = lastIds(service);
    assert.notEqual(closed, last, 'the newest chunk is open');
    assert.deepEqual(ask({ verify: target, uncommitted: true }), { ok: true, last });
    assert.deepEqual(ask({ verify: target, uncommitted: false }), { ok: true, last: closed });
  };

  for (const curve of ['P-384', 'P-256', 'P-521'] as const) {
    test(`a ledger signed with ${curve} verifies up to the highest acknowledged id`, async () => {
      const service = await write(curve);
      assertVerifies(await publish(service.at.disk as MemoryDisk, `ledger-${curve}`), service);
    });
  }

  test('a recovered ledger verifies, and decrypts with the chain of secrets', async () => {
    const first = await write('P-384');
    await first.files.close();
    const disk = first.at.disk as MemoryDisk;
    const identity = await createIdentity('P-256');
    const service = await recoverSample({ disk, identity, chunkBytes }, first);
    await writeEnd(service);
    const target = await publish(disk, 'recovered');
    assertVerifies(target, service);
    const secrets = service.secrets.chain.map(({ fromSeqno, key }) => [fromSeqno, toHex(key)]);
    const entries = service.batches.at(-1)?.signatureId.seqno;
    assert.deepEqual(ask({ decrypt: target, secrets }), { entries });
  });

  test('a ledger that was rekeyed within batches verifies, and decrypts with the chain', async () => {
    const service = await write('P-384');
    for (let count = 0; count < 3; count++) {
      service.write(2);
      const { seqno } = service.append(writes({ 'public:coco.sample': [row('rekey', 'now')] })).id;
      service.sequencer.rekey(asSeqno(seqno + 1), service.random.bytes(32));
      service.write(2);
      await service.sign();
    }
    await writeEnd(service);
    const target = await publish(service.at.disk as MemoryDisk, 'rekeyed');
    assertVerifies(target, service);
    const secrets = service.secrets.chain.map(({ fromSeqno, key }) => [fromSeqno, toHex(key)]);
    assert.equal(secrets.length, 4);
    const entries = service.batches.at(-1)?.signatureId.seqno;
    assert.deepEqual(ask({ decrypt: target, secrets }), { entries });
  });

  test('a complete chunk that is not committed yet verifies with --uncommitted', async () => {
    const service = await write('P-256');
    service.write(2);
    service.sequencer.forceChunk();
    const batch = service.seal();
    await service.files.append([batch]);
    await service.files.flush();
    const name = service.files.fileNames.at(-1) ?? '';
    assert.match(name, /^ledger_\d+-\d+$/);
    const target = await publish(service.at.disk as MemoryDisk, 'complete');
    const last = formatTransactionId(batch.signatureId);
    assert.deepEqual(ask({ verify: target, uncommitted: true }), { ok: true, last });
  });

  test('receipts of entries with and without claims verify, and changed ones do not', async () => {
    const service = await write('P-384');
    const listed: [string, string][] = [];
    const expected: string[] = [];
    for (const { id, claimsDigest } of service.entries.filter((_, at) => at % 5 === 0)) {
      const { files, secrets } = service;
      const [entryBytes = new Uint8Array(0)] = await files.readEntries(id.seqno, id.seqno);
      const signatureEntryBytes = await files.readBatchSignature(id.seqno);
      const secret = secrets.secretFor(id.seqno).key;
      const file = join(folder, `${formatTransactionId(id)}.cose`);
      writeFileSync(file, buildReceipt({ id, entryBytes, signatureEntryBytes, secret }));
      listed.push([file, toHex(claimsDigest)]);
      const covering = service.batches.find(({ signatureId }) => signatureId.seqno > id.seqno);
      expected.push(covering ? formatTransactionId(covering.signatureId) : '');
    }
    assert.ok(listed.some(([, claims]) => claims !== '00'.repeat(32)));
    const certificate = join(folder, 'service.pem');
    writeFileSync(certificate, service.identity.certificatePem);
    assert.deepEqual(ask({ receipts: listed, certificate }), { transactions: expected });
  });

  test('whatever change PyPI ccf notices, our audit notices, and more', async () => {
    const service = await write('P-256');
    const disk = service.at.disk as MemoryDisk;
    const target = await publish(disk, 'changed');
    const list: [string, number, number][] = [];
    const names = service.files.fileNames;
    for (const name of [names[1] ?? '', names.at(-1) ?? '']) {
      const { length } = await disk.readFile(`${ledgerFolder}/${name}`, 1e8);
      for (let at = 0; at < length; at += Math.ceil(length / 24)) list.push([name, at, at % 8]);
      // Flags, GCM tag, seqnos and both digests of the last entry of the newest file.
      if (name !== names.at(-1)) continue;
      const start = length - lastEntryBytes(await disk.readFile(`${ledgerFolder}/${name}`, 1e8));
      for (const offset of [1, 9, 45, 60, 90]) list.push([name, start + offset, 0]);
    }
    const { noticed } = ask({ changes: target, list }) as { noticed: readonly boolean[] };
    let ours = 0;
    for (const [index, [name, at, bit]] of list.entries()) {
      const bytes = await disk.readFile(`${ledgerFolder}/${name}`, 1e8);
      const original = bytes.slice();
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      await writeFile(disk, `${ledgerFolder}/${name}`, bytes);
      const { secrets } = service;
      const report = await auditLedger({ disk, folder: ledgerFolder, secrets });
      await writeFile(disk, `${ledgerFolder}/${name}`, original);
      assert.ok(!report.isSound, `${name} ${at} ${bit}; PyPI ccf: ${noticed[index]}`);
      if (!noticed[index]) ours += 1;
    }
    assert.ok(ours >= 5, 'the fields that PyPI ccf does not check are among the changes');
  });
});

function lastEntryBytes(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  let size = 0;
  for (let at = 8; at < file.length; at += size) size = 8 + view.getUint32(at + 2, true);
  return size;
}
