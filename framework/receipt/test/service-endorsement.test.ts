import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTransactionId, LedgerError, toHex } from '@coco/base';
import { SigningKey, sha256 } from '@coco/crypto';
import { parseEndorsement, verifyEndorsement } from '../src/index.ts';
import { endorse } from './sample-ledger.ts';

test('an endorsement says which key it vouches for, and for which epoch', async () => {
  const [service, previous] = [SigningKey.generate('P-384'), SigningKey.generate('P-521')];
  const root = sha256();
  const endorsement = endorse({
    key: service,
    endorsed: previous.spki,
    begin: '2.1',
    end: '2.90',
    root,
  });
  const verified = await verifyEndorsement({ endorsement, endorsingKey: service.spki });
  assert.equal(toHex(verified.endorsedSpki), toHex(previous.spki));
  assert.equal(formatTransactionId(verified.epochBegin), '2.1');
  assert.deepEqual(verified.epochEnd, { view: 2, seqno: 90 });
  assert.ok(verified.epochEndRoot);
  assert.equal(toHex(verified.epochEndRoot), toHex(root));
});

test('an endorsement with any one bit flipped is refused', async () => {
  const service = SigningKey.generate('P-256');
  const endorsement = endorse({ key: service, endorsed: service.spki, begin: '2.1' });
  for (let bit = 0; bit < endorsement.length * 8; bit++) {
    const flipped = endorsement.map((byte, at) =>
      at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte,
    );
    await assert.rejects(
      verifyEndorsement({ endorsement: flipped, endorsingKey: service.spki }),
      LedgerError,
      `bit ${bit}`,
    );
  }
});

test('an endorsement with a root of another length or an epoch of another form is refused', () => {
  const key = SigningKey.generate('P-256');
  const bad = [
    endorse({ key, endorsed: key.spki, begin: '2' }),
    endorse({ key, endorsed: key.spki, begin: '2.1', end: '-1.3' }),
    endorse({ key, endorsed: key.spki, begin: '2.1', root: new Uint8Array(31) }),
    new Uint8Array(5000),
  ];
  for (const bytes of bad) {
    assert.throws(
      () => parseEndorsement(bytes),
      (error: unknown) => error instanceof LedgerError && error.code === 'EndorsementMalformed',
    );
  }
});
