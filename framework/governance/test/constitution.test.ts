/** Constitutions that throw, loop or answer nonsense: refused or recorded, and nothing changed. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LedgerError } from '@coco/base';
import { checkConstitution } from '../src/check-constitution.ts';
import { constitution, proposalInfos, serviceConfig } from '../src/tables.ts';
import { scriptRunner } from './script-runner.ts';
import { createMember, refusalOf, TestService } from './service-fixture.ts';
import { testConstitution, yes } from './test-constitution.ts';

const member = await createMember();

async function governedBy(text: string): Promise<TestService> {
  const service = await TestService.start([member], { constitution: text });
  service.sign();
  await service.acknowledge(member);
  return service;
}

/** The test constitution with another body of one of its functions. */
function withBody(name: 'validate' | 'resolve' | 'apply', body: string): string {
  const start = testConstitution.indexOf(`export function ${name}(`);
  const from = testConstitution.indexOf('{', start) + 1;
  return `${testConstitution.slice(0, from)} ${body}; ${testConstitution.slice(from)}`;
}

suite('constitutions that misbehave', () => {
  for (const [what, text, message] of [
    [
      'validate throws',
      withBody('validate', 'throw new Error("bad")'),
      /^Failed to execute validation: Error: bad /,
    ],
    [
      'validate loops',
      withBody('validate', 'for (;;)'),
      /^Failed to execute validation: Operation took too long to complete\. $/,
    ],
    [
      'validate returns a text',
      withBody('validate', 'return "yes"'),
      /^Validation failed to return an object$/,
    ],
    ['validate returns nothing', withBody('validate', 'return'), /^Validation failed to return/],
    ['validate returns a list', withBody('validate', 'return []'), /^Validation failed to return/],
    ['the text is no module', 'export function', /^Failed to execute validation: SyntaxError/],
    [
      'there is no validate',
      'export function resolve() { return "Accepted" }',
      /^Failed to execute validation: The constitution exports no validate\./,
    ],
    [
      'resolve throws',
      withBody('resolve', 'throw new Error("bad")'),
      /^Failed to resolve\(\): Error: bad\nTrace: /,
    ],
    [
      'resolve loops',
      withBody('resolve', 'for (;;)'),
      /^Failed to resolve\(\): Operation took too long to complete\.\nTrace: N\/A$/,
    ],
    [
      'resolve returns another word',
      withBody('resolve', 'return "Withdrawn"'),
      /^resolve\(\) returned invalid status value: "Withdrawn"\n/,
    ],
    [
      'resolve returns an object',
      withBody('resolve', 'return { state: "Accepted" }'),
      /^resolve\(\) returned invalid status value\n/,
    ],
    ['resolve returns nothing', withBody('resolve', 'return'), /^resolve\(\) returned invalid/],
    [
      'resolve writes',
      withBody('resolve', 'ccf.kv["public:ccf.gov.x"].set(one, one)'),
      /^Failed to resolve\(\): /,
    ],
    [
      'nextResolution throws',
      `${testConstitution} export function nextResolution() { throw new Error("when"); }`,
      /^Failed to nextResolution\(\): Error: when/,
    ],
    [
      'nextResolution returns a text',
      `${testConstitution} export function nextResolution() { return "tomorrow"; }`,
      /^nextResolution\(\) returned neither a time in milliseconds nor undefined/,
    ],
  ] as const) {
    test(`${what}: 500, and nothing is written`, async () => {
      const service = await governedBy(text);
      const before = service.store.seqno;
      const answer = await service.propose(member);
      const [status, code, shown] = refusalOf(answer);
      assert.deepEqual([status, code], [500, 'InternalError'], answer.text);
      assert.match(String(shown), message);
      assert.equal(service.store.seqno, before);
    });
  }

  test('validate that is not true is no validity', async () => {
    for (const result of ['{}', '{ valid: 1 }', '{ valid: "true", description: 5 }']) {
      const service = await governedBy(withBody('validate', `return ${result}`));
      assert.deepEqual(refusalOf(await service.propose(member)), [
        400,
        'ProposalFailedToValidate',
        'Proposal failed to validate: ',
      ]);
    }
  });

  for (const [what, action, message] of [
    ['throws', { name: 'throw_error', args: { message: 'no' } }, /Error: no\nTrace: /],
    ['loops', { name: 'loop' }, /Operation took too long to complete\./],
    [
      'leaves a row that does not parse',
      { name: 'write_row', args: { table: 'public:ccf.gov.service.config', value: '{}' } },
      /A row of public:ccf\.gov\.service\.config is damaged\./,
    ],
    [
      'leaves a damaged member',
      {
        name: 'write_row',
        args: { table: 'public:ccf.gov.members.info', key: member.id, value: '{"status":"Boss"}' },
      },
      /A row of public:ccf\.gov\.members\.info is damaged\./,
    ],
    [
      'empties the constitution',
      { name: 'write_row', args: { table: 'public:ccf.gov.constitution', value: '""' } },
      /The row of public:ccf\.gov\.constitution must not be empty\./,
    ],
    [
      'removes the configuration',
      { name: 'remove_row', args: { table: 'public:ccf.gov.service.config' } },
      /The row of public:ccf\.gov\.service\.config must not be empty\./,
    ],
    [
      'gives the service another key',
      {
        name: 'write_row',
        args: {
          table: 'public:ccf.gov.service.info',
          value: JSON.stringify({ cert: member.certificatePem, status: 'Open' }),
        },
      },
      /The certificate of the service is not of the key of the service\./,
    ],
    [
      'gives a node another key',
      {
        name: 'write_row',
        args: {
          table: 'public:ccf.gov.nodes.endorsed_certificates',
          key: 'aa'.repeat(32),
          value: member.certificatePem,
        },
      },
      /The certificate of the node is not of the key of the node\./,
    ],
    [
      'leaves a certificate that is none',
      {
        name: 'write_row',
        args: {
          table: 'public:ccf.gov.nodes.endorsed_certificates',
          key: 'aa'.repeat(32),
          value: 'none',
        },
      },
      /The certificate of the node is not of the key of the node\./,
    ],
    [
      'permits renewals in a form that nodes cannot read',
      {
        name: 'write_row',
        args: {
          table: 'public:coco.gov.standing_permissions',
          key: 'certificate_renewal',
          value: '{"validity_days":5}',
        },
      },
      /standing permission certificate_renewal is damaged/,
    ],
    [
      'writes where only the framework writes',
      { name: 'write_row', args: { table: 'public:ccf.internal.tree', value: 'x' } },
      /./,
    ],
  ] as const) {
    test(`an action that ${what} undoes the whole proposal`, async () => {
      const service = await governedBy(testConstitution);
      const config = serviceConfig.require(service.store.begin());
      const raised = { name: 'set_recovery_threshold', args: { recovery_threshold: 7 } };
      const proposed = await service.propose(member, raised, action);
      const id = String(proposed.field('proposalId'));
      const before = service.store.seqno;
      const failed = await service.vote(member, id, yes);
      assert.deepEqual([failed.status, failed.field('error.code')], [500, 'InternalError']);
      const text = String(failed.field('error.message'));
      assert.match(text, /^Failed to apply\(\): /);
      assert.match(text, message);
      assert.equal(service.store.seqno, before);
      const state = service.store.begin();
      assert.deepEqual(serviceConfig.require(state), config);
      assert.equal(constitution.get(state), testConstitution);
      assert.equal(proposalInfos.get(state, id)?.state, 'Open');
    });
  }

  test('what a script says of its failure is told up to a length', async () => {
    const service = await governedBy(withBody('validate', 'throw new Error("x".repeat(1e6))'));
    const answer = await service.propose(member);
    assert.ok(answer.text.length < 10_000, String(answer.text.length));
  });

  test('a service does not start with what is no constitution', async () => {
    await checkConstitution(testConstitution, scriptRunner);
    for (const [text, reason] of [
      ['', /constitution is empty/],
      ['export function', /SyntaxError/],
      ['export function validate(input) {}', /does not export a function named apply/],
      ['throw new Error("on loading")', /on loading/],
      ['for (;;);', /./],
      [
        withBody('validate', '').replace('resolve(proposal, proposerId, votes)', 'resolve()'),
        /resolve/,
      ],
    ] as const) {
      await assert.rejects(checkConstitution(text, scriptRunner), (error: unknown) => {
        assert.ok(error instanceof LedgerError && error.code === 'InvalidInput');
        assert.match(error.message, /^The constitution cannot be used: /);
        assert.match(error.message, reason);
        return true;
      });
    }
    await assert.rejects(
      checkConstitution('ccf.kv["public:x"].get(new ArrayBuffer(1))', scriptRunner),
      {
        code: 'InvalidInput',
      },
    );
  });

  test('a ledger without a constitution decides by the consent of the majority', async () => {
    const service = await governedBy(testConstitution);
    service.write((transaction) => constitution.put(transaction, ''));
    const refused = await service.propose(member, { name: 'set_user' });
    assert.deepEqual(refusalOf(refused), [
      400,
      'ProposalFailedToValidate',
      'Proposal failed to validate: set_user: no such action',
    ]);
    const opened = await service.propose(member, {
      name: 'transition_service_to_open',
      args: { next_service_identity: service.identity.serviceCertificate },
    });
    assert.equal(opened.field('proposalState'), 'Accepted', opened.text);
    assert.equal(service.get('/service/info').field('status'), 'Open');
    const next = { name: 'set_constitution', args: { constitution: testConstitution } };
    const recovered = await service.recovered();
    const again = await recovered.propose(member, {
      name: 'transition_service_to_open',
      args: {
        next_service_identity: recovered.identity.serviceCertificate,
        previous_service_identity: service.identity.serviceCertificate,
      },
    });
    assert.equal(again.field('proposalState'), 'Accepted', again.text);
    assert.equal(recovered.get('/service/info').field('status'), 'WaitingForRecoveryShares');
    assert.equal((await recovered.propose(member, next)).field('proposalState'), 'Accepted');
    assert.equal(constitution.get(recovered.store.begin()), testConstitution);
    assert.equal((await recovered.propose(member)).field('proposalState'), 'Open');
  });
});
