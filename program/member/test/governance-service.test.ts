import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { ScriptedService } from './scripted-service.ts';

const id = 'cd'.repeat(32);
const open = { status: 'Open', certificate: 'PEM', configuration: { recoveryThreshold: 2 } };

describe('the service as a member meets it', () => {
  let service: ScriptedService;
  beforeEach(() => {
    service = new ScriptedService();
    service.answer('GET /gov/service/info', { json: open });
  });

  test('is read with the api version that Coco speaks', async () => {
    const { status, recoveryThreshold } = await service.governance.info();
    assert.deepEqual([status, recoveryThreshold], ['Open', 2]);
    assert.equal(service.requests[0]?.path, '/gov/service/info?api-version=2024-07-01');
    service.answer('GET /gov/service/javascript-app', { json: {} });
    await service.governance.read('/gov/service/javascript-app?case=original');
    assert.match(service.requests[1]?.path ?? '', /\?case=original&api-version=2024-07-01$/);
  });

  test('describes proposals', async () => {
    const row = {
      proposalId: id,
      proposerId: 'p',
      proposalState: 'Failed',
      ballotCount: 2,
      finalVotes: { a: true, b: false },
      voteFailures: { c: { reason: 'thrown' } },
      failure: { reason: 'apply failed' },
    };
    service.answer(`GET /gov/members/proposals/${id}`, { json: row });
    assert.deepEqual(await service.governance.proposal(id), {
      id,
      proposerId: 'p',
      state: 'Failed',
      ballotCount: 2,
      finalVotes: { a: true, b: false },
      voteFailures: { c: 'thrown' },
      failure: 'apply failed',
    });
    service.answer('GET /gov/members/proposals', { json: { value: [row] } });
    assert.equal((await service.governance.proposals()).length, 1);
    service.answer(`GET /gov/members/proposals/${id}`, { json: { proposalState: 'Odd' } });
    await assert.rejects(service.governance.proposal(id), { code: 'GovernanceRefused' });
  });

  test('says that a decided proposal may be gone, and where it still stands', async () => {
    const forgotten = { code: 'ProposalForgotten', message: /coco audit/ };
    await assert.rejects(service.governance.proposal(id), forgotten);
    await assert.rejects(service.governance.actions(id), forgotten);
    assert.equal(await service.governance.ballot(id, 'm'), undefined);
  });

  test('a signed request counts when it has committed', async () => {
    const path = '/gov/members/proposals:create';
    service.answer(`POST ${path}`, { json: { proposalId: id }, transactionId: '2.17' });
    const request = { type: 'proposal', path, body: utf8Encode('cose') } as const;
    assert.deepEqual(await service.governance.submit(request), {
      answer: { proposalId: id },
      transactionId: '2.17',
    });
    assert.deepEqual(service.awaited, ['2.17']);
    const sent = service.requests[0];
    assert.deepEqual(sent?.headers, { 'content-type': 'application/cose' });
    assert.deepEqual(await service.governance.post(request), { proposalId: id });
    assert.deepEqual(service.awaited, ['2.17'], 'it need not be waited for');
    service.answer(`POST ${path}`, { status: 204 });
    const nothing = await service.governance.submit(request);
    assert.deepEqual(nothing, { answer: {}, transactionId: undefined });
  });

  test('what a change of primary took back is sent again, three times at most', async () => {
    service.answer('POST /gov/x', { json: {}, transactionId: '3.9' });
    const request = { type: 'ack', path: '/gov/x', body: utf8Encode('signed') } as const;
    service.takenBack = 2;
    assert.equal((await service.governance.submit(request)).transactionId, '3.9');
    const sent = service.requests.filter(({ method }) => method === 'POST');
    assert.deepEqual(
      sent.map(({ body }) => body),
      Array.from({ length: 3 }, () => request.body),
    );
    service.takenBack = 3;
    const refusal = { code: 'TransactionNotCommitted' };
    await assert.rejects(service.governance.submit(request), refusal);
  });

  test('while it recovers nothing commits, so nothing is waited for', async () => {
    const recovering = { ...open, status: 'WaitingForRecoveryShares' };
    service.answer('GET /gov/service/info', { json: recovering });
    service.answer('POST /gov/x', { json: {}, transactionId: '4.9' });
    const request = { type: 'ack', path: '/gov/x', body: utf8Encode('') } as const;
    const { transactionId } = await service.governance.submit(request);
    assert.equal(transactionId, '4.9');
    assert.deepEqual(service.awaited, []);
  });

  test('refusals keep the service’s code and come as one sentence', async () => {
    const request = { type: 'ack', path: '/gov/x', body: utf8Encode('') } as const;
    const message = 'Failed to validate: Error: bad\n    at checkX (constitution:20)\nTrace: y';
    const refusals = [
      [{ error: { code: 'ProposalNotOpen', message } }, 'ProposalNotOpen', /^Failed .* bad$/],
      [
        {
          error: {
            code: 'InvalidAuthenticationInfo',
            message: 'Invalid authentication credentials.',
            details: [{ message: 'Signer is not a known member' }],
          },
        },
        'InvalidAuthenticationInfo',
        /^Signer is not a known member$/,
      ],
      [{}, undefined, /status 400/],
      [{ error: { message: 'x'.repeat(5000) } }, undefined, /^x{1000}…$/],
    ] as const;
    for (const [json, serviceCode, expected] of refusals) {
      service.answer('POST /gov/x', { status: 400, json });
      const refused = {
        code: 'GovernanceRefused',
        message: expected,
        metadata: { status: 400, serviceCode },
      };
      await assert.rejects(service.governance.submit(request), refused);
    }
    service.answer('POST /gov/x', { status: 502, text: '<html>' });
    await assert.rejects(service.governance.submit(request), { message: /status 502/ });
  });
});
