import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { rebuildActiveMembers } from '../src/active-members.ts';
import { activeMembers, presence } from '../src/coco-tables.ts';
import { memberInfos } from '../src/tables.ts';
import { createMember, type TestAction, TestService } from './service-fixture.ts';
import { testConstitution, yes } from './test-constitution.ts';

const members = [
  await createMember(),
  await createMember('NonParticipant'),
  await createMember('NonParticipant'),
] as const;
const [first, second, third] = members;
const ids = (...some: readonly { readonly id: string }[]): readonly string[] =>
  some.map(({ id }) => id).sort();
const indexOf = (service: TestService): readonly string[] =>
  activeMembers.keys(service.store.begin());

async function start(): Promise<TestService> {
  const service = await TestService.start(members, { constitution: testConstitution });
  service.sign();
  return service;
}

/** Carried by the first member alone, or by the first two. */
async function carry(service: TestService, ...actions: readonly TestAction[]): Promise<void> {
  const proposed = await service.propose(first, ...actions);
  const id = String(proposed.field('proposalId'));
  let state = '';
  for (const member of [first, second]) {
    if (state === 'Accepted') break;
    state = String((await service.vote(member, id, yes)).field('proposalState'));
  }
  assert.equal(state, 'Accepted');
}

suite('the index of active members', () => {
  test('it follows acknowledgements and actions', async () => {
    const service = await start();
    assert.deepEqual(indexOf(service), []);
    await service.acknowledge(first);
    assert.deepEqual(indexOf(service), ids(first));
    await service.acknowledge(second);
    await service.acknowledge(third);
    assert.deepEqual(indexOf(service), ids(...members));
    await carry(service, { name: 'remove_member', args: { member_id: third.id } });
    assert.deepEqual(indexOf(service), ids(first, second));
    await carry(service, {
      name: 'set_member',
      args: { id: second.id, cert: second.certificatePem },
    });
    assert.deepEqual(indexOf(service), ids(first), 'it has to acknowledge again');
  });

  test('what an action writes into it is put right', async () => {
    const service = await start();
    await service.acknowledge(first);
    const row = (key: string): TestAction => ({
      name: 'write_row',
      args: { table: activeMembers.name, key, value: '' },
    });
    await carry(service, row(second.id), row('nobody'));
    assert.deepEqual(indexOf(service), ids(first));
  });

  test('a ledger without it gets one', async () => {
    const service = await start();
    await service.acknowledge(first);
    const transaction = service.store.begin();
    activeMembers.delete(transaction, first.id);
    activeMembers.put(transaction, 'nobody', presence);
    rebuildActiveMembers(transaction);
    assert.deepEqual(activeMembers.keys(transaction), ids(first));
    assert.equal(memberInfos.rows(transaction).length, 3);
  });
});
