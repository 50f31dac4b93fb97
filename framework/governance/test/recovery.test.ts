import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { toBase64 } from '@coco/base';
import { sealBlob } from '../src/encrypted-blob.ts';
import { decryptShare } from '../src/governance-request.ts';
import { restoreLedgerSecrets } from '../src/issue-recovery-shares.ts';
import {
  isReadingPrivateLedger,
  openRecoveredService,
  secretsForNode,
  transitionServiceToOpen,
} from '../src/open-service.ts';
import { combineShares, createShares, decodeShare, encodeShare } from '../src/recovery-share.ts';
import { nodeSecrets, submittedShares } from '../src/tables.ts';
import {
  type Answer,
  createMember,
  refusalOf,
  type TestMember,
  TestService,
} from './service-fixture.ts';

const members = [await createMember(), await createMember(), await createMember()] as const;
const [first, second, third] = members;

/** A service of three members, two of whom recover it, that lost its nodes. */
async function lostService(): Promise<{
  readonly lost: TestService;
  readonly service: TestService;
}> {
  const lost = await TestService.start([first, second, third], { recoveryThreshold: 2 });
  lost.sign();
  // One member opens while the others are not active yet; their shares come with their activation.
  await lost.acknowledge(first);
  await lost.acknowledge(second);
  openDirectly(lost);
  await lost.acknowledge(third);
  const service = await lost.recovered();
  service.sign();
  return { lost, service };
}

/** This slice decides proposals of one member alone; three members' service opens by its effect. */
function openDirectly(service: TestService, previous?: string): void {
  service.write((transaction) =>
    transitionServiceToOpen(
      transaction,
      { previous, next: service.identity.serviceCertificate },
      service.ports,
    ),
  );
}

function shareOf(service: TestService, member: TestMember): Uint8Array {
  const encrypted = service.get(`/recovery/encrypted-shares/${member.id}`).field('encryptedShare');
  assert.ok(typeof encrypted === 'string' && member.encryptionKey);
  return decryptShare(encrypted, member.encryptionKey);
}

async function submit(
  service: TestService,
  member: TestMember,
  share: Uint8Array | string,
): Promise<Answer> {
  return await service.post(member, `/recovery/members/${member.id}:recover`, {
    type: 'recovery_share',
    json: { share: typeof share === 'string' ? share : toBase64(share) },
  });
}

suite('recovery', () => {
  test('two of three members bring the ledger secrets back, one does not', async () => {
    const { lost, service } = await lostService();
    openDirectly(service, lost.identity.serviceCertificate);
    const one = await submit(service, third, shareOf(service, third));
    assert.deepEqual(one.body, {
      message: '1/2 recovery shares successfully submitted',
      submittedCount: 1,
      recoveryThreshold: 2,
      fullKeySubmitted: false,
    });
    // The same member again adds nothing.
    const again = await submit(service, third, shareOf(service, third));
    assert.equal(again.field('submittedCount'), 1);
    const state = service.store.begin();
    assert.equal(isReadingPrivateLedger(state), false);
    assert.deepEqual(submittedShares.keys(state), [third.id]);
    const two = await submit(service, first, shareOf(service, first));
    assert.equal(
      two.field('message'),
      '2/2 recovery shares successfully submitted\nEnd of recovery procedure initiated',
    );
    const restored = secretsForNode(
      service.store.begin(),
      service.identity.node.id,
      service.identity.nodeKey,
    );
    assert.deepEqual(restored, lost.secrets);
    const receivers = Object.keys(nodeSecrets.require(service.store.begin()));
    assert.deepEqual(receivers, [service.identity.node.id]);
    assert.deepEqual(
      secretsForNode(service.store.begin(), 'another', service.identity.nodeKey),
      [],
    );
  });

  test('a submitted share stands in the ledger under the fresh secret only', async () => {
    const { lost, service } = await lostService();
    openDirectly(service, lost.identity.serviceCertificate);
    const share = shareOf(service, second);
    await submit(service, second, share);
    const row = submittedShares.get(service.store.begin(), second.id);
    assert.ok(row);
    assert.equal(row.length, 16 + 12 + share.length);
    assert.equal(Buffer.from(row).includes(Buffer.from(share.subarray(4, 12))), false);
  });

  test('a wrong share undoes the round, so that members start over', async () => {
    const { lost, service } = await lostService();
    openDirectly(service, lost.identity.serviceCertificate);
    const foreign = createShares({ count: 3, threshold: 2, random: service.random }).shares[1];
    assert.ok(foreign);
    await submit(service, first, encodeShare(foreign));
    const failed = await submit(service, second, shareOf(service, second));
    assert.deepEqual(refusalOf(failed), [
      500,
      'InternalError',
      'Failed to initiate private recovery.',
    ]);
    assert.deepEqual(submittedShares.keys(service.store.begin()), []);
    await submit(service, first, shareOf(service, first));
    assert.equal((await submit(service, second, shareOf(service, second))).status, 200);
    assert.equal(isReadingPrivateLedger(service.store.begin()), true);
  });

  test('what is no share is refused and not stored', async () => {
    const { lost, service } = await lostService();
    openDirectly(service, lost.identity.serviceCertificate);
    for (const share of ['', 'AAAA', '***', toBase64(new Uint8Array(113))]) {
      const refused = await submit(service, first, share);
      assert.equal(refused.status, 400, share);
    }
    assert.equal((await submit(service, first, '')).field('error.code'), 'RecoveryShareInvalid');
    const path = `/recovery/members/${first.id}:recover`;
    const empty = await service.post(first, path, { type: 'recovery_share', json: {} });
    assert.equal(empty.field('error.code'), 'InvalidInput');
    assert.deepEqual(submittedShares.keys(service.store.begin()), []);
  });

  test('shares are taken only while the service waits for them, and only from who holds one', async () => {
    const { lost, service } = await lostService();
    const early = await submit(service, first, shareOf(service, first));
    assert.deepEqual(refusalOf(early), [
      403,
      'ServiceNotWaitingForRecoveryShares',
      'Service is not waiting for recovery shares.',
    ]);
    openDirectly(service, lost.identity.serviceCertificate);
    const path = `/recovery/members/${second.id}:recover`;
    const forged = await service.post(first, path, {
      type: 'recovery_share',
      json: { share: toBase64(shareOf(service, first)) },
    });
    assert.equal(forged.field('error.code'), 'InvalidAuthenticationInfo');
    assert.deepEqual(refusalOf(service.get(`/recovery/encrypted-shares/${'ab'.repeat(32)}`)), [
      404,
      'ResourceNotFound',
      `Recovery share not found for member m[${'ab'.repeat(32)}].`,
    ]);
    await submit(service, first, shareOf(service, first));
    await submit(service, second, shareOf(service, second));
    assert.deepEqual(refusalOf(await submit(service, third, shareOf(service, third))), [
      403,
      'NodeAlreadyRecovering',
      'Node is already recovering private ledger.',
    ]);
  });

  test('a member without a share submits none', async () => {
    const bystander = await createMember('NonParticipant');
    const lost = await TestService.start([first, bystander]);
    lost.sign();
    await lost.acknowledge(first);
    await lost.acknowledge(bystander);
    openDirectly(lost);
    const service = await lost.recovered();
    openDirectly(service, lost.identity.serviceCertificate);
    const refused = await submit(service, bystander, shareOf(service, first));
    assert.deepEqual(refusalOf(refused), [
      403,
      'AuthorizationFailed',
      `Member m[${bystander.id}] holds no recovery share.`,
    ]);
  });

  test('the proposal must name the previous and the next identity', async () => {
    const { lost, service } = await lostService();
    const internal = { code: 'InvalidInput', status: 400 };
    assert.throws(() => openDirectly(service), internal);
    assert.throws(() => openDirectly(service, service.identity.serviceCertificate), internal);
    const next = lost.identity.serviceCertificate;
    const transaction = service.store.begin();
    const swapped = { previous: next, next };
    assert.throws(() => transitionServiceToOpen(transaction, swapped, service.ports), internal);
    openDirectly(service, `\n${lost.identity.serviceCertificate}\n`);
    assert.equal(service.get('/service/info').field('status'), 'WaitingForRecoveryShares');
    // Proposed again, it starts the round of shares anew.
    await submit(service, first, shareOf(service, first));
    openDirectly(service, lost.identity.serviceCertificate);
    assert.deepEqual(submittedShares.keys(service.store.begin()), []);
  });

  test('a proposal that names another end of the recovered ledger is refused', async () => {
    const { lost, service } = await lostService();
    const record = service.get('/service/recovery');
    const recoveredTo = String(record.field('recoveredTo'));
    assert.equal(record.field('mayLackCommits'), false);
    const never = await TestService.start([first]);
    assert.equal(never.get('/service/recovery').status, 404);
    const open = (point: string): void => {
      const identities = {
        previous: lost.identity.serviceCertificate,
        next: service.identity.serviceCertificate,
        recoveredTo: point,
      };
      transitionServiceToOpen(service.store.begin(), identities, service.ports);
    };
    assert.throws(() => open('2.1'), {
      code: 'InvalidInput',
      message: /not at 2\.1 as the proposal/,
    });
    open(recoveredTo);
  });

  test('the service does not open before the shares are complete', async () => {
    const { lost, service } = await lostService();
    openDirectly(service, lost.identity.serviceCertificate);
    await submit(service, first, shareOf(service, first));
    const transaction = service.store.begin();
    assert.throws(() => openRecoveredService(transaction, service.ports), { code: 'InvalidInput' });
  });

  test('a damaged chain of secrets is a fault', async () => {
    const { lost, service } = await lostService();
    const older = sealBlob(lost.latestSecret().secret, new Uint8Array(12), new Uint8Array(32));
    const state = service.store.begin();
    const shares = [first, second].map((member) => decodeShare(shareOf(service, member)));
    const wrapping = combineShares(shares, 2);
    const encrypted_data = toBase64(new Uint8Array(60));
    const previous = (version: number) => ({ encrypted_data, version });
    const fault = { code: 'GovernanceRowInvalid' };
    assert.throws(() => restoreLedgerSecrets(state, wrapping, []), fault);
    assert.throws(() => restoreLedgerSecrets(state, wrapping, [{}]), fault);
    assert.throws(
      () =>
        restoreLedgerSecrets(state, wrapping, [
          { next_version: 5, previous_ledger_secret: previous(5) },
        ]),
      fault,
    );
    assert.throws(
      () =>
        restoreLedgerSecrets(state, wrapping, [
          { next_version: 4, previous_ledger_secret: previous(1) },
          { next_version: 5 },
          { next_version: 9, previous_ledger_secret: previous(5) },
        ]),
      { code: 'DecryptionFailed' },
    );
    assert.throws(
      () =>
        restoreLedgerSecrets(state, wrapping, [
          { next_version: 4, previous_ledger_secret: previous(1) },
          {
            next_version: 9,
            previous_ledger_secret: { encrypted_data: toBase64(older), version: 5 },
          },
        ]),
      fault,
    );
    assert.equal(restoreLedgerSecrets(state, wrapping, service.historicalRows).length, 1);
  });
});
