import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, MemoryDisk } from '@coco/base';
import { auditService, type ServiceAudit, type ServiceAuditOptions } from '../src/index.ts';
import { Consortium, folder } from './sample-consortium.ts';
import { createMember } from './sample-identity.ts';

const members = await Promise.all(['Alpha', 'Beta', 'Gamma'].map(createMember));

function auditOf(
  consortium: Consortium,
  options: Partial<ServiceAuditOptions> = {},
): Promise<ServiceAudit> {
  return auditService({ disk: consortium.disk, folder, ...options });
}

function codesOf(audit: ServiceAudit): readonly string[] {
  return [...new Set(audit.findings.map(({ code }) => code))];
}

suite('an honest ledger', () => {
  test('is sound, and says what it proves without keys and what not', async () => {
    const consortium = await Consortium.open(members);
    const audit = await auditOf(consortium);
    assert.deepEqual(audit.findings, []);
    assert.ok(audit.isSound);
    assert.equal(audit.requestCount, 6, 'three acknowledgements, one proposal, two ballots');
    assert.equal(audit.claims.length, 4);
    assert.ok(audit.claims.every(({ needsSecrets }) => !needsSecrets));
    const gaps = audit.gaps.map(({ sentence }) => sentence).join('\n');
    for (const word of ['private parts decrypt', 'went on', 'taken from the ledger itself']) {
      assert.match(gaps, new RegExp(word));
    }
  });

  test('tells one proposal from its submission to when it took effect', async () => {
    const consortium = await Consortium.open(members);
    const { proposals, story } = await auditOf(consortium);
    const [life] = proposals;
    assert.ok(life);
    assert.equal(life.proposer.name, 'Alpha');
    assert.deepEqual(
      life.ballots.map(({ member }) => member.name),
      ['Alpha', 'Beta'],
    );
    assert.equal(life.state, 'Accepted');
    assert.equal(life.endedBy, 'ballot');
    assert.equal(life.ended?.transactionId, '2.19');
    assert.ok(life.votes.every(({ isFor }) => isFor));
    const kinds = story.map(({ kind }) => kind);
    assert.equal(kinds[0], 'serviceCreated');
    assert.equal(kinds.at(-1), 'serviceStatus');
    const opened = story.at(-1);
    assert.equal(opened?.under, life.id, 'the opening names the proposal that it follows from');
  });

  test('stays sound over recoveries, and lists who signed which part', async () => {
    const consortium = await Consortium.open(members);
    const first = consortium.identity.certificatePem;
    await consortium.writeRecords(3);
    await consortium.recover();
    await consortium.recover();
    const audit = await auditOf(consortium, { trustedService: first });
    assert.deepEqual(audit.findings, []);
    assert.equal(audit.identities.length, 3);
    assert.deepEqual(
      audit.identities.map(({ isEndorsed }) => isEndorsed),
      [true, true, false],
    );
    assert.ok(audit.identities.every(({ openedBy }) => openedBy !== undefined));
    const trusted = consortium.identity.certificatePem;
    assert.ok((await auditOf(consortium, { trustedService: trusted })).isSound);
  });

  test('tells withdrawals, and forgets no proposal that the service forgot', async () => {
    const consortium = await Consortium.open(members);
    const [alpha] = members;
    assert.ok(alpha);
    const id = await consortium.propose(alpha, [{ name: 'set_member_data', args: {} }]);
    await consortium.withdraw(alpha, id);
    const audit = await auditOf(consortium);
    assert.deepEqual(audit.findings, []);
    const life = audit.proposals.find((proposal) => proposal.id === id);
    assert.deepEqual([life?.state, life?.endedBy], ['Withdrawn', 'withdrawal']);
    assert.equal(audit.proposals.length, 2);
  });
});

suite('whom the auditor trusts', () => {
  test('a ledger of another service is found', async () => {
    const [one, other] = [await Consortium.open(members), await Consortium.open(members)];
    const audit = await auditOf(one, { trustedService: other.identity.certificatePem });
    assert.deepEqual(codesOf(audit), ['ServiceNotTrusted']);
  });

  test('a kept receipt must verify, and be of an entry that the ledger holds', async () => {
    const [one, other] = [await Consortium.open(members), await Consortium.open(members)];
    const bytes = await one.receipt(3);
    const receipts = [{ name: 'receipt.cose', bytes }];
    assert.ok((await auditOf(one, { receipts })).isSound);
    assert.deepEqual(codesOf(await auditOf(other, { receipts })), ['ReceiptInvalid']);
    const changed = bytes.slice();
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const forged = [{ name: 'forged.cose', bytes: changed }];
    assert.deepEqual(codesOf(await auditOf(one, { receipts: forged })), ['ReceiptInvalid']);
    const last = one.store.seqno;
    const short = new MemoryDisk();
    const [first = ''] = await one.disk.list(folder);
    const file = await short.open(`${folder}/${first}`, { create: true });
    await file.write(0, await one.disk.readFile(`${folder}/${first}`, 1e8));
    await file.close();
    const late = [{ name: 'late.cose', bytes: await one.receipt(last - 1) }];
    const audit = await auditService({ disk: short, folder, receipts: late });
    assert.deepEqual(codesOf(audit), ['ReceiptNotHeld']);
  });

  test('who remembers a later id finds that the end is missing', async () => {
    const consortium = await Consortium.open(members);
    const mustContain = { view: asView(2), seqno: asSeqno(1000) };
    assert.deepEqual(codesOf(await auditOf(consortium, { mustContain })), ['LedgerTooShort']);
  });
});
