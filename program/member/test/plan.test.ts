import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import type { JsonValue } from '@coco/base';
import { actionNames } from '@coco/constitution';
import { describePlan } from '../src/describe-plan.ts';
import { GovernanceState, onlyRow, readGovernanceState } from '../src/governance-state.ts';
import { planChanges, tablesOf } from '../src/plan-changes.ts';
import type { Action } from '../src/proposal.ts';
import { createTestMember } from './members.ts';
import { ScriptedService } from './scripted-service.ts';

const bankA = (await createTestMember('bank-a')).certificate;
const bankB = (await createTestMember('bank-b')).certificate;
const node = 'ef'.repeat(32);
const publicKey = '-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n';
const publicKeyDigest = createHash('sha256').update(publicKey).digest('hex');

function state(): GovernanceState {
  const member = {
    status: 'Active',
    memberData: { organisation: 'bank-a', weight: 1 },
    recoveryRole: 'Participant',
    certificate: bankA.pem,
    publicEncryptionKey: publicKey,
  };
  return new GovernanceState([
    ['member', new Map([[bankA.id, member]])],
    ['user', new Map([[bankA.id, { certificate: bankA.pem, userData: null }]])],
    ['node', new Map([[node, { status: 'Pending', nodeData: null }]])],
    [
      'service',
      new Map([[onlyRow, { status: 'Opening', configuration: { recoveryThreshold: 1 } }]]),
    ],
    ['constitution', new Map([[onlyRow, 'line 1\nline 2\nline 3\nline 4\nline 5\nline 6\n']])],
    ['virtual measurement', new Map([['old', 'AllowedToJoin']])],
  ]);
}

/** The lines of a plan, without numbers and indents. */
function planned(...actions: readonly Action[]): readonly string[] {
  return describePlan(planChanges(state(), actions)).map((line) => line.trim());
}

function action(name: string, args: Record<string, JsonValue> = {}): Action {
  return { name, args };
}

describe('the plan of a proposal', () => {
  test('settings of an adapter that are not named stay as they are', () => {
    const before = new GovernanceState([
      ['adapter', new Map([['ethereum', { base_fee: 7, visibility: 'consortium' }]])],
    ]);
    const settings = { base_fee: 9 };
    const plan = planChanges(before, [
      action('set_adapter_settings', { adapter: 'ethereum', settings }),
    ]);
    const lines = describePlan(plan).map((line) => line.trim());
    assert.deepEqual(lines.slice(1), ['~ adapter ethereum changes', 'base_fee: 7 → 9']);
  });

  test('tells a new member by name, id, key and dates', () => {
    const args = { cert: bankB.pem, encryption_pub_key: publicKey, member_data: { weight: 2 } };
    const lines = planned(action('set_member', args));
    assert.deepEqual(lines, [
      '1. set_member',
      `+ member bank-b (id ${bankB.id.slice(0, 8)}…) is added`,
      'status: Accepted',
      'memberData.weight: 2',
      'recoveryRole: Participant',
      `certificate: bank-b, P-384, valid 2027-01-15 to 2028-01-15, SHA-256 ${bankB.id}`,
      `publicEncryptionKey: a public key, SHA-256 of its text ${publicKeyDigest}`,
      'It can vote once it has acknowledged the state with its key (coco member activate).',
    ]);
  });

  test('shows fields before and after, and nothing of what stays', () => {
    const data = { organisation: 'bank-a', weight: 5, roles: ['regulator'] };
    const lines = planned(action('set_member_data', { member_id: bankA.id, member_data: data }));
    assert.deepEqual(lines.slice(1), [
      `~ member bank-a (id ${bankA.id.slice(0, 8)}…) changes`,
      'memberData.weight: 1 → 5',
      'memberData.roles.0: regulator',
    ]);
  });

  test('a member who is set again is no longer active; one who leaves takes its share', () => {
    const again = planned(action('set_member', { cert: bankA.pem })).join('\n');
    assert.match(again, /status: Active → Accepted/);
    assert.match(again, /recoveryRole: Participant → NonParticipant/);
    assert.match(again, /no longer active until/);
    const removed = planned(action('remove_member', { member_id: bankA.id })).join('\n');
    assert.match(removed, /- member bank-a \(id .*\) is removed/);
    assert.match(removed, /new secret/);
  });

  test('texts are told by the lines that differ', () => {
    const constitution = 'line 1\nline 2\nline 3\nline 4\nline five\nline 6\n';
    const lines = planned(action('set_constitution', { constitution }));
    assert.ok(lines.includes('-line 5') && lines.includes('+line five'), lines.join('\n'));
    assert.ok(!lines.includes('line 1'), 'far lines are not shown');
    assert.match(lines.join('\n'), /the rules that it begins with/);
    assert.match(lines.join('\n'), /Every other open proposal is dropped/);
    const other = Array.from({ length: 5000 }, (_, count) => `other ${count}`).join('\n');
    const replaced = planned(action('set_constitution', { constitution: other })).join('\n');
    assert.match(replaced, /7 lines are replaced by 5000 others/);
  });

  test('later actions see what earlier ones changed', () => {
    const lines = planned(
      action('set_user', { cert: bankB.pem, user_data: { level: 1 } }),
      action('set_user_data', { user_id: bankB.id, user_data: { level: 2 } }),
      action('remove_user', { user_id: bankB.id }),
      action('remove_user', { user_id: bankB.id }),
    ).join('\n');
    assert.match(lines, /1\. set_user\n\+ user bank-b .* is added/);
    assert.match(lines, /2\. set_user_data\n~ user bank-b .* changes\nuserData\.level: 1 → 2/);
    assert.match(lines, /3\. remove_user\n- user bank-b .* is removed/);
    assert.match(lines, /4\. remove_user\nThere is no user with the id .*\nNothing changes\./);
  });

  test('the service, its nodes and what may join', () => {
    const lines = planned(
      action('set_recovery_threshold', { recovery_threshold: 2 }),
      action('transition_service_to_open', { next_service_identity: 'PEM' }),
      action('transition_node_to_trusted', { node_id: node, valid_from: '260101000000Z' }),
      action('remove_node', { node_id: node }),
      action('add_virtual_measurement', { measurement: 'new' }),
      action('remove_virtual_measurement', { measurement: 'old' }),
      action('set_node_data', { node_id: 'other' }),
    ).join('\n');
    assert.match(lines, /the service changes\nconfiguration\.recoveryThreshold: 1 → 2\nNew rec/);
    assert.match(lines, /status: Opening → Open\n/);
    assert.match(lines, /status: Pending → Trusted\nIt joins .* valid from 260101000000Z/);
    assert.match(lines, /4\. remove_node\n.*\nstatus: Trusted → Retired/);
    assert.match(lines, /\+ virtual measurement new is added/);
    assert.match(lines, /- virtual measurement old is removed/);
    assert.match(lines, /7\. set_node_data\nThere is no node with the id other/);
  });

  test('new rules are told in words, and what the service will refuse beforehand', () => {
    const rules = {
      format: 'coco-rules/1',
      version: 2,
      title: 'All',
      rules: [{ name: 'Every action', actions: ['*'], thresholds: [{ at_least: 'all' }] }],
    };
    const lines = planned(action('set_rules', { rules })).join('\n');
    assert.match(lines, /\+ the rules document is added\n@@ line 1 @@\n\+\{\n\+ {2}"format"/);
    assert.match(lines, /From "Simple majority" \(version 1\) to "All" \(version 2\)/);
    assert.match(
      lines,
      /- no longer: more than 1\/2 .*\n\+ now: all of the active members say yes/,
    );
    assert.match(lines, /Every other open proposal is dropped/);
    const old = planned(action('set_rules', { rules: { ...rules, version: 1 } })).join('\n');
    assert.match(old, /will refuse it:\nIts version must be higher than 1/);
    const many = { ...rules.rules[0], thresholds: [{ at_least: 7 }] };
    const locked = planned(action('set_rules', { rules: { ...rules, rules: [many] } })).join('\n');
    assert.match(locked, /The service will refuse it:\n/);
    const none = planned(action('set_rules', { rules: { title: 7 } })).join('\n');
    assert.match(none, /is no rules document/);
  });

  test('an action that is not known is shown by its arguments, not guessed', () => {
    const [plan] = planChanges(state(), [action('toString', { amount: 7 })]);
    assert.equal(plan?.isKnown, false);
    assert.deepEqual(planned(action('launch', { amount: 7 })).slice(1), [
      'This tool does not know the action. Its arguments, as they are:',
      '{',
      '"amount": 7',
      '}',
    ]);
  });

  test('what is so already is told to change nothing', () => {
    const lines = planned(action('set_node_data', { node_id: node, node_data: null }));
    assert.deepEqual(lines.slice(1), ['Nothing changes: it is so already.']);
  });

  test('every action of Coco’s constitution but SGX’s has a plan, whatever its arguments', () => {
    const known = actionNames.filter((name) => !name.endsWith('_node_code'));
    assert.ok(known.length >= 44);
    const values: readonly JsonValue[] = [null, 7, 'text', [], {}, { a: { b: null } }];
    const fields = ['cert', 'member_id', 'user_id', 'node_id', 'bundle', 'jwks', 'constitution'];
    for (const name of known) {
      for (const value of values) {
        const args = Object.fromEntries(fields.map((field) => [field, value]));
        for (const given of [args, {}]) {
          const plans = planChanges(state(), [action(name, given)]);
          assert.equal(plans[0]?.isKnown, true, name);
          assert.ok(describePlan(plans).length >= 2, name);
        }
      }
    }
  });
});

describe('the state that a plan begins with', () => {
  test('is read by tables, and only those that the actions need', async () => {
    const service = new ScriptedService();
    const members = [{ memberId: bankA.id, status: 'Active', certificate: bankA.pem }];
    service.answer('GET /gov/service/members', { json: { value: members } });
    const policy = {
      virtual: { measurements: ['m'], hostData: ['h'] },
      snp: { measurements: [], hostData: { d: 'policy' }, uvmEndorsements: {}, tcbVersions: {} },
    };
    service.answer('GET /gov/service/join-policy', { json: policy });
    const wanted = tablesOf([action('set_member'), action('add_virtual_host_data')]);
    const read = await readGovernanceState(service.governance, wanted);
    assert.deepEqual(read.row('member', bankA.id), {
      status: 'Active',
      certificate: bankA.pem,
    });
    assert.deepEqual([...read.rows('virtual host data').keys()], ['h']);
    assert.equal(read.isKnown('virtual measurement'), false, 'not asked for');
    const users = [{ userId: 'u', certificate: 'PEM', userData: { user_data: { level: 1 } } }];
    service.answer('GET /gov/service/users', { json: { value: users } });
    const known = await readGovernanceState(service.governance, ['user']);
    assert.deepEqual(known.row('user', 'u'), { certificate: 'PEM', userData: { level: 1 } });
    assert.equal(service.requests.length, 3);
  });

  test('holds app, issuers and rules where the service tells them', async () => {
    const service = new ScriptedService();
    const wanted = ['app module', 'app endpoint', 'JWT issuer', 'rules', 'adapter'] as const;
    const without = await readGovernanceState(service.governance, wanted);
    for (const table of wanted) assert.equal(without.isKnown(table), false, table);
    const endpoints = { '/log': { GET: { js_module: '/a.js' }, post: {} } };
    service.answer('GET /gov/service/javascript-app', { json: { endpoints } });
    const modules = [{ moduleName: '/a.js' }];
    service.answer('GET /gov/service/javascript-modules', { json: { value: modules } });
    service.answer('GET /gov/service/javascript-modules/%2Fa.js', { text: 'export {}' });
    const issuers = { 'https://issuer': { autoRefresh: true } };
    service.answer('GET /gov/service/jwk', { json: { issuers, caCertBundles: {}, keys: {} } });
    const adapters = { ethereum: { chain_id: 7 } };
    service.answer('GET /gov/service/rules', { json: { rules: { name: 'majority' }, adapters } });
    const read = await readGovernanceState(service.governance, wanted);
    assert.deepEqual([...read.rows('app endpoint').keys()], ['GET /log', 'POST /log']);
    assert.equal(read.row('app module', '/a.js'), 'export {}');
    assert.deepEqual(read.row('JWT issuer', 'https://issuer'), { autoRefresh: true });
    assert.deepEqual(read.row('rules'), { name: 'majority' });
    assert.deepEqual(read.row('adapter', 'ethereum'), { chain_id: 7 });
  });
});
