/**
 * A one-node network whose members have nothing of ours: keys by PyPI ccf's keygenerator.sh,
 * requests signed by its ccf_cose_sign1 and sent by curl, shares brought by its
 * submit_recovery_share.sh. The node is the `coco` program, and may be killed at any time.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { isJsonObject, type JsonValue, parseJson, present, utf8Encode } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { parseCertificate, SigningKey } from '@coco/crypto';
import { launcherPath } from '../src/program.ts';
import { pause } from './sandbox-process.ts';

const run = promisify(execFile);
const pollMs = 50;
const waitMsMax = 120_000;
const apiVersion = 'api-version=2024-07-01';

export interface ToolMember {
  readonly name: string;
  readonly id: string;
  readonly role: 'Participant' | 'Owner';
}

export interface ProposedAction {
  readonly name: string;
  readonly args?: JsonValue;
}

export interface Answered {
  readonly status: number;
  readonly body: { readonly [name: string]: JsonValue };
}

export class Consortium {
  readonly folder: string;
  readonly members: ToolMember[] = [];
  /** The folder with the tools of PyPI ccf. */
  readonly #tools: string;
  #node: ChildProcess | undefined;
  #output = '';
  #isRecovering = false;
  /** ccf's signer takes whole seconds, and a service refuses the same proposal twice. */
  #createdAtMs: number = Date.now() - 3_600_000;

  constructor(folder: string, python: string) {
    this.folder = folder;
    this.#tools = dirname(python);
  }

  #path(name: string): string {
    return join(this.folder, name);
  }

  #node0(name: string): string {
    return join(this.folder, 'node0', name);
  }

  /** Keys and certificate of a new member, as its organisation would make them. */
  async createMember(name: string, role: ToolMember['role'] = 'Participant'): Promise<ToolMember> {
    const script = join(this.#tools, 'keygenerator.sh');
    await run('bash', [script, '--name', name, '--gen-enc-key'], { cwd: this.folder });
    const pem = await readFile(this.#path(`${name}_cert.pem`), 'utf8');
    return { name, id: parseCertificate(pem).id, role };
  }

  async prepare(members: readonly ToolMember[]): Promise<void> {
    this.members.push(...members);
    await mkdir(this.#path('node0'), { recursive: true });
    await writeFile(this.#path('root.pem'), SigningKey.generate('P-256').privatePem());
    await writeFile(this.#node0('constitution.js'), createConstitution());
  }

  /** Starts a new service, or recovers the one whose certificate was kept. */
  async start(options: {
    readonly isRecovery: boolean;
    readonly threshold?: number;
    readonly ethereum: JsonValue;
  }): Promise<void> {
    const open = { bind_address: '127.0.0.1:0' };
    const configuration = {
      network: {
        rpc_interfaces: {
          https: { ...open, enabled_operator_features: ['SnapshotRead'] },
          ethereum: {
            ...open,
            endorsement: { authority: 'Unsecured' },
            accepted_endpoints: ['^/$'],
          },
        },
      },
      command: {
        type: options.isRecovery ? 'Recover' : 'Start',
        start: {
          constitution_files: ['constitution.js'],
          service_configuration: { recovery_threshold: options.threshold ?? 0 },
          members: this.members.map(({ name, role }) => ({
            certificate_file: `../${name}_cert.pem`,
            encryption_public_key_file: `../${name}_enc_pubk.pem`,
            recovery_role: role,
          })),
        },
        recover: { previous_service_identity_file: 'previous.pem' },
      },
      coco: {
        virtual_root_key_file: '../root.pem',
        adapters: { ethereum: options.ethereum },
      },
    };
    await writeFile(this.#node0('config.json'), JSON.stringify(configuration));
    this.#output = '';
    this.#isRecovering = options.isRecovery;
    const child = spawn(process.execPath, [launcherPath, 'node', '-c', 'config.json'], {
      cwd: this.#path('node0'),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (part) => {
        this.#output += part;
      });
    }
    this.#node = child;
    await this.until(() => this.#output.includes('node.started'));
  }

  /** As a power cut would end it. */
  async kill(): Promise<void> {
    const child = this.#node;
    this.#node = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await ended;
    await copyFile(this.#node0('service_cert.pem'), this.#node0('previous.pem'));
  }

  async #addresses(): Promise<{ readonly https: string; readonly ethereum: string }> {
    return JSON.parse(await readFile(this.#node0('rpc_addresses.json'), 'utf8'));
  }

  async rpcUrl(): Promise<string> {
    return `http://${(await this.#addresses()).ethereum}`;
  }

  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const untilMs = performance.now() + waitMsMax;
    while (!(await isSo())) {
      const isOver = performance.now() > untilMs || (this.#node?.exitCode ?? null) !== null;
      assert.ok(!isOver, `it never came about:\n${this.#output.slice(-4000)}`);
      await pause(pollMs);
    }
  }

  async get(path: string): Promise<Answered> {
    return this.#curl(path, []);
  }

  async #curl(path: string, options: readonly string[]): Promise<Answered> {
    const { https } = await this.#addresses();
    const ca = ['--cacert', this.#node0('service_cert.pem')];
    const url = `https://${https}${path}`;
    const { stdout } = await run('curl', ['-sS', '-w', '\n%{http_code}', ...ca, ...options, url]);
    const at = stdout.lastIndexOf('\n');
    const text = stdout.slice(0, at);
    const body =
      text === '' ? {} : parseJson(utf8Encode(text), { bytesMax: 1 << 24, depthMax: 64 });
    return { status: Number(stdout.slice(at + 1)), body: isJsonObject(body) ? body : {} };
  }

  /** A request that the member signs with ccf_cose_sign1. */
  async signed(
    member: ToolMember,
    path: string,
    message: { readonly type: string; readonly content?: JsonValue; readonly proposalId?: string },
  ): Promise<Answered> {
    const { type, content, proposalId } = message;
    this.#createdAtMs += 1000;
    const file = this.#path('content');
    await writeFile(file, content === undefined ? '' : JSON.stringify(content));
    const args = ['--ccf-gov-msg-type', type, '--content', file];
    const createdAt = new Date(this.#createdAtMs).toISOString().slice(0, 19);
    args.push('--ccf-gov-msg-created_at', createdAt);
    if (proposalId !== undefined) args.push('--ccf-gov-msg-proposal_id', proposalId);
    args.push('--signing-key', this.#path(`${member.name}_privk.pem`));
    args.push('--signing-cert', this.#path(`${member.name}_cert.pem`));
    const signer = join(this.#tools, 'ccf_cose_sign1');
    const { stdout } = await run(signer, args, { encoding: 'buffer' });
    await writeFile(this.#path('request'), stdout);
    const body = ['-X', 'POST', '--data-binary', `@${this.#path('request')}`];
    // An unfinished recovery tells no commit: it may yet be discarded.
    const answer = this.#isRecovering ? 'executed' : 'committed';
    const headers = ['content-type: application/cose', `x-coco-answer: ${answer}`];
    const given = headers.flatMap((header) => ['-H', header]);
    return this.#curl(`${path}?${apiVersion}`, [...body, ...given]);
  }

  async acknowledge(member: ToolMember): Promise<void> {
    const path = `/gov/members/state-digests/${member.id}`;
    const updated = await this.signed(member, `${path}:update`, { type: 'state_digest' });
    assert.equal(updated.status, 200, JSON.stringify(updated.body));
    const content = { stateDigest: present(updated.body.stateDigest, 'the state has a digest') };
    const acked = await this.signed(member, `${path}:ack`, { type: 'ack', content });
    assert.equal(acked.status, 204, JSON.stringify(acked.body));
  }

  /** Proposes and votes with the members given, until the proposal is accepted. */
  async carry(actions: readonly ProposedAction[], voters: readonly ToolMember[]): Promise<void> {
    const { status, body } = await this.vote(actions, voters);
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.proposalState, 'Accepted');
  }

  /** The last answer on the way of a proposal: of the ballot that decides, or of what fails. */
  async vote(actions: readonly ProposedAction[], voters: readonly ToolMember[]): Promise<Answered> {
    const proposer = present(voters[0], 'somebody proposes');
    const content = { actions: actions.map((action) => ({ args: null, ...action })) };
    const path = '/gov/members/proposals';
    let answer = await this.signed(proposer, `${path}:create`, { type: 'proposal', content });
    const proposalId = String(answer.body.proposalId);
    for (const voter of voters) {
      if (answer.status !== 200 || answer.body.proposalState !== 'Open') break;
      const ballot = `${path}/${proposalId}/ballots/${voter.id}:submit`;
      const vote = { ballot: 'export function vote(proposal, proposerId) { return true; }' };
      answer = await this.signed(voter, ballot, { type: 'ballot', content: vote, proposalId });
    }
    return answer;
  }

  /** Proposes to open the service, or to open it again after a recovery. */
  async open(voters: readonly ToolMember[], isRecovery: boolean): Promise<void> {
    const next = (await this.get('/node/network')).body.service_certificate ?? '';
    const previous = isRecovery ? await readFile(this.#node0('previous.pem'), 'utf8') : undefined;
    const args = {
      next_service_identity: next,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    };
    await this.carry([{ name: 'transition_service_to_open', args }], voters);
  }

  /** The stock script fetches, decrypts and submits the member's share. */
  async submitShare(member: ToolMember): Promise<string> {
    const { https } = await this.#addresses();
    const script = join(this.#tools, 'submit_recovery_share.sh');
    const args = [script, `https://${https}`];
    args.push('--member-enc-privk', this.#path(`${member.name}_enc_privk.pem`));
    args.push('--member-id-privk', this.#path(`${member.name}_privk.pem`));
    args.push('--member-id-cert', this.#path(`${member.name}_cert.pem`));
    args.push('--cacert', this.#node0('service_cert.pem'));
    const env = { ...process.env, PATH: `${this.#tools}:${process.env.PATH}` };
    const { stdout } = await run('bash', args, { env });
    return stdout;
  }

  async whenOpen(): Promise<void> {
    await this.until(async () => {
      const { body } = await this.get('/node/network');
      return body.service_status === 'Open';
    });
    await this.until(async () => (await this.get('/node/ready/app')).status === 204);
    this.#isRecovering = false;
  }

  /** What PyPI ccf's reader says of the whole ledger. */
  async readLedger(): Promise<string> {
    const reader = join(this.#tools, 'read_ledger.py');
    const args = [reader, '--uncommitted', '--quiet', this.#node0('ledger')];
    const { stdout } = await run(join(this.#tools, 'python'), args, { maxBuffer: 1 << 26 });
    return stdout;
  }

  /** Every row of the ledger secrets' chain, once PyPI ccf found each to fit the one before. */
  async readSecretsChain(): Promise<readonly string[]> {
    const script = join(this.#tools, 'verify_ledger_secrets_chain.py');
    const args = [script, '--uncommitted', this.#node0('ledger')];
    const { stdout } = await run(join(this.#tools, 'python'), args, { maxBuffer: 1 << 26 });
    return stdout.split('\n').filter((line) => line.startsWith('{'));
  }

  /** Names of the node's ledger files. */
  ledgerFiles(): Promise<string[]> {
    return readdir(this.#node0('ledger'));
  }
}
