import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { adapterSettings, ledgerClock, proposalTimes, rulesInForce } from '../src/coco-tables.ts';
import { standingPermissions } from '../src/standing-permissions.ts';
import { submittedShares } from '../src/tables.ts';
import { createMember, refusalOf, TestService } from './service-fixture.ts';

const member = await createMember();
const id = 'ab'.repeat(32);

suite('what Coco’s own tables say', () => {
  test('the rules in force, what they permit, and the settings of adapters', async () => {
    const service = await TestService.start([member]);
    const nothing = { rules: null, standingPermissions: {}, adapters: {}, timeMs: null };
    assert.deepEqual(service.get('/service/rules').body, nothing);
    const rules = { format: 'coco-rules/1', version: 2 };
    const renewal = { validity_days: 90, renew_before_days: 30 };
    service.write((transaction) => {
      rulesInForce.put(transaction, rules);
      standingPermissions.put(transaction, 'certificate_renewal', renewal);
      adapterSettings.put(transaction, 'ethereum', { visibility: 'public' });
      ledgerClock.put(transaction, 1_800_000_000_000);
    });
    assert.deepEqual(service.get('/service/rules').body, {
      rules,
      standingPermissions: { certificate_renewal: renewal },
      adapters: { ethereum: { visibility: 'public' } },
      timeMs: 1_800_000_000_000,
    });
  });

  test('when a proposal was submitted, and when it is resolved again', async () => {
    const service = await TestService.start([member]);
    const path = `/members/proposals/${id}/times`;
    const unknown = [404, 'ProposalNotFound', `Could not find proposal ${id}.`];
    assert.deepEqual(refusalOf(service.get(path)), unknown);
    const put = (row: { submitted_at_ms: number; wake_at_ms?: number }) =>
      service.write((transaction) => proposalTimes.put(transaction, id, row));
    put({ submitted_at_ms: 5 });
    assert.deepEqual(service.get(path).body, { proposalId: id, submittedAtMs: 5 });
    put({ submitted_at_ms: 5, wake_at_ms: 7 });
    const both = { proposalId: id, submittedAtMs: 5, nextResolutionAtMs: 7 };
    assert.deepEqual(service.get(path).body, both);
    assert.equal(service.get('/members/proposals/00/times').status, 400);
  });

  test('how many recovery shares were submitted, and by whom', async () => {
    const service = await TestService.start([member]);
    const path = '/recovery/submitted-shares';
    const none = { submittedCount: 0, recoveryThreshold: 1, memberIds: [] };
    assert.deepEqual(service.get(path).body, none);
    service.write((transaction) => submittedShares.put(transaction, id, new Uint8Array(8)));
    const one = { submittedCount: 1, recoveryThreshold: 1, memberIds: [id] };
    assert.deepEqual(service.get(path).body, one);
  });
});
