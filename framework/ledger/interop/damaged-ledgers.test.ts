/**
 * PyPI ccf and our audit over one generated set of damaged and forged ledgers: whatever it finds we
 * find, and the table shows what it misses. The table in docs/operations/audit.md is of seed 1.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { formatTransactionId } from '@coco/base';
import { type AuditOptions, auditLedger } from '../src/index.ts';
import { damageFiles } from '../test/damage-files.ts';
import { diskWith, writeDamageSource } from '../test/damage-source.ts';
import { type Files, forgeries } from '../test/forge-ledger.ts';
import { createIdentity } from '../test/sample-service.ts';

const python = process.env.COCO_CCF_PYTHON;
const skip =
  python === undefined ? 'COCO_CCF_PYTHON is not set: see `npm run test:interop`' : false;
const seed = Number(process.env.COCO_SEED ?? 1);
const perKind = 8;
const answerMsMax = 600_000;

interface Case {
  readonly kind: string;
  readonly detail: string;
  readonly files: Files;
  readonly isDamaged: boolean;
  /** Where the undamaged ledger ends: `until` of PyPI ccf, without which its word proves nothing. */
  readonly last: string;
  readonly options: Pick<AuditOptions, 'secrets' | 'mustContain'>;
}

interface Row {
  cases: number;
  ccf: number;
  files: number;
  full: number;
}

async function casesOf(): Promise<readonly Case[]> {
  const source = await writeDamageSource(seed);
  const { secrets } = source.service;
  const last = formatTransactionId(source.last);
  const options = { secrets, mustContain: source.last };
  const damages = damageFiles(source, seed, perKind);
  const forged = forgeries(await createIdentity(), await createIdentity());
  return [
    { kind: 'none', detail: '', files: source.files, isDamaged: false, last, options },
    ...damages.map((damage) => ({ ...damage, isDamaged: true, last, options })),
    ...forged.map(({ kind, files, secrets }) => ({
      ...{ kind: `signed: ${kind}`, detail: '', files, isDamaged: kind !== 'none' },
      ...{ last: '', options: { secrets } },
    })),
  ];
}

suite('damaged ledgers, by PyPI ccf and by our audit', { skip }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'coco-damaged-'));
    copyFileSync(join(import.meta.dirname, 'check_ledger.py'), join(folder, 'check_ledger.py'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Whether PyPI ccf notices: it refuses, or verifies up to another end. */
  const askCcf = (cases: readonly Case[]): readonly boolean[] => {
    const folders = cases.map(({ files }, at) => {
      const target = join(folder, `case-${at}`);
      mkdirSync(target);
      for (const [name, bytes] of files) writeFileSync(join(target, name), bytes);
      return target;
    });
    const output = execFileSync(python ?? '', ['check_ledger.py'], {
      cwd: folder,
      input: JSON.stringify({ folders }),
      timeout: answerMsMax,
      maxBuffer: 1e8,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const answer = JSON.parse(output.toString().trim().split('\n').at(-1) ?? '') as {
      verdicts: readonly { ok: boolean; last: string }[];
    };
    return answer.verdicts.map(({ ok, last }, at) => {
      const expected = cases[at]?.last ?? '';
      return !ok || (expected !== '' && last !== expected);
    });
  };

  test('whatever PyPI ccf finds we find, and what it misses too', async (context) => {
    const cases = await casesOf();
    const noticed = askCcf(cases);
    const rows = new Map<string, Row>();
    for (const [at, one] of cases.entries()) {
      const disk = await diskWith(one.files);
      const keyless = await auditLedger({ disk, folder: 'ledger' });
      const full = await auditLedger({ disk, folder: 'ledger', ...one.options });
      const what = `${one.kind}, ${one.detail} (seed ${seed})`;
      assert.equal(!full.isSound, one.isDamaged, `${what}: ${JSON.stringify(full.findings)}`);
      if (noticed[at]) assert.ok(!full.isSound, `PyPI ccf finds what we do not: ${what}`);
      const row = rows.get(one.kind) ?? { cases: 0, ccf: 0, files: 0, full: 0 };
      row.cases += 1;
      row.ccf += noticed[at] ? 1 : 0;
      row.files += keyless.isSound ? 0 : 1;
      row.full += full.isSound ? 0 : 1;
      rows.set(one.kind, row);
    }
    assert.equal(rows.get('none')?.ccf, 0, 'the ledger that is damaged is sound for PyPI ccf');
    const missed = [...rows].filter(([, row]) => row.ccf < row.full);
    assert.ok(missed.length >= 10, 'what facts say that it misses is in the set');
    for (const [kind, { cases: count, ccf, files, full }] of rows) {
      context.diagnostic(`| ${kind} | ${count} | ${ccf} | ${files} | ${full} |`);
    }
  });
});
