/**
 * A consortium of three with nothing of ours: keys by the script of PyPI ccf, requests by its
 * ccf_cose_sign1, and of one member whose key an HSM would hold by _prepare and _finish around a
 * signature by openssl. They live a whole governance: from acknowledgement to new rules.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { isJsonObject, type JsonValue, present } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { type Answer, TestService } from '../test/service-fixture.ts';
import { no, yes } from '../test/test-constitution.ts';
import { StockMember, skip } from './stock-member.ts';

suite('a consortium with stock tools', { skip }, () => {
  let folder = '';
  let members: readonly StockMember[] = [];
  let service: TestService;
  const member = (at: number): StockMember => present(members[at], 'there are three members');
  const idOf = (answer: Answer): string => String(answer.field('proposalId'));

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'coco-consortium-'));
    members = [
      new StockMember(folder, 'member0'),
      new StockMember(folder, 'member1'),
      new StockMember(folder, 'member2', { hasExternalKey: true }),
    ];
    for (const [at, one] of members.entries())
      one.generateKeys(at === 1 ? 'secp256r1' : 'secp384r1');
    service = await TestService.start(
      members.map((one) => one.member()),
      { constitution: createConstitution(), recoveryThreshold: 2 },
    );
    service.sign();
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function acknowledge(one: StockMember): Promise<void> {
    const path = `/members/state-digests/${one.member().id}`;
    const updated = await one.send(service, `${path}:update`, { type: 'state_digest' });
    const json = { stateDigest: updated.field('stateDigest') };
    assert.equal((await one.send(service, `${path}:ack`, { type: 'ack', json })).status, 204);
  }

  /** Member 0 proposes; 1 and 2 carry it. */
  async function carry(name: string, args: JsonValue): Promise<void> {
    const proposed = await member(0).propose(service, name, args);
    assert.equal(proposed.field('proposalState'), 'Open', proposed.text);
    await member(1).vote(service, idOf(proposed), yes);
    const decided = await member(2).vote(service, idOf(proposed), yes);
    assert.equal(decided.field('proposalState'), 'Accepted', decided.text);
  }

  const statusOf = (id: string): JsonValue => service.get(`/service/members/${id}`).field('status');

  test('all three acknowledge and become active', async () => {
    for (const one of members) await acknowledge(one);
    for (const one of members) assert.equal(statusOf(one.member().id), 'Active');
  });

  test('a majority opens the service', async () => {
    await carry('transition_service_to_open', {
      next_service_identity: service.identity.serviceCertificate,
    });
    assert.equal(service.get('/service/info').field('status'), 'Open');
  });

  test('a proposal is withdrawn by who made it, and by nobody else', async () => {
    const id = idOf(await member(2).propose(service, 'set_recovery_threshold', threshold(1)));
    const path = `/members/proposals/${id}:withdraw`;
    const message = { type: 'withdrawal', proposalId: id } as const;
    assert.equal((await member(0).send(service, path, message)).status, 403);
    const withdrawn = await member(2).send(service, path, message);
    assert.equal(withdrawn.field('proposalState'), 'Withdrawn');
  });

  test('a majority against rejects a proposal', async () => {
    const id = idOf(await member(0).propose(service, 'set_recovery_threshold', threshold(1)));
    assert.equal((await member(1).vote(service, id, no)).field('proposalState'), 'Open');
    const rejected = await member(2).vote(service, id, no);
    assert.equal(rejected.field('proposalState'), 'Rejected');
    assert.equal(service.get('/service/info').field('configuration.recoveryThreshold'), 2);
  });

  const threshold = (recovery_threshold: number): JsonValue => ({ recovery_threshold });

  test('a user is added', async () => {
    const user = new StockMember(folder, 'user0');
    user.generateKeys('secp384r1');
    const cert = user.text('cert.pem');
    await carry('set_user', { cert, user_data: { team: 'audit' } });
    const shown = service.get(`/service/users/${user.member().id}`);
    assert.equal(shown.field('certificate'), cert);
    assert.deepEqual(shown.field('userData'), { user_data: { team: 'audit' } });
  });

  test('a fourth member is added, acknowledges, and gets a recovery share', async () => {
    const fourth = new StockMember(folder, 'member3');
    fourth.generateKeys('secp384r1');
    const { id } = fourth.member();
    await carry('set_member', {
      cert: fourth.text('cert.pem'),
      encryption_pub_key: fourth.text('enc_pubk.pem'),
      member_data: { organisation: 'bank-d' },
    });
    assert.equal(statusOf(id), 'Accepted');
    assert.equal(service.get(`/recovery/encrypted-shares/${id}`).status, 404);
    service.sign();
    await acknowledge(fourth);
    assert.equal(statusOf(id), 'Active');
    assert.equal(service.get(`/recovery/encrypted-shares/${id}`).status, 200);
  });

  test('the consortium votes itself another constitution, which then decides', async () => {
    const open = idOf(await member(1).propose(service, 'set_recovery_threshold', threshold(1)));
    const constitution = createConstitution({
      rules: {
        format: 'coco-rules/1',
        version: 1,
        title: 'Everybody',
        rules: [{ name: 'All', actions: ['*'], thresholds: [{ at_least: 'all' }] }],
      },
    });
    const id = idOf(await member(0).propose(service, 'set_constitution', { constitution }));
    for (const at of [0, 1, 2]) await member(at).vote(service, id, yes);
    assert.equal(service.get('/service/constitution').text, constitution);
    assert.equal(service.get(`/members/proposals/${open}`).field('proposalState'), 'Dropped');
    const next = idOf(await member(0).propose(service, 'set_recovery_threshold', threshold(3)));
    for (const at of [0, 1, 2]) await member(at).vote(service, next, yes);
    assert.equal(service.get(`/members/proposals/${next}`).field('proposalState'), 'Open');
    const { body } = service.get('/members/proposals');
    assert.ok(isJsonObject(body) && Array.isArray(body.value));
  });
});
