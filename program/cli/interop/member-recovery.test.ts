/**
 * A network that its members open and bring back by their tools alone, on nodes that are not a
 * sandbox's: three members, recovery by two of them, and a ledger that was cut short refused.
 */
import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
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
    const isSigned = !['check', 'show'].includes(argv[1] ?? '');
    const network = ['--network', node.httpsUrl];
    if (isSigned) network.push('--member', folder.member(name));
    const root = ['--development-root', folder.member('development_root_privk.pem')];
    const own = argv.includes('--memory') ? [] : ['--memory', folder.member(`${name}_memory.json`)];
    const memory = [...own, '--json'];
    if (isSigned && argv[1] !== 'share') memory.push('--yes');
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
    const { proposalId } = await run('member0', ...action);
    const shown = await run('member0', 'proposal', 'show', String(proposalId));
    const told = shown.recovery as string[];
    assert.ok(told.includes('The proposal names that point.'), told.join('\n'));
    assert.ok(told.some((line) => line.startsWith('Nothing that was acknowledged is missing')));
  });

  test('a receipt shows a member that the ledger was set back, at each step', async () => {
    await bringBack();
    await cp(place.file('ledger'), place.file('older'), { recursive: true });
    const { transactionId } = await run('member2', 'proposal', 'create', '--action', ...chunk);
    const receipt = folder.member('held.cose');
    await writeFile(receipt, await fetchReceipt(String(transactionId)));
    node.kill('SIGKILL');
    await node.ended;
    await rename(place.file('ledger'), place.file('whole'));
    await rename(place.file('older'), place.file('ledger'));
    await start(former);
    // Another computer of the member's: it has the receipt, and no memory of the network.
    const held = ['--receipt', receipt, '--memory', folder.member('elsewhere.json')];
    const action = openingAction();
    for (const argv of [['recovery', 'check'], action]) {
      const refused = await tried('member1', ...argv, ...held);
      assert.equal(refused.code, 1, refused.stdout);
      assert.match(refused.stderr, /RecoveredTooLittle.*the receipt in/s);
    }
    const opened = await run('member0', ...action, '--memory', folder.member('none.json'));
    const vote = ['ballot', 'submit', String(opened.proposalId), '--approve'];
    const refusedVote = await tried('member1', ...vote, ...held);
    assert.match(refusedVote.stderr, /RecoveredTooLittle/);
    // Without the receipt nothing warns them: two votes carry it, and the share is still theirs.
    await run('member0', ...vote, '--memory', folder.member('none.json'));
    await run('member2', ...vote, '--memory', folder.member('none.json'));
    const submitted = await tried('member1', 'recovery', 'submit', ...held);
    assert.equal(submitted.code, 1);
    assert.match(submitted.stderr, /RecoveredTooLittle.*the receipt in/s);

    node.kill('SIGKILL');
    await node.ended;
    await rm(place.file('ledger'), { recursive: true });
    await rename(place.file('whole'), place.file('ledger'));
    await start(former);
    const covered = await run('member1', 'recovery', 'check', ...held);
    const found = covered.covered as { transactionId: string; from: string }[];
    const ofReceipt = found.find(({ from }) => from.startsWith('the receipt in'));
    assert.equal(ofReceipt?.transactionId, transactionId);
    assert.equal(covered.mayLackCommits, false);
    await bringBack();
  });

  test('a proposal that names another end than the ledger has is refused', async () => {
    node.kill('SIGKILL');
    await node.ended;
    await start(former);
    const wrong = [...openingAction(), '--arg', 'recovered_to=2.1'];
    const refused = await tried('member0', ...wrong);
    assert.match(refused.stderr, /RecoveredPointDiffers.*ends at 2\.1, but/);
  });

  const chunk = ['trigger_ledger_chunk'];

  function openingAction(): readonly string[] {
    return [
      ...['proposal', 'create', '--action', 'transition_service_to_open'],
      ...['--arg', `previous_service_identity=@${folder.member('former.pem')}`],
      ...['--arg', `next_service_identity=@${place.file('service_cert.pem')}`],
    ];
  }

  /** The members open the service that recovers now. */
  async function bringBack(): Promise<void> {
    const { proposalId } = await run('member0', ...openingAction());
    await run('member0', 'ballot', 'submit', String(proposalId), '--approve');
    await run('member2', 'ballot', 'submit', String(proposalId), '--approve');
    await run('member0', 'recovery', 'submit');
    await run('member2', 'recovery', 'submit');
    while ((await status()).status !== 'Open') await new Promise((done) => setTimeout(done, 100));
    former = await identity('service_cert.pem');
    await writeFile(folder.member('former.pem'), former);
  }

  async function fetchReceipt(transactionId: string): Promise<Uint8Array> {
    const url = new URL(`/app/receipt/cose?transaction_id=${transactionId}`, node.httpsUrl);
    const ca = await identity('service_cert.pem');
    for (;;) {
      const { statusCode, body } = await new Promise<{ statusCode: number; body: Buffer }>(
        (done, failed) => {
          get(url, { ca }, (answer) => {
            const parts: Buffer[] = [];
            answer.on('data', (part: Buffer) => parts.push(part));
            answer.on('end', () =>
              done({ statusCode: answer.statusCode ?? 0, body: Buffer.concat(parts) }),
            );
          }).on('error', failed);
        },
      );
      if (statusCode === 200) return body;
      await new Promise((done) => setTimeout(done, 100));
    }
  }
});
