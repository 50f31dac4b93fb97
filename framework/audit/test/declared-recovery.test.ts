/** What a recovered service declares of its recovery is told, and compared with the ledger. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView } from '@coco/base';
import { recoveryRecord } from '@coco/governance';
import { auditService, tellEvent } from '../src/index.ts';
import { Consortium, folder } from './sample-consortium.ts';
import { createMember, sampleRecord } from './sample-identity.ts';

const members = [await createMember('alpha'), await createMember('beta')];

async function auditOf(consortium: Consortium) {
  return auditService({ disk: consortium.disk, folder });
}

async function codesOf(consortium: Consortium): Promise<readonly string[]> {
  return (await auditOf(consortium)).findings.map(({ code }) => code);
}

suite('a recovery as its service declares it', () => {
  test('is told with its losses, which are a gap and no damage', async () => {
    const consortium = await Consortium.open(members);
    await consortium.recover();
    const declared = { may_lack_commits: true, looked_at: ['a'], may_have_voted: ['a', 'b', 'c'] };
    await consortium.recover({ declared });
    const audit = await auditOf(consortium);
    assert.deepEqual(audit.findings, []);
    const [, whole, lossy] = audit.identities;
    assert.equal(whole?.declared?.mayLackCommits, false);
    assert.equal(lossy?.declared?.mayLackCommits, true);
    const told = audit.story.flatMap((event) =>
      event.kind === 'serviceRecovered' ? [tellEvent(event, () => '').sentence] : [],
    );
    assert.match(told[0] ?? '', /and nothing is missing: the ledgers of 0 of 0 nodes/);
    assert.match(told[1] ?? '', /DECLARES that commits may be missing.*ledgers of 1 of 3 nodes/);
    assert.ok(audit.gaps.some(({ sentence }) => sentence.includes('declares that they may be')));
  });

  test('is found false where the ledger that it took over ends elsewhere', async () => {
    const consortium = await Consortium.open(members);
    await consortium.recover({ declared: { recovered_to: '2.1' } });
    assert.deepEqual(await codesOf(consortium), ['RecoveryMisstated']);
  });

  test('is found false where nothing was recovered', async () => {
    const consortium = await Consortium.open(members);
    consortium.write((rows) => {
      recoveryRecord.put(rows, sampleRecord({ view: asView(2), seqno: asSeqno(1) }));
    });
    await consortium.sign();
    assert.deepEqual(await codesOf(consortium), ['RecoveryMisstated']);
  });
});
