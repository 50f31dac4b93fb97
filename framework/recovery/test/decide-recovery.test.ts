import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIdentity } from '../../ledger/test/sample-writer.ts';
import { decideRecovery } from '../src/index.ts';
import { createNode, survey, Writer } from './copies-writer.ts';

const [first, second, third] = [createNode(), createNode(), createNode()];
const writer = await Writer.create(await createIdentity(), [first, second, third]);
await writer.write(1);
const early = await survey(await writer.copy(second), 'early');
await writer.write(1);
const own = await survey(await writer.copy(first), 'own');
const strict = { isLossAccepted: false };

test('a recovery from enough ledgers declares no loss, and says whose were looked at', () => {
  const { record, highestView } = decideRecovery(own, [early], strict);
  assert.deepEqual(record, {
    recovered_to: `2.${own.lastSigned.seqno}`,
    may_lack_commits: false,
    looked_at: [first.id, second.id].sort(),
    may_have_voted: [first.id, second.id, third.id].sort(),
  });
  assert.equal(highestView, 2);
});

test('too few ledgers are refused, and a loss that is accepted is declared', () => {
  assert.throws(() => decideRecovery(own, [], strict), {
    code: 'TooFewLedgers',
    metadata: { nodes: 3, lookedAt: 1, missing: 1 },
  });
  const { record } = decideRecovery(own, [], { isLossAccepted: true });
  assert.equal(record.may_lack_commits, true);
  assert.deepEqual(record.looked_at, [first.id]);
});

test('a ledger behind another that was given is refused, also where a loss is accepted', () => {
  for (const isLossAccepted of [false, true]) {
    assert.throws(() => decideRecovery(early, [own], { isLossAccepted }), {
      code: 'BetterLedgerGiven',
      metadata: { best: 'own', lacking: 4 },
    });
  }
});

test('of two ledgers that end alike either will do', () => {
  const twin = { ...own, name: 'twin' };
  assert.equal(decideRecovery(twin, [own, early], strict).record.may_lack_commits, false);
});

test('a ledger whose signed end was cut off stands for nobody; enough others make up for it', async () => {
  const cut = { ...own, isCutShort: true };
  const others = [early, await survey(await writer.copy(third), 'third')];
  assert.equal(decideRecovery(cut, others, strict).record.may_lack_commits, false);
  assert.throws(() => decideRecovery(cut, [early], strict), { code: 'TooFewLedgers' });
});

test('the highest view of any ledger counts, so that no view of a lost node comes again', async () => {
  const later = await writer.elsewhere(9);
  const elected = await survey(await later.copy(first), 'elected');
  const torn = { ...early, highestView: elected.highestView };
  assert.equal(decideRecovery(own, [torn], strict).highestView, 9);
});
