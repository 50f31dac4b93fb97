/**
 * A network that its members open and bring back by their tools alone, on nodes that are not a
 * sandbox's: three members, recovery by two of them, and a ledger that was cut short refused.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { asSeqno, present } from '@coco/base';
import { encodeMemory, parseMemory } from '@coco/sdk';
import { type NodeBeginning, writeConfiguration } from '../src/node-configuration.ts';
import type { NodeFolder } from '../src/node-folder.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { prepareKeys } from '../src/sandbox-keys.ts';
import { launchNode, type SandboxNode } from '../src/sandbox-node.ts';
import { CocoProcess } from './coco-process.ts';

type Document = Record<string, unknown>;

describe('members bring a network back', () => {
  let folder: SandboxFolder;
  let place: NodeFolder;
  let node: SandboxNode;
  let former: string;

  before(async () => {
    folder = new SandboxFolder(await mkdtemp(join(tmpdir(), 'coco-recovery-')));
    place = folder.nodeFolder('node0');
    await prepareKeys(folder, () => []);
  });
  after(async () => {
    await node.stop();
    await rm(folder.path, { recursive: true, force: true });
  });

  async function start(previousIdentity: string | undefined): Promise<void> {
    const ports = { https: 0, rpc: 0 };
    const beginning: NodeBeginning =
      previousIdentity === undefined
        ? { kind: 'start' }
        : { kind: 'recover', previousIdentity, others: [] };
    await writeConfiguration(folder, place, { ports, chainId: 7, accounts: [], beginning });
    node = await (await launchNode(place)).started();
  }

  /** A member's command against the node, with a memory of that member's own. */
  async function tried(name: string, ...argv: readonly string[]) {
    const network = ['--network', node.httpsUrl, '--member', folder.member(name)];
    const root = ['--development-root', folder.member('development_root_privk.pem')];
    const memory = ['--memory', folder.member(`${name}_memory.json`), '--json'];
    if (argv[1] !== 'share') memory.push('--yes');
    return new CocoProcess([...argv, ...network, ...root, ...memory]).ended;
  }

  async function run(name: string, ...argv: readonly string[]): Promise<Document> {
    const { code, stdout, stderr } = await tried(name, ...argv);
    assert.equal(code, 0, `${argv.join(' ')}\n${stderr}`);
    return JSON.parse(stdout) as Document;
  }

  async function status(): Promise<Document> {
    const network = ['--network', node.httpsUrl, '--memory', folder.member('anybody.json')];
    const root = ['--development-root', folder.member('development_root_privk.pem')];
    const argv = ['recovery', 'status', '--json', ...network, ...root];
    const { stdout, stderr } = await new CocoProcess(argv).ended;
    assert.notEqual(stdout, '', stderr);
    return JSON.parse(stdout) as Document;
  }

  const identity = (name: string) => readFile(place.file(name), 'utf8');

  async function openByVote(...identities: readonly string[]): Promise<void> {
    const flags = identities.flatMap((argument) => ['--arg', argument]);
    const action = ['--action', 'transition_service_to_open', ...flags];
    const { proposalId } = await run('member0', 'proposal', 'create', ...action);
    await run('member0', 'ballot', 'submit', String(proposalId), '--approve');
    const decided = await run('member2', 'ballot', 'submit', String(proposalId), '--approve');
    assert.equal(decided.state, 'Accepted');
  }

  test('they open it first: each becomes active, one proposes, two vote', async () => {
    await start(undefined);
    for (const name of ['member0', 'member1', 'member2']) await run(name, 'member', 'activate');
    const next = `next_service_identity=@${place.file('service_cert.pem')}`;
    await openByVote(next);
    assert.equal((await status()).status, 'Open');
    await run('member1', 'proposal', 'create', '--action', 'trigger_ledger_chunk');
    former = await identity('service_cert.pem');
  });

  test('after a kill it waits for them, and two shares of three open it', async () => {
    node.kill('SIGKILL');
    await node.ended;
    await start(former);
    const waiting = await status();
    assert.equal(waiting.status, 'Recovering');
    await writeFile(folder.member('former.pem'), former);
    const identities = [
      `previous_service_identity=@${folder.member('former.pem')}`,
      `next_service_identity=@${place.file('service_cert.pem')}`,
    ];
    await openByVote(...identities);
    const first = await run('member1', 'recovery', 'submit');
    assert.deepEqual([first.submittedCount, first.recoveryThreshold], [1, 2]);
    assert.equal((await status()).submittedCount, 1);
    await run('member2', 'recovery', 'submit');
    while ((await status()).status !== 'Open') await new Promise((done) => setTimeout(done, 100));
    const refused = await tried('member0', 'recovery', 'submit');
    assert.match(refused.stderr, /WrongState.*nothing to recover/);
    former = await identity('service_cert.pem');
  });

  test('a ledger that ends before what a member has seen is not opened by it', async () => {
    await run('member0', 'recovery', 'share');
    node.kill('SIGKILL');
    await node.ended;
    const file = folder.member('member0_memory.json');
    await cp(file, `${file}.kept`);
    const memory = parseMemory(await readFile(file, 'utf8'));
    const { view, seqno } = present(memory.committed, 'member0 has seen a commit');
    await writeFile(
      file,
      encodeMemory({ ...memory, committed: { view, seqno: asSeqno(seqno + 9) } }),
    );
    await start(former);
    await writeFile(folder.member('former.pem'), former);
    const action = [
      ...['proposal', 'create', '--action', 'transition_service_to_open'],
      ...['--arg', `previous_service_identity=@${folder.member('former.pem')}`],
      ...['--arg', `next_service_identity=@${place.file('service_cert.pem')}`],
    ];
    const refused = await tried('member0', ...action);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /RecoveredTooLittle/);
    assert.match(refused.stderr, new RegExp(`before transaction ${view}\\.${seqno + 9} `));
    await cp(`${file}.kept`, file);
    assert.equal((await run('member0', ...action)).state, 'Open');
  });
});
