import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type JsonValue, utf8Encode } from '@coco/base';
import { GovernanceService } from '@coco/member';
import { readCastBallot } from '../src/ballot-command.ts';
import type { Given } from '../src/command-line.ts';
import { uninterrupted } from '../src/interruption.ts';
import type { Network } from '../src/network.ts';
import { assertSameProposal, awaitDecision, proposalId } from '../src/proposal-command.ts';
import { planCaveat } from '../src/proposal-report.ts';
import { submitShare } from '../src/recovery-command.ts';

const id = 'ab'.repeat(32);
const place = `/gov/members/proposals/${id}`;
const open = { proposalId: id, proposerId: 'a', proposalState: 'Open', ballotCount: 0 };

/** A service that has nothing but these answers, by path. */
function serviceOf(answers: Readonly<Record<string, JsonValue>>): GovernanceService {
  return new GovernanceService({
    request: async ({ path }) => {
      const json = answers[path.split('?')[0] ?? ''];
      return {
        status: json === undefined ? 404 : 200,
        headers: new Map(),
        body: utf8Encode(JSON.stringify(json ?? {})),
        transactionId: undefined,
      };
    },
    committed: () => assert.fail('nothing is submitted'),
  });
}

const given = (...positionals: readonly string[]): Given => ({
  positionals,
  text: () => undefined,
  isSet: () => false,
  inOrder: () => [],
});

describe('the commands of governance', () => {
  test('a proposal is meant by its id, or by digits that only one begins with', async () => {
    const other = `ab${'00'.repeat(31)}`;
    const rows = [open, { ...open, proposalId: other }];
    const service = serviceOf({ '/gov/members/proposals': { value: rows } });
    assert.equal(await proposalId(given(id), service), id);
    assert.equal(await proposalId(given('ababab'), service), id);
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['', /not a proposal/],
      ['abab', /not a proposal/],
      ['ABABAB', /not a proposal/],
      ['cdcdcd', /No proposal begins with cdcdcd/],
    ];
    for (const [text, message] of wrong) {
      const refused = { code: 'WrongUsage', message };
      await assert.rejects(proposalId(given(text), service), refused, text);
    }
    const same = serviceOf({ '/gov/members/proposals': { value: [open, open] } });
    const both = { code: 'WrongUsage', message: /2 proposals begin/ };
    await assert.rejects(proposalId(given('ababab'), same), both);
  });

  test('whoever waits only so long learns that a proposal is still open', async () => {
    const service = serviceOf({ [place]: open });
    const stillOpen = { code: 'StillOpen', message: /proposal show/ };
    await assert.rejects(awaitDecision(service, id, 1), stillOpen);
    const decided = serviceOf({ [place]: { ...open, proposalState: 'Rejected' } });
    assert.equal((await awaitDecision(decided, id, 60_000)).state, 'Rejected');
  });

  test('a ballot that was not cast is told from a proposal that is gone', async () => {
    const noBallot = { code: 'NoBallot', message: /has not voted/ };
    await assert.rejects(readCastBallot(serviceOf({ [place]: open }), id, 'm'), noBallot);
    const gone = { code: 'ProposalForgotten' };
    await assert.rejects(readCastBallot(serviceOf({}), id, 'm'), gone);
    const cast = serviceOf({ [place]: open, [`${place}/ballots/m`]: 'script' });
    assert.equal(await readCastBallot(cast, id, 'm'), '"script"');
  });

  test('a plan under another constitution is not to be believed without a look', async () => {
    const ours = serviceOf({ '/gov/service/constitution': 'a text that is not Coco’s' });
    assert.match((await planCaveat(ours)).join(' '), /an action may do something else/);
  });

  test('no recovery share leaves the member while none is asked for', async () => {
    const info = { status: 'Open', certificate: 'PEM', creationTransactionId: '2.1' };
    const governance = serviceOf({ '/gov/service/info': info });
    const network = { governance } as Network;
    const refused = { code: 'WrongState', message: /nothing to recover/ };
    await assert.rejects(submitShare(given(), network), refused);
  });

  test('Ctrl-C waits for what must not be left half done', async () => {
    const before = process.exitCode;
    let isFinished = false;
    await uninterrupted('It', async () => {
      process.emit('SIGINT');
      isFinished = true;
    });
    assert.deepEqual([isFinished, process.exitCode], [true, 130]);
    process.exitCode = before;
    assert.equal(process.listenerCount('SIGINT'), 0);
  });

  test('what was prepared for one proposal is not sent for another', () => {
    const request = {
      type: 'ballot',
      payload: utf8Encode(''),
      proposalId: id,
      summary: '',
    } as const;
    assertSameProposal(request, id);
    const refused = { code: 'WrongUsage', message: /is for proposal abab/ };
    assert.throws(() => assertSameProposal(request, 'cd'.repeat(32)), refused);
  });
});
