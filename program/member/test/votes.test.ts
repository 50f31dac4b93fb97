import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ProposalInfo } from '../src/governance-service.ts';
import { standardBallots } from '../src/proposal.ts';
import { readVotes } from '../src/votes.ts';
import { watchProposal } from '../src/watch-proposal.ts';
import { ScriptedService } from './scripted-service.ts';

const id = 'ab'.repeat(32);
const place = `GET /gov/members/proposals/${id}`;
const open: ProposalInfo = {
  id,
  proposerId: 'a',
  state: 'Open',
  ballotCount: 3,
  finalVotes: undefined,
  voteFailures: {},
  failure: undefined,
};
const row = (memberId: string, status = 'Active') => ({
  memberId,
  status,
  memberData: { name: `bank ${memberId}` },
});

describe('the votes on a proposal', () => {
  test('are read ballot by ballot: for, against, by a script, and who is missing', async () => {
    const service = new ScriptedService();
    service.answer(`${place}/ballots/a`, { text: standardBallots.approve });
    service.answer(`${place}/ballots/b`, { text: standardBallots.reject });
    service.answer(`${place}/ballots/c`, { text: 'export function vote () { return true }' });
    const members = [row('a'), row('b'), row('c'), row('d'), row('e', 'Accepted')];
    const { given, missing } = await readVotes(service.governance, open, members);
    assert.deepEqual(
      given.map(({ name, ballot }) => [name, ballot]),
      [
        ['bank a', 'approve'],
        ['bank b', 'reject'],
        ['bank c', 'script'],
      ],
    );
    assert.deepEqual(
      missing.map(({ memberId }) => memberId),
      ['d'],
    );
  });

  test('of a decided proposal are those that decided it', async () => {
    const service = new ScriptedService();
    service.answer(`${place}/ballots/b`, { text: standardBallots.approve });
    const decided = { ...open, state: 'Accepted', finalVotes: { a: true, b: false } } as const;
    const { given } = await readVotes(service.governance, decided, [row('a'), row('b')]);
    assert.deepEqual(
      given.map(({ ballot }) => ballot),
      ['approve', 'reject'],
    );
    assert.equal(service.requests.length, 0);
  });

  test('before the first ballot nobody is asked for one', async () => {
    const service = new ScriptedService();
    const fresh = { ...open, ballotCount: 0 };
    const { missing } = await readVotes(service.governance, fresh, [row('a'), row('b')]);
    assert.deepEqual([missing.length, service.requests.length], [2, 0]);
  });
});

describe('watching a proposal', () => {
  const described = (state: string, ballotCount: number) => ({
    json: { proposalId: id, proposerId: 'a', proposalState: state, ballotCount },
  });

  test('tells each change once, and ends with the decision', async () => {
    const service = new ScriptedService();
    const answers = [
      described('Open', 0),
      described('Open', 0),
      described('Open', 1),
      described('Accepted', 2),
    ];
    const seen: string[] = [];
    const pauses: number[] = [];
    service.answer(place, answers.shift() ?? {});
    const decided = await watchProposal(service.governance, id, {
      onChange: ({ state, ballotCount }) => seen.push(`${state} ${ballotCount}`),
      pause: async (delayMs) => {
        pauses.push(delayMs);
        service.answer(place, answers.shift() ?? assert.fail('it was decided'));
      },
    });
    assert.equal(decided.state, 'Accepted');
    assert.deepEqual(seen, ['Open 0', 'Open 1', 'Accepted 2']);
    assert.deepEqual(pauses, [100, 200, 100]);
  });

  test('ends with an open proposal when the time is over, and says when it is gone', async () => {
    const service = new ScriptedService();
    service.answer(place, described('Open', 0));
    const over = new AbortController();
    const watching = {
      onChange: () => undefined,
      pause: async () => over.abort(),
      signal: over.signal,
    };
    const { state } = await watchProposal(service.governance, id, watching);
    assert.equal(state, 'Open');
    const gone = { ...watching, pause: async () => service.answers.clear() };
    const forgotten = watchProposal(service.governance, id, {
      ...gone,
      signal: new AbortController().signal,
    });
    await assert.rejects(forgotten, { code: 'ProposalForgotten' });
  });
});
