import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asSeqno,
  asView,
  encodeJson,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
} from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { verifyEndorsement } from '@coco/receipt';
import { endorsementWrites, readEndorsementRow, signEndorsement } from '../src/index.ts';
import { testTimeMs } from './sample-service.ts';

const [oldKey, newKey] = [SigningKey.generate('P-384'), SigningKey.generate('P-256')];
const id = (view: number, seqno: number) => ({ view: asView(view), seqno: asSeqno(seqno) });
const options = {
  endorsingKey: newKey,
  endorsedSpki: oldKey.spki,
  issuedAtSeconds: testTimeMs / 1000,
  epochBegin: id(2, 1),
  epochEnd: { id: id(4, 120), root: new Uint8Array(32).fill(7) },
  previousVersion: 5,
};

function rowOf(from: Parameters<typeof endorsementWrites>[0]): Uint8Array {
  return endorsementWrites(from).rows[0]?.value ?? new Uint8Array(0);
}

test('a row is read back as it was written, and the receipt room verifies its COSE', async () => {
  const read = readEndorsementRow(rowOf(options));
  const { endorsedSpki, endorsingSpki, epochBegin, epochEnd, previousVersion } = read;
  assert.deepEqual([...endorsedSpki], [...oldKey.spki]);
  assert.deepEqual([...endorsingSpki], [...newKey.spki]);
  assert.deepEqual(epochBegin, options.epochBegin);
  assert.deepEqual(epochEnd?.id, options.epochEnd.id);
  assert.deepEqual([...(epochEnd?.root ?? [])], [...options.epochEnd.root]);
  assert.equal(previousVersion, 5);
  const endorsement = signEndorsement(options);
  const verified = await verifyEndorsement({ endorsement, endorsingKey: newKey.spki });
  assert.deepEqual(verified.epochEnd, options.epochEnd.id);
});

test('a first service endorses its own key, with a start only', () => {
  const { endorsingKey, issuedAtSeconds, epochBegin } = options;
  const own = { endorsingKey, endorsedSpki: newKey.spki, issuedAtSeconds, epochBegin };
  assert.equal(readEndorsementRow(rowOf(own)).epochEnd, undefined);
  const foreign = { ...own, endorsedSpki: oldKey.spki };
  assert.throws(() => readEndorsementRow(rowOf(foreign)), { code: 'InvalidEndorsement' });
});

test('a changed field, another key and every sampled flip are refused', () => {
  const value = rowOf(options);
  const row = parseJson(value);
  assert.ok(isJsonObject(row));
  const changes: Record<string, JsonValue>[] = [
    { endorsement_epoch_begin: '2.2' },
    { endorsement_epoch_end: '4.121' },
    { endorsing_key: Buffer.from(oldKey.spki).toString('base64') },
    { previous_version: 'x' },
    { endorsement: '' },
  ];
  for (const change of changes) {
    const changed = encodeJson({ ...row, ...change });
    assert.throws(() => readEndorsementRow(changed), { code: 'InvalidEndorsement' });
  }
  for (let at = 0; at < value.length; at += 3) {
    const flipped = value.slice();
    flipped[at] = (flipped[at] as number) ^ 1;
    try {
      // Only previous_version stands outside of what is signed.
      assert.notEqual(readEndorsementRow(flipped).previousVersion, 5);
    } catch (error) {
      assert.ok(error instanceof LedgerError && error.code === 'InvalidEndorsement', String(error));
    }
  }
});
