/**
 * The tools of members against a sandbox: the whole life of proposals, votes by keys in files, by
 * external signers and in two steps; and what is refused, with nothing changed.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CocoProcess, coco, cocoAtTerminal, hasTerminals, type Ran } from './coco-process.ts';
import { pause, SandboxProcess } from './sandbox-process.ts';

type Document = Record<string, unknown>;

describe('the tools of members', () => {
  let folder: string;
  let keys: string;
  let sandbox: SandboxProcess;
  const file = (name: string) => join(keys, name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-tools-'));
    keys = join(folder, 'keys');
    await mkdir(keys);
    sandbox = SandboxProcess.spawn(join(folder, 'sandbox'));
    await sandbox.opened();
  });
  after(async () => {
    await sandbox.kill();
    await rm(folder, { recursive: true, force: true });
  });

  /** In the sandbox, and with success. */
  async function run(...argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await tried(...argv);
    assert.equal(code, 0, `${argv.join(' ')}\n${stdout}\n${stderr}`);
    return stdout;
  }

  function tried(...argv: readonly string[]): Promise<Ran> {
    return coco(...argv, '--folder', join(folder, 'sandbox'));
  }

  async function runJson(...argv: readonly string[]): Promise<Document> {
    return JSON.parse(await run(...argv, '--json')) as Document;
  }

  async function refused(code: string, message: RegExp, ...argv: readonly string[]) {
    const ran = await tried(...argv);
    assert.equal(ran.code, code === 'WrongUsage' ? 2 : 1, `${argv.join(' ')}\n${ran.stdout}`);
    assert.match(ran.stderr, new RegExp(`^coco: .*\\(${code}\\)\\n$`, 'm'), argv.join(' '));
    assert.match(ran.stderr, message);
  }

  async function propose(...argv: readonly string[]): Promise<string> {
    const { proposalId } = await runJson('proposal', 'create', ...argv, '--yes');
    return String(proposalId);
  }

  const approve = (id: string, name: string) =>
    runJson('ballot', 'submit', id, '--approve', '--as', name, '--yes');

  async function members(): Promise<readonly Document[]> {
    return (await runJson('member', 'list')).members as readonly Document[];
  }

  test('a sandbox has three active members who hold shares', async () => {
    const { service, members: rows } = await runJson('governance', 'show');
    const roles = (rows as Document[]).map(({ status, recoveryRole }) => [status, recoveryRole]);
    assert.deepEqual(roles, Array(3).fill(['Active', 'Participant']));
    const { configuration } = service as { configuration: Document };
    assert.equal(configuration.recoveryThreshold, 2);
    assert.match(await run('recovery', 'share', '--as', 'member1'), /its key opens it/);
    assert.match(await run('recovery', 'status'), /is open.*\n.*2 of the 3 shares/);
  });

  test('a new member: proposed, voted in, active by keys that the tools never see', async () => {
    const made = await coco('member', 'create', '--name', 'bank-d', '--out', keys, '--recovery');
    assert.equal(made.code, 0, made.stderr);
    const flags = [
      ...['--action', 'set_member', '--arg', `cert=@${file('bank-d_cert.pem')}`],
      ...['--arg', `encryption_pub_key=@${file('bank-d_enc_pubk.pem')}`],
      ...['--arg', 'member_data.organisation=bank-d'],
    ];
    const planned = await run('proposal', 'create', ...flags, '--dry-run');
    assert.match(planned, /\+ member bank-d \(id .*\) is added\n.*status: Accepted/);
    assert.equal((await members()).length, 3, 'nothing was proposed');
    const id = await propose(...flags, '--as', 'member0');
    assert.match(await run('proposal', 'list'), new RegExp(`${id}\n  by member0: open`));
    const first = await approve(id, 'member0');
    assert.equal(first.state, 'Open');
    const shown = await runJson('proposal', 'show', id.slice(0, 8));
    const names = (rows: unknown) => (rows as Document[]).map(({ name }) => name);
    assert.deepEqual(names(shown.voted), ['member0']);
    assert.deepEqual(new Set(names(shown.notVoted)), new Set(['member1', 'member2']));
    const watch = new CocoProcess([
      ...['proposal', 'watch', id, '--timeout', '60s', '--json'],
      ...['--folder', join(folder, 'sandbox')],
    ]);
    while (!watch.said.includes('Open')) await pause(20);
    const second = await approve(id, 'member1');
    assert.equal(second.state, 'Accepted');
    const watched = await watch.ended;
    assert.equal(watched.code, 0, watched.stderr);
    assert.equal((JSON.parse(watched.stdout) as Document).state, 'Accepted');

    const [added] = (await members()).filter(({ status }) => status === 'Accepted');
    const [action] = shown.actions as { changes: Document[] }[];
    const change = action?.changes[0];
    const { memberId, ...row } = added ?? {};
    assert.equal(change?.key, memberId, 'the plan names the row that was written');
    assert.deepEqual(change?.after, row, 'and what stands in it');

    const identity = ['--cert', file('bank-d_cert.pem')];
    const signOffline = (request: string) => {
      const key = ['-inkey', file('bank-d_privk.pem'), '-rawin', '-digest', 'sha384'];
      const data = ['-in', `${request}.tbs`, '-out', `${request}.sig`];
      execFileSync('openssl', ['pkeyutl', '-sign', ...key, ...data]);
      return ['--finish', request, '--signature', `${request}.sig`, '--yes'];
    };
    await run('member', 'activate', ...identity, '--prepare', file('request'));
    await run('member', 'activate', ...signOffline(file('request')));
    const active = await runJson('member', 'activate', ...signOffline(file('request.ack')));
    assert.equal(active.status, 'Active');
  });

  test('a signer that is another program signs proposals and withdrawals', async () => {
    const signer = `openssl dgst -$COCO_SIGNATURE_HASH -sign ${file('bank-d_privk.pem')}`;
    const identity = ['--cert', file('bank-d_cert.pem'), '--signer', signer];
    const id = await propose('--action', 'trigger_ledger_chunk', ...identity);
    await refused(
      'AuthorizationFailed',
      /can only be withdrawn by proposer/,
      ...['proposal', 'withdraw', id, '--as', 'member0', '--yes'],
    );
    const withdrawn = await runJson('proposal', 'withdraw', id, ...identity, '--yes');
    assert.equal(withdrawn.state, 'Withdrawn');
    await refused(
      'WrongState',
      /is withdrawn by its proposer: nobody can vote/,
      ...['ballot', 'submit', id, '--approve', '--as', 'member1', '--yes'],
    );
  });

  test('a ballot may be prepared, and is only sent for its own proposal', async () => {
    const flags = ['--action', 'set_user', '--arg', `cert=@${file('bank-d_cert.pem')}`];
    const id = await propose(...flags, '--as', 'member1');
    const other = await propose(...flags, '--as', 'member2');
    const identity = ['--cert', join(folder, 'sandbox/members/member2_cert.pem')];
    await run('ballot', 'submit', id, '--reject', ...identity, '--prepare', file('ballot'));
    const request = JSON.parse(await readFile(file('ballot'), 'utf8')) as Document;
    assert.equal(request.summary, `Vote against proposal ${id}`);
    const key = join(folder, 'sandbox/members/member2_privk.pem');
    const signature = execFileSync('openssl', [
      'dgst',
      '-sha384',
      '-sign',
      key,
      file('ballot.tbs'),
    ]);
    await writeFile(file('ballot.sig'), signature.toString('base64'));
    const finish = ['--finish', file('ballot'), '--signature', file('ballot.sig'), '--yes'];
    await refused('WrongUsage', /is for proposal/, 'ballot', 'submit', other, ...finish);
    await refused('WrongUsage', /of type ballot, not proposal/, 'proposal', 'create', ...finish);
    const voted = await runJson('ballot', 'submit', id, ...finish);
    assert.equal(voted.ballotCount, 1);
    const script = await run('ballot', 'show', id, String(request.memberId).slice(0, 10));
    assert.match(script, /return false/);
    await refused('NoBallot', /has not voted/, 'ballot', 'show', other, String(request.memberId));
    for (const [proposal, name] of [
      [id, 'member1'],
      [other, 'member2'],
    ] as const) {
      await run('proposal', 'withdraw', proposal, '--as', name, '--yes');
    }
  });

  test('nothing is signed without a yes', async () => {
    const count = async () => ((await runJson('proposal', 'list')).proposals as unknown[]).length;
    const before = await count();
    const flags = ['--action', 'trigger_snapshot', '--as', 'member0'];
    await refused('NotConfirmed', /Propose it, as member0\?/, 'proposal', 'create', ...flags);
    assert.equal(await count(), before);
  });

  test('at a terminal it is asked, and only a yes counts', { skip: !hasTerminals() }, async () => {
    const argv = ['proposal', 'create', '--action', 'trigger_snapshot', '--as', 'member0'];
    const place = ['--folder', join(folder, 'sandbox')];
    for (const answer of ['no\n', '\n', 'y\n', '\u0003']) {
      const { code, stdout } = await cocoAtTerminal([...argv, ...place], answer);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /Propose it, as member0\? Type yes: [\s\S]*\(NotConfirmed\)/);
    }
    const { code, stdout } = await cocoAtTerminal([...argv, ...place], 'yes\n');
    assert.equal(code, 0, stdout);
    const [, id = ''] = /Proposal ([0-9a-f]{64}) is open/.exec(stdout) ?? [];
    await run('proposal', 'withdraw', id, '--as', 'member0', '--yes');
  });

  test('a rule changes by vote: membership then needs everybody', async () => {
    const rules = new URL('../../../framework/constitution/examples/', import.meta.url);
    const file = fileURLToPath(new URL('unanimity-for-membership.json', rules));
    const changed = ['--arg', `rules:=@${file}`, '--arg', 'rules.version:=2'];
    const id = await propose('--action', 'set_rules', ...changed, '--as', 'member0');
    const open = await run('proposal', 'show', id);
    assert.match(open, /From "Simple majority" \(version 1\) to "Unanimity for membership"/);
    assert.match(open, /\+ now: all of the active members say yes/);
    // bank-d is active by now: four members, of whom a majority is three.
    assert.match(open, /needed: at least 3 of the 4 active members say yes \(Every action\)/);
    await approve(id, 'member0');
    await approve(id, 'member1');
    assert.equal((await approve(id, 'member2')).state, 'Accepted');
    const shown = await run('governance', 'show');
    assert.match(shown, /Rule "Members and rules"[\s\S]*all 4 active members say yes/);
    const { memberId } = (await members()).find(({ memberData }) => memberData !== null) ?? {};
    const leaving = ['--action', 'remove_member', '--arg', `member_id=${memberId}`];
    const next = await propose(...leaving, '--as', 'member0');
    for (const name of ['member0', 'member1', 'member2']) {
      assert.equal((await approve(next, name)).state, 'Open');
    }
    assert.match(await run('proposal', 'show', next), /needed: all 4 active members say yes/);
  });

  test('Ctrl-C before anything was sent leaves nothing behind', async () => {
    const list = () => run('proposal', 'list');
    const before = await list();
    const signing = new CocoProcess([
      ...['proposal', 'create', '--action', 'trigger_snapshot', '--yes'],
      ...['--cert', join(folder, 'sandbox/members/member0_cert.pem')],
      ...['--signer', 'echo waiting >&2; exec sleep 30'],
      ...['--folder', join(folder, 'sandbox')],
    ]);
    while (!signing.said.includes('waiting')) await pause(20);
    signing.child.kill('SIGINT');
    const { code, stderr } = await signing.ended;
    assert.deepEqual([code, /SIGINT/.test(stderr)], [1, true], stderr);
    assert.equal(await list(), before);
  });

  test('wrong keys, states, files and networks are told in one sentence with its code', async () => {
    await coco('member', 'create', '--name', 'stranger', '--out', keys, '--curve', 'P-256');
    const propose = ['proposal', 'create', '--action', 'trigger_snapshot', '--yes'];
    await refused(
      'InvalidAuthenticationInfo',
      /not a known member/,
      ...[...propose, '--member', file('stranger')],
    );
    const mixed = ['--cert', file('bank-d_cert.pem'), '--key', file('stranger_privk.pem')];
    await refused('MemberFileInvalid', /not the one of the certificate/, ...propose, ...mixed);
    const bad = ['--cert', file('bank-d_cert.pem'), '--signer', 'echo no'];
    await refused('SignerFailed', /not by the key/, ...propose, ...bad);
    await writeFile(file('bad.json'), '{"actions":');
    const malformed = ['proposal', 'create', file('bad.json'), '--as', 'member0', '--yes'];
    await refused('ProposalMalformed', /cannot be read/, ...malformed);
    const unknown = ['proposal', 'create', '--action', 'launch', '--as', 'member0', '--yes'];
    await refused('ProposalFailedToValidate', /launch: no such action/, ...unknown);
    const gone = 'cd'.repeat(32);
    const vote = ['ballot', 'submit', gone, '--approve', '--as', 'member0', '--yes'];
    await refused('ProposalForgotten', /coco audit/, ...vote);
    await refused('WrongState', /nothing to recover/, 'recovery', 'submit', '--as', 'member0');
    const nowhere = ['member', 'list', '--network', 'https://127.0.0.1:1'];
    const root = ['--development-root', join(folder, 'sandbox/members/development_root_privk.pem')];
    const memory = ['--memory', file('memory.json')];
    await refused('ServiceUnreachable', /cannot be reached/, ...nowhere, ...root, ...memory);
  });

  test('with --json an error is a document, too', async () => {
    const ran = await tried('proposal', 'show', 'cd'.repeat(32), '--json');
    assert.deepEqual([ran.code, ran.stdout], [1, '']);
    const { error } = JSON.parse(ran.stderr) as { error: Document };
    assert.equal(error.code, 'ProposalForgotten');
  });
});
