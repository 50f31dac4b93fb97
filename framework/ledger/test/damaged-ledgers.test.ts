/**
 * A generated set of damaged and forged ledgers: the audit finds each of them with what it needs
 * for it, and names the place. interop/damaged-ledgers.test.ts runs a larger set beside PyPI ccf.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { auditLedger } from '../src/index.ts';
import { type Damage, damageFiles } from './damage-files.ts';
import { diskWith, type WrittenSource, writeDamageSource } from './damage-source.ts';
import { forgeries } from './forge-ledger.ts';
import { createIdentity } from './sample-service.ts';

const folder = 'ledger';
const seed = 4;
const source = await writeDamageSource(seed);

async function findingsOf(
  damage: Damage,
  { last, service }: WrittenSource,
): Promise<{ readonly keyless: boolean; readonly full: boolean }> {
  const disk = await diskWith(damage.files);
  const keyless = await auditLedger({ disk, folder });
  const full = await auditLedger({ disk, folder, secrets: service.secrets, mustContain: last });
  for (const finding of [...keyless.findings, ...full.findings]) {
    const isPlaced = finding.seqno !== undefined || finding.code === 'LedgerEmpty';
    assert.ok(isPlaced, `${damage.kind}, ${damage.detail}: ${finding.sentence}`);
  }
  return { keyless: !keyless.isSound, full: !full.isSound };
}

suite('damaged ledgers', () => {
  test('the ledger that is damaged is sound', async () => {
    const disk = await diskWith(source.files);
    const { secrets } = source.service;
    const report = await auditLedger({ disk, folder, secrets, mustContain: source.last });
    assert.deepEqual(report.findings, []);
    assert.ok(source.files.size >= 6, 'several files');
    assert.ok(report.views.length >= 4, 'elections and recoveries');
  });

  const damages = damageFiles(source, seed, 3);
  const kinds = [...new Set(damages.map(({ kind }) => kind))];
  assert.ok(kinds.length >= 22, `every kind is possible in this ledger: ${kinds.length}`);
  for (const kind of kinds) {
    test(`${kind} is found`, async () => {
      for (const damage of damages.filter((one) => one.kind === kind)) {
        const { keyless, full } = await findingsOf(damage, source);
        const what = `${damage.detail} shows by ${damage.shows} (seed ${seed})`;
        assert.ok(full, what);
        assert.equal(keyless, damage.shows === 'files', what);
      }
    });
  }
});

suite('forged ledgers, signed by the service', async () => {
  const made = forgeries(await createIdentity(), await createIdentity());
  for (const { kind, files, needsSecrets, secrets } of made) {
    const verdict = kind === 'none' ? 'is sound' : 'is found';
    test(`${kind === 'none' ? 'a forged ledger that breaks no rule' : kind} ${verdict}`, async () => {
      const disk = await diskWith(files);
      const keyless = await auditLedger({ disk, folder });
      const full = await auditLedger({ disk, folder, secrets });
      assert.equal(full.isSound, kind === 'none', JSON.stringify(full.findings));
      assert.equal(keyless.isSound, kind === 'none' || needsSecrets);
      for (const { file, seqno } of full.findings) {
        assert.ok(file !== undefined && seqno !== undefined && files.has(file), kind);
      }
    });
  }
});
