import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatTransactionId, parseTransactionId, utf8Encode } from '@coco/base';
import {
  assertRecoveredEnough,
  readRecoveredPoint,
  transactionOfReceipt,
} from '../src/recovered-point.ts';
import { createTestMember } from './members.ts';
import { ScriptedService } from './scripted-service.ts';

const seen = (id: string, from = 'seen') => ({ transactionId: parseTransactionId(id), from });

function service(
  info: { readonly createdBy: string },
  statuses: Readonly<Record<string, string>> = {},
): ScriptedService {
  const scripted = new ScriptedService();
  const row = { status: 'Recovering', creationTransactionId: info.createdBy };
  scripted.answer('GET /gov/service/info', { json: row });
  for (const [id, status] of Object.entries(statuses)) {
    scripted.answer(`GET /gov/service/transactions/${id}`, { json: { status } });
  }
  return scripted;
}

describe('the point up to which a ledger was recovered', () => {
  test('is what the service records, with what it declares of losses', async () => {
    const { governance, answer } = bound(service({ createdBy: '6.58' }));
    const json = {
      recoveredTo: '3.57',
      mayLackCommits: true,
      lookedAt: ['a'],
      mayHaveVoted: ['a', 'b', 'c'],
    };
    answer('GET /gov/service/recovery', { json });
    const { transactionId, ...declared } = await readRecoveredPoint(governance);
    assert.equal(formatTransactionId(transactionId), '3.57');
    assert.deepEqual(declared, { mayLackCommits: true, mayHaveVotedCount: 3, lookedAtCount: 1 });
  });

  test('stands, where nothing is recorded, right before what created the service', async () => {
    const { governance } = service({ createdBy: '4.58' });
    const point = await readRecoveredPoint(governance);
    assert.equal(formatTransactionId(point.transactionId), '2.57');
    assert.equal(point.mayLackCommits, undefined);
    for (const createdBy of ['2.1', '3.1', '2.7']) {
      const first = readRecoveredPoint(service({ createdBy }).governance);
      await assert.rejects(first, { code: 'GovernanceRefused' }, createdBy);
    }
    const unknown = readRecoveredPoint(service({ createdBy: 'none' }).governance);
    await assert.rejects(unknown, { code: 'InvalidInput' });
  });

  test('must not lie before anything that the member knows', async () => {
    const point = parseTransactionId('2.57');
    const committed = { '2.57': 'Committed', '2.3': 'Committed' };
    const { governance } = service({ createdBy: '4.58' }, committed);
    await assertRecoveredEnough(governance, point, []);
    await assertRecoveredEnough(governance, point, [seen('2.57'), seen('2.3')]);
    const refused = {
      code: 'RecoveredTooLittle',
      message: /ends at 2\.57, before transaction 2\.58 \(the receipt in r\.cose\)/,
    };
    const held = [seen('2.3'), seen('2.58', 'the receipt in r.cose')];
    await assert.rejects(assertRecoveredEnough(governance, point, held), refused);
  });

  test('must hold what the member knows, and not another transaction in its place', async () => {
    const { governance } = service({ createdBy: '5.58' }, { '2.40': 'Invalid' });
    await assert.rejects(
      assertRecoveredEnough(governance, parseTransactionId('3.57'), [seen('2.40')]),
      { code: 'RecoveredTooLittle', message: /another transaction than 2\.40/ },
    );
  });

  test('a receipt that none of the service’s identities signed proves nothing', async () => {
    const { certificate } = await createTestMember('service');
    const receipt = utf8Encode('no receipt');
    await assert.rejects(transactionOfReceipt(receipt, []), { code: 'MemberFileInvalid' });
    await assert.rejects(transactionOfReceipt(receipt, [certificate.pem]));
    await assert.rejects(transactionOfReceipt(receipt, [certificate.pem], [utf8Encode('none')]));
  });
});

function bound(scripted: ScriptedService) {
  const { governance } = scripted;
  return { governance, answer: scripted.answer.bind(scripted) };
}
