import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, fromHex, LedgerError } from '@coco/base';
import fc from 'fast-check';
import { type CommittedBody, decodeBatches, encodeBatches } from '../src/index.ts';

/** Enough for the smallest entry. */
const entryBytes = 125;

const batches = fc
  .array(
    fc.record({ count: fc.integer({ min: 1, max: 3 }), view: fc.integer({ min: 1, max: 9 }) }),
    {
      maxLength: 4,
    },
  )
  .map((parts) => {
    let next = 7;
    return parts.map(({ count, view }): CommittedBody => {
      const firstSeqno = asSeqno(next);
      next += count;
      const body = new Uint8Array(count * entryBytes + view).fill(view);
      return { view: asView(view), firstSeqno, entryCount: count, body };
    });
  });

suite('batches as one run of bytes', () => {
  test('come back as they went', () => {
    fc.assert(
      fc.property(batches, (sent) => assert.deepEqual(decodeBatches(encodeBatches(sent)), sent)),
    );
  });

  test('stand as the format page says', () => {
    const body = new Uint8Array(entryBytes).fill(0xab);
    const batch = { view: asView(2), firstSeqno: asSeqno(9), entryCount: 1, body };
    const header = fromHex('020000000900000000000000010000007d000000');
    assert.deepEqual(encodeBatches([batch]).subarray(0, 20), header);
  });

  test('cut short or changed, they are refused with a code or say something else', () => {
    const sent = [
      { view: asView(2), firstSeqno: asSeqno(9), entryCount: 1, body: new Uint8Array(entryBytes) },
      { view: asView(2), firstSeqno: asSeqno(10), entryCount: 1, body: new Uint8Array(entryBytes) },
    ];
    const bytes = encodeBatches(sent);
    const secondAt = 20 + entryBytes;
    for (let length = 1; length < bytes.length; length++) {
      if (length === secondAt) continue;
      assert.throws(() => decodeBatches(bytes.subarray(0, length)), { code: 'InvalidInput' });
    }
    for (let at = 0; at < 20; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x41;
      try {
        assert.notDeepEqual(decodeBatches(changed), sent);
      } catch (error) {
        assert.ok(error instanceof LedgerError && error.code === 'InvalidInput', `byte ${at}`);
      }
    }
  });

  test('that do not follow one another are refused', () => {
    const body = new Uint8Array(entryBytes);
    const at = (seqno: number) => ({
      view: asView(2),
      firstSeqno: asSeqno(seqno),
      entryCount: 1,
      body,
    });
    assert.throws(() => decodeBatches(encodeBatches([at(9), at(11)])), { code: 'InvalidInput' });
    assert.throws(() => decodeBatches(encodeBatches([at(9), at(9)])), { code: 'InvalidInput' });
    const empty = encodeBatches([{ ...at(9), entryCount: 0 }]);
    assert.throws(() => decodeBatches(empty), { code: 'InvalidInput' });
  });
});
