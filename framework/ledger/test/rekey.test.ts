/** A new ledger secret: where it begins, what a rollback does to it, and recovery of many of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asSeqno,
  asView,
  equalBytes,
  MemoryDisk,
  SeededRandom,
  type Seqno,
  utf8Encode,
} from '@coco/base';
import { sha256 } from '@coco/crypto';
import fc from 'fast-check';
import {
  auditLedger,
  type Batch,
  commitEvidence,
  decodeEntry,
  LedgerSecrets,
  openEntry,
} from '../src/index.ts';
import { recoverSample } from './sample-recovery.ts';
import { createIdentity, row, SampleService, testTimeMs, writes } from './sample-service.ts';

const identity = await createIdentity();
const bug = { name: 'BugError' };
const seconds = testTimeMs / 1000;
const some = writes({ records: [row('key', 'a private value')] });

function sample(seed = 1): Promise<SampleService> {
  return SampleService.create({ disk: new MemoryDisk(), identity, seed });
}

/** Appends an entry that brings a new secret; the secret is in force from the next one on. */
function rekey(service: SampleService): Uint8Array {
  const { seqno } = service.append(writes({ 'public:coco.sample': [row('rekey', 'now')] })).id;
  const key = service.random.bytes(32);
  service.sequencer.rekey(asSeqno(seqno + 1), key);
  return key;
}

/** The entries of a batch, one by one. */
function entriesOf({ body }: Batch): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  for (let at = 0; at < body.length; ) {
    const size = 8 + new DataView(body.buffer, body.byteOffset + at).getUint32(2, true);
    entries.push(body.subarray(at, at + size));
    at += size;
  }
  return entries;
}

/** Every entry opens under the secret that `keyAt` says, and under no other. */
function assertKeys(batch: Batch, keyAt: (seqno: Seqno) => Uint8Array): void {
  for (const bytes of entriesOf(batch)) {
    const entry = decodeEntry(bytes);
    const key = keyAt(entry.id.seqno);
    const [secret] = new LedgerSecrets([{ fromSeqno: asSeqno(1), key }]).chain;
    assert.ok(secret);
    assert.ok(openEntry(secret, entry).maps.length > 0);
    const evidence = sha256(utf8Encode(commitEvidence(secret, entry.id)));
    assert.ok(equalBytes(evidence, entry.commitEvidenceDigest));
    const other = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: key.map((byte) => byte ^ 1) }]);
    assert.throws(() => openEntry(other.secretFor(asSeqno(1)), entry), {
      code: 'DecryptionFailed',
    });
  }
}

test('a new secret encrypts from the entry after the one that brings it, in the same batch', async () => {
  const service = await sample();
  const old = service.secrets.secretFor(asSeqno(1)).key;
  service.append(some);
  const key = rekey(service);
  const rekeyed = service.sequencer.nextSeqno - 1;
  service.append(some);
  service.append(some);
  const batch = service.seal();
  assert.equal(batch.entryCount, 5);
  assertKeys(batch, (seqno) => (seqno <= rekeyed ? old : key));
});

test('a signature in the making keeps its secret although a rekey comes in behind it', async () => {
  const service = await sample();
  const old = service.secrets.secretFor(asSeqno(1)).key;
  service.append(some);
  const pending = service.sequencer.closeBatch(seconds);
  const key = rekey(service);
  service.append(some);
  const first = service.sequencer.completeBatch(identity.key.sign(pending.input));
  assertKeys(first, () => old);
  const rekeyed = pending.id.seqno + 1;
  assertKeys(service.seal(), (seqno) => (seqno <= rekeyed ? old : key));
});

test('a secret is brought by the entry just appended, and by none twice', async () => {
  const { sequencer, random } = await sample();
  assert.throws(() => sequencer.rekey(asSeqno(1), random.bytes(32)), bug);
  const { seqno } = sequencer.append(some).id;
  assert.throws(() => sequencer.rekey(seqno, random.bytes(32)), bug);
  assert.throws(() => sequencer.rekey(asSeqno(seqno + 2), random.bytes(32)), bug);
  sequencer.rekey(asSeqno(seqno + 1), random.bytes(32));
  assert.throws(() => sequencer.rekey(asSeqno(seqno + 1), random.bytes(32)), bug);
});

/** What a rollback leaves: the naive chain of secrets. */
class Chain {
  links: { readonly from: number; readonly key: Uint8Array }[];
  constructor(key: Uint8Array) {
    this.links = [{ from: 1, key }];
  }
  keyAt(seqno: number): Uint8Array {
    const link = this.links.findLast(({ from }) => from <= seqno);
    assert.ok(link);
    return link.key;
  }
}

const command = fc.constantFrom('write', 'write', 'rekey', 'close', 'complete', 'commit', 'lose');

test('whatever is lost, each entry is under the secret in force, and no nonce is used twice', async () => {
  const run = async (commands: readonly string[], seed: number): Promise<void> => {
    const service = await sample(seed);
    const { sequencer, secrets } = service;
    const chain = new Chain(secrets.secretFor(asSeqno(1)).key);
    let signed: Batch[] = [];
    let view = 2;
    for (const one of commands) {
      const hasWork = sequencer.opensView || sequencer.openEntryCount > 0;
      if (one === 'write' && !sequencer.opensView) service.append(some);
      if (one === 'rekey' && !sequencer.opensView) {
        const key = rekey(service);
        chain.links.push({ from: sequencer.nextSeqno, key });
      }
      if (one === 'close' && !sequencer.pendingSignature && hasWork) sequencer.closeBatch(seconds);
      if (one === 'complete' && sequencer.pendingSignature) {
        const { input } = sequencer.pendingSignature;
        signed.push(sequencer.completeBatch(identity.key.sign(input)));
      }
      if (one === 'commit') {
        const batch = signed.shift();
        if (!batch) continue;
        sequencer.commit(batch.signatureId.seqno);
        assertKeys(batch, (seqno) => chain.keyAt(seqno));
      }
      if (one === 'lose') {
        const to = sequencer.committed;
        sequencer.rollback({ to, view: asView(++view) });
        signed = [];
        chain.links = chain.links.filter(({ from }) => from <= to + 1);
      }
      const found = secrets.chain.map(({ fromSeqno, key }) => ({ from: fromSeqno, key }));
      assert.deepEqual(
        found,
        chain.links.map(({ from, key }) => ({ from, key })),
      );
    }
  };
  await fc.assert(fc.asyncProperty(fc.array(command, { maxLength: 60 }), fc.nat(), run), {
    numRuns: 60,
  });
});

test('a ledger with several rekeys audits, recovers and replays with its chain of secrets', async () => {
  const disk = new MemoryDisk();
  const first = await SampleService.create({ disk, identity, chunkBytes: 4000 });
  await first.open();
  for (let batch = 0; batch < 6; batch++) {
    first.write(3);
    if (batch % 2 === 0) rekey(first);
    first.write(2);
    await first.sign();
  }
  assert.equal(first.secrets.chain.length, 4);
  await first.files.close();
  const next = await createIdentity();
  // Recovery right after a rekey: the last batch brings one, too.
  const service = await recoverSample({ disk, identity: next, chunkBytes: 4000 }, first);
  rekey(service);
  await service.sign();
  const { secrets } = service;
  assert.equal(secrets.chain.length, 6);
  const report = await auditLedger({ disk, folder: 'ledger', secrets });
  assert.ok(report.isSound, JSON.stringify(report));
  const damaged = new LedgerSecrets(
    secrets.chain.map(({ fromSeqno, key }, at) => ({
      fromSeqno,
      key: at === 2 ? new SeededRandom(5).bytes(32) : key,
    })),
  );
  const wrong = await auditLedger({ disk, folder: 'ledger', secrets: damaged });
  assert.equal(wrong.isSound, false);
});
