/** Ledgers that the real endpoints, constitution and isolate wrote are sound in every part. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ManualClock, SeededRandom } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { EncryptionKey } from '@coco/crypto';
import { InProcessScriptRunner } from '@coco/isolate';
import { auditService, type RunnerAt, type ServiceAuditOptions } from '../src/index.ts';
import { engine, GovernedLedger } from './governed-ledger.ts';
import { createMember, encryptionKey } from './sample-identity.ts';

const members = await Promise.all(['Alpha', 'Beta', 'Gamma'].map(createMember));
const scripts: RunnerAt = (nowMs) =>
  new InProcessScriptRunner({ engine, clock: new ManualClock(nowMs), random: new SeededRandom(1) });

/** Everything that members do: changes, a lost vote, a withdrawal, a rekey, a recovery. */
async function writeLedger(): Promise<GovernedLedger> {
  const service = await GovernedLedger.open(members, createConstitution());
  const [alpha, beta] = members;
  assert.ok(alpha && beta);
  const newcomer = await createMember('Delta');
  await service.decide('set_member', {
    cert: newcomer.certificatePem,
    member_data: { name: 'Delta' },
  });
  await service.acknowledge(newcomer);
  const no = 'export function vote() { return false; }';
  const lost = await service.propose(alpha, 'set_recovery_threshold', { recovery_threshold: 1 });
  for (const member of members.slice(0, 2)) await service.vote(member, lost, no);
  const withdrawn = await service.propose(beta, 'set_recovery_threshold', {
    recovery_threshold: 3,
  });
  await service.withdraw(beta, withdrawn);
  await service.decide('trigger_ledger_rekey', null);
  await service.write((rows) => rows.map('app.records').set(new Uint8Array(2), new Uint8Array(9)));
  await service.recover();
  await service.decide('set_member_data', {
    member_id: newcomer.id,
    member_data: { name: 'Delta Ltd' },
  });
  return service;
}

const service = await writeLedger();
const auditWith = (options: Partial<ServiceAuditOptions> = {}) =>
  auditService({ disk: service.disk, folder: 'ledger', ...options });

suite('a ledger of the real endpoints', () => {
  test('is sound, and every decision comes out again', async () => {
    const audit = await auditWith({ scripts });
    assert.deepEqual(audit.findings, []);
    const decided = audit.proposals.filter(({ state }) => state !== 'Withdrawn');
    assert.ok(decided.length >= 5);
    for (const { isReproduced, actions } of decided) assert.equal(isReproduced, true, actions[0]);
    assert.ok(audit.claims.some(({ sentence }) => sentence.startsWith('Every decision')));
  });

  test('tells what happened, each thing once and in order', async () => {
    const { story } = await auditWith();
    const wanted = [
      (kind: string) => kind === 'serviceCreated',
      (kind: string) => kind === 'recoverySharesIssued',
      (kind: string) => kind === 'withdrawn',
      (kind: string) => kind === 'ledgerRekeyed',
      (kind: string) => kind === 'serviceRecovered',
      (kind: string) => kind === 'recoveryShareSubmitted',
      (kind: string) => kind === 'identityEndorsed',
    ];
    let at = 0;
    for (const matches of wanted) {
      const found = story.findIndex(({ kind }, index) => index >= at && matches(kind));
      assert.ok(found >= 0, `${matches} after ${at}`);
      at = found;
    }
    assert.ok(story.filter(({ kind }) => kind === 'recoveryShareSubmitted').length === 2);
    assert.ok(story.every(({ at: moment }) => moment.signedAtMs > 0));
  });

  test('with enough recovery keys every private part decrypts, over rekey and recovery', async () => {
    const audit = await auditWith({ recoveryKeys: [encryptionKey] });
    assert.deepEqual(audit.findings, []);
    assert.ok(audit.claims.some(({ needsSecrets }) => needsSecrets));
    assert.ok(!audit.gaps.some(({ sentence }) => sentence.includes('private parts decrypt')));
    const stranger = [EncryptionKey.generate()];
    const message = /open 0 of the 2 recovery shares needed/;
    await assert.rejects(auditWith({ recoveryKeys: stranger }), { code: 'InvalidInput', message });
  });

  test('has its last tag checked with recovery keys, and a gap without', async () => {
    const name = (await service.disk.list('ledger')).at(-1) ?? '';
    const path = `ledger/${name}`;
    const bytes = await service.disk.readFile(path, 1e9);
    const last = lastEntryAt(bytes);
    const file = await service.disk.open(path, { create: false });
    await file.write(last + 8, Uint8Array.of((bytes[last + 8] ?? 0) ^ 1));
    try {
      assert.ok((await auditWith()).isSound);
      const audit = await auditWith({ recoveryKeys: [encryptionKey] });
      assert.deepEqual(
        audit.findings.map(({ code }) => code),
        ['LedgerDamaged'],
      );
    } finally {
      await file.write(last + 8, Uint8Array.of(bytes[last + 8] ?? 0));
    }
  });
});

/** Where the last entry of an open file begins. */
function lastEntryAt(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 8;
  for (;;) {
    const next = at + 8 + view.getUint32(at + 2, true);
    if (next >= bytes.length) return at;
    at = next;
  }
}
