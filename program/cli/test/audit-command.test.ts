/**
 * The vector is a ledger of three members that framework/audit/test/sample-consortium.ts wrote:
 * an opening, two accepted proposals, a withdrawn one, a recovery; with its service certificate and
 * the receipt of entry 2.3.
 */
import assert from 'node:assert/strict';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { EncryptionKey } from '@coco/crypto';
import { ReadOnlyDisk } from '@coco/node';
import { createIdentity } from '../../../framework/ledger/test/sample-writer.ts';
import {
  beginLate,
  createNode,
  folder as ledgerName,
  snapshots,
  Writer,
} from '../../../framework/recovery/test/copies-writer.ts';
import { runAudit } from '../src/audit-command.ts';
import { progressText } from '../src/audit-progress.ts';
import type { Given } from '../src/command-line.ts';
import type { Terminal } from '../src/steps.ts';
import { wrap } from '../src/wrap-text.ts';

const vector = (name: string): string =>
  fileURLToPath(new URL(`./vectors/${name}`, import.meta.url));
const ledger = vector('ledger-of-three');
const silent: Terminal = { isInteractive: false, write: () => assert.fail('nothing is drawn') };

function given(folder: string, flags: Readonly<Record<string, string | boolean>> = {}): Given {
  return {
    positionals: [folder],
    text: (flag) => (typeof flags[flag] === 'string' ? (flags[flag] as string) : undefined),
    isSet: (flag) => flags[flag] === true,
    inOrder: (names) =>
      names.flatMap((flag) => {
        const text = flags[flag];
        return typeof text === 'string' ? [{ flag, text }] : [];
      }),
  };
}

async function audit(folder: string, flags: Readonly<Record<string, string | boolean>> = {}) {
  return runAudit(given(folder, flags), silent);
}

describe('coco audit', () => {
  let scratch = '';
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'coco-audit-'));
  });
  after(() => rm(scratch, { recursive: true, force: true }));

  /** A copy of the ledger, to be damaged. */
  const copy = async (name: string): Promise<string> => {
    const folder = join(scratch, name);
    await cp(ledger, folder, { recursive: true });
    return folder;
  };

  test('a ledger that begins with a snapshot is audited from there, and says what it lacks', async () => {
    const identity = await createIdentity();
    const node = createNode();
    const writer = await Writer.create(identity, [node]);
    await writer.snapshot();
    await writer.write(3);
    const disk = await beginLate(writer, node);
    for (const name of [ledgerName, snapshots]) {
      await mkdir(join(scratch, 'late', name), { recursive: true });
      for (const file of await disk.list(name)) {
        const bytes = await disk.readFile(`${name}/${file}`, 1e8);
        await writeFile(join(scratch, 'late', name, file), bytes);
      }
    }
    const certificate = join(scratch, 'late', 'service_cert.pem');
    await writeFile(certificate, identity.certificatePem);
    const folder = join(scratch, 'late', ledgerName);
    const sound = await audit(folder, { 'service-certificate': certificate });
    assert.ok(sound.isSound, sound.text);
    const text = sound.text.replaceAll(/\s+/g, ' ');
    assert.match(text, /The state at seqno \d+ and all entries from it up to/);
    assert.match(text, /Governance: who was asked/);
    assert.match(text, /The entries before the snapshot/);
    assert.doesNotMatch(text, /Members signed what|by accepted proposals alone/);
    const stranger = join(scratch, 'late', 'stranger.pem');
    await writeFile(stranger, (await createIdentity()).certificatePem);
    const untrusted = await audit(folder, { 'service-certificate': stranger });
    assert.ok(!untrusted.isSound);
    await rm(join(scratch, 'late', snapshots), { recursive: true });
    assert.ok(!(await audit(folder)).isSound);
  });

  test('tells the verdict, what is proven without keys, the story, and what is not proven', async () => {
    const { text, isSound } = await audit(ledger);
    assert.ok(isSound);
    const titles = [
      'SOUND',
      'Proven, without any key',
      'Service identities',
      'The story of its governance',
      'Alpha Bank proposes',
      'set_recovery_threshold: recovery_threshold 2',
      'The constitution is changed: 19 lines added, 0 removed',
      'Beta Insurance withdraws',
      'The service is recovered for the 1st time',
      'Not proven by this audit',
    ];
    let at = 0;
    for (const title of titles) {
      const found = text.indexOf(title, at);
      assert.ok(found >= 0, `${title} in\n${text}`);
      at = title.startsWith('set_') || title.startsWith('Alpha') ? at : found;
    }
    for (const line of text.split('\n')) assert.ok(line.length <= 104, line);
  });

  test('with --json everything stands there that the report shows', async () => {
    const { text } = await audit(ledger, { json: true });
    const value = JSON.parse(text);
    assert.equal(value.isSound, true);
    assert.deepEqual(value.findings, []);
    assert.equal(value.proposals.length, 5);
    assert.equal(value.identities.length, 2);
    assert.equal(value.ledger.entryCount, 63);
    assert.equal(value.story[0].kind, 'serviceCreated');
  });

  test('holds the ledger against the trusted service, a receipt and a remembered id', async () => {
    const good = await audit(ledger, {
      'service-certificate': vector('ledger-of-three.pem'),
      receipt: vector('ledger-of-three.receipt'),
      'must-contain': '4.63',
    });
    assert.ok(good.isSound, good.text);
    const other = await audit(ledger, { 'service-certificate': vector('service-identity.pem') });
    assert.match(other.text, /NOT SOUND: 1 finding/);
    assert.match(other.text, /is of another service.*\(ServiceNotTrusted\)/s);
    const later = await audit(ledger, { 'must-contain': '4.64' });
    assert.match(later.text, /4\.64 was promised, and the ledger ends before it/);
    const stranger = await audit(ledger, { receipt: vector('receipt-bundle.json') });
    assert.match(stranger.text, /\(ReceiptInvalid\)/);
  });

  test('shows one proposal from its submission to what took effect', async () => {
    const { text: json } = await audit(ledger, { json: true });
    const [, second] = JSON.parse(json).proposals;
    const { text } = await audit(ledger, { proposal: second.id.slice(0, 8) });
    for (const word of [`Proposal ${second.id}`, 'Ballots', 'Accepted by ballot', 'Verified:']) {
      assert.ok(text.includes(word), text);
    }
    assert.match(text, /What took effect with it\n.*service\.config = \{"recovery_threshold":2\}/);
    const one = await audit(ledger, { proposal: second.id, json: true });
    assert.equal(JSON.parse(one.text).id, second.id);
    const message = /No proposal of this ledger begins with 00zz/;
    await assert.rejects(audit(ledger, { proposal: '00zz' }), { code: 'WrongUsage', message });
  });

  test('with --replay it runs decisions again: the constitution of this ledger decides nothing', async () => {
    const { text, isSound } = await audit(ledger, { replay: true });
    assert.ok(!isSound);
    assert.match(text, /entry 21: Proposal.*does not come out\s+again/s);
    assert.match(text, /\(DecisionNotReproduced\)/);
  });

  test('names file and entry of damage, and tells the story up to there', async () => {
    const folder = await copy('flipped');
    const middle = 'ledger_19-36.committed';
    const bytes = await readFile(join(folder, middle));
    bytes[9000] = (bytes[9000] ?? 0) ^ 1;
    await writeFile(join(folder, middle), bytes);
    const { text, isSound } = await audit(folder);
    assert.ok(!isSound);
    assert.match(text, /!! {2}ledger_19-36\.committed, entry \d+: /);
    assert.match(text, /The service is open\n/);
    assert.doesNotMatch(text, /accepted proposals\s+alone/, 'no claim is made beyond the damage');
  });

  test('finds an empty folder, a missing file and a cut one', async () => {
    const empty = await copy('empty');
    for (const name of await readdir(empty)) await unlink(join(empty, name));
    assert.match((await audit(empty)).text, /no signed ledger. \(LedgerEmpty\)/);
    const missing = await copy('missing');
    await unlink(join(missing, 'ledger_19-36.committed'));
    assert.ok(!(await audit(missing)).isSound);
    const cut = await copy('cut');
    await truncate(join(cut, 'ledger_49-63.committed'), 3000);
    assert.ok(!(await audit(cut)).isSound);
  });

  test('is called wrongly without a ledger, a file or an id', async () => {
    const wrong: readonly [RegExp, string, Readonly<Record<string, string>>?][] = [
      [/cannot be read/, join(scratch, 'nowhere')],
      [/cannot be read/, ledger, { receipt: join(scratch, 'no.cose') }],
      [/cannot be read/, ledger, { 'service-certificate': join(scratch, 'no.pem') }],
      [/is no id/, ledger, { 'must-contain': 'yesterday' }],
      [/receipt/i, ledger, { receipt: vector('service-identity.pem') }],
      [/no RSA private key/, ledger, { 'recovery-key': vector('service-identity.pem') }],
      [/certificate/, ledger, { 'service-certificate': vector('ledger-of-three.receipt') }],
    ];
    for (const [message, folder, flags = {}] of wrong) {
      await assert.rejects(audit(folder, flags), { code: 'WrongUsage', message });
    }
    const outside = join(scratch, 'node');
    await cp(ledger, join(outside, 'ledger'), { recursive: true });
    const message = /did you mean .*node\/ledger\?/;
    await assert.rejects(audit(outside), { code: 'WrongUsage', message });
  });

  test('recovery keys that do not suffice are refused', async () => {
    const file = join(scratch, 'enc_privk.pem');
    await writeFile(file, EncryptionKey.generate().privatePem());
    const message = /open 0 of the 2 recovery shares needed/;
    const flags = { 'recovery-key': file };
    await assert.rejects(audit(ledger, flags), { code: 'WrongUsage', message });
  });

  test('shows on a terminal how far it has come', () => {
    const progress = { file: 'ledger_1', entryCount: 50_000, bytesRead: 25, bytesTotal: 100 };
    const text = progressText(progress, 2000);
    assert.equal(text, '   25 %  50,000 entries, 25,000/s, about 6 s left');
  });
});

describe('what the audit stands on', () => {
  test('its disk writes nothing', async () => {
    const disk = new ReadOnlyDisk(ledger);
    const [name = ''] = await disk.list('.');
    const file = await disk.open(name, { create: false });
    const refused = { code: 'DiskFault' };
    await assert.rejects(file.write(0, new Uint8Array(1)), refused);
    await assert.rejects(file.truncate(0), refused);
    await assert.rejects(disk.rename(name), refused);
    await assert.rejects(disk.remove(name), refused);
    await assert.rejects(disk.open('new', { create: true }), refused);
    const size = await file.size();
    await assert.rejects(file.read(size - 1, 2), refused, 'a read beyond the end');
    await file.close();
    await assert.rejects(disk.open('nowhere', { create: false }), refused);
    assert.equal((await disk.readFile(name, size)).length, size);
    await assert.rejects(disk.readFile(name, size - 1), refused);
  });

  test('long lines break at words and stand below their text', () => {
    const lines = wrap('  ok  one two three four', { columns: 14, indent: 6 });
    assert.deepEqual(lines, ['  ok  one two', '      three', '      four']);
    const long = 'x'.repeat(30);
    assert.deepEqual(wrap(`  ok  ${long} end`, { columns: 14, indent: 6 }), [
      `  ok  ${long}`,
      '      end',
    ]);
  });
});
