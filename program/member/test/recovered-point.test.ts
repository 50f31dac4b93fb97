import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTransactionId, parseTransactionId, utf8Encode } from '@coco/base';
import {
  assertRecoveredEnough,
  recoveredPoint,
  transactionOfReceipt,
} from '../src/recovered-point.ts';
import { createTestMember } from './members.ts';

const seen = (id: string, from = 'seen') => ({ transactionId: parseTransactionId(id), from });

describe('the point up to which a ledger was recovered', () => {
  test('stands right before the transaction that created the service', () => {
    assert.equal(formatTransactionId(recoveredPoint('4.58')), '2.57');
    for (const first of ['2.1', '3.1', '2.7']) {
      assert.throws(() => recoveredPoint(first), { code: 'GovernanceRefused' }, first);
    }
    assert.throws(() => recoveredPoint('none'), { code: 'InvalidInput' });
  });

  test('must not lie before anything that the member knows', () => {
    const point = parseTransactionId('2.57');
    assertRecoveredEnough(point, []);
    assertRecoveredEnough(point, [seen('2.57'), seen('2.3')]);
    const refused = {
      code: 'RecoveredTooLittle',
      message: /ends at 2\.57, before transaction 2\.58 \(the receipt in r\.cose\)/,
    };
    const held = [seen('2.3'), seen('2.58', 'the receipt in r.cose')];
    assert.throws(() => assertRecoveredEnough(point, held), refused);
  });

  test('a receipt that none of the service’s identities signed proves nothing', async () => {
    const { certificate } = await createTestMember('service');
    const receipt = utf8Encode('no receipt');
    await assert.rejects(transactionOfReceipt(receipt, []), { code: 'MemberFileInvalid' });
    await assert.rejects(transactionOfReceipt(receipt, [certificate.pem]));
  });
});
