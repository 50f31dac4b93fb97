/**
 * What a plan shows is what happens: each kind of action is planned against the state of a real
 * sandbox, voted through, and the state then compared with the plan, row by row.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { encodeJson, isJsonObject, type JsonValue } from '@coco/base';
import { createConstitution, initialRules } from '@coco/constitution';
import { createCertificate, EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import {
  finishRequest,
  GovernanceService,
  keySigner,
  type MemberRequest,
  objectOf,
  planChanges,
  prepareRequest,
  proposalOf,
  readGovernanceState,
  type Signer,
  standardBallots,
  type TableName,
} from '@coco/member';
import type { Client } from '@coco/sdk';
import { connectToSandbox } from '../src/sandbox-client.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { sandboxMembers } from '../src/sandbox-keys.ts';
import { SandboxProcess } from './sandbox-process.ts';

const tables: readonly TableName[] = [
  ...(['member', 'user', 'node', 'service', 'constitution', 'rules', 'adapter'] as const),
  ...(['virtual measurement', 'virtual host data', 'SEV-SNP measurement'] as const),
  ...(['SEV-SNP host data', 'SEV-SNP UVM endorsement', 'SEV-SNP minimum TCB version'] as const),
  ...(['JWT issuer', 'CA certificate bundle', 'app endpoint', 'app module'] as const),
];

async function certificate(subject: string): Promise<string> {
  const key = SigningKey.generate('P-256');
  const time = { notBeforeMs: Date.now() - 60_000, days: 30 };
  return createCertificate({ subject, key, isAuthority: true, ...time });
}

describe('a plan comes true', () => {
  let sandbox: SandboxProcess;
  let path: string;
  let client: Client;
  let governance: GovernanceService;
  let signers: readonly Signer[];

  before(async () => {
    path = await mkdtemp(join(tmpdir(), 'coco-plan-'));
    sandbox = SandboxProcess.spawn(path);
    await sandbox.opened();
    const folder = new SandboxFolder(path);
    client = await connectToSandbox(folder, await folder.addresses());
    governance = new GovernanceService(client);
    const members = await sandboxMembers(folder);
    signers = await Promise.all(
      members.map(async (files) =>
        keySigner(await files.readCertificate(), await files.readSigningKey()),
      ),
    );
  });
  after(async () => {
    client.close();
    await sandbox.kill();
    await rm(path, { recursive: true, force: true });
  });

  async function send(signer: Signer | undefined, request: MemberRequest): Promise<JsonValue> {
    assert.ok(signer);
    const createdAtSeconds = Math.floor(Date.now() / 1000);
    const by = { certificate: signer.certificate, createdAtSeconds };
    const waiting = prepareRequest(request, by);
    const signature = await signer.sign(waiting.prepared.toBeSigned);
    return (await governance.submit(finishRequest(waiting, signature))).answer;
  }

  const state = () => readGovernanceState(governance, tables);

  /** Plans, carries the proposal by all three votes, and compares. */
  async function comesTrue(...actions: readonly [string, Record<string, JsonValue>][]) {
    const asked = actions.map(([name, args]) => ({ name, args }));
    const planned = await state();
    for (const { changes, isKnown, action } of planChanges(planned, asked)) {
      assert.ok(isKnown, action.name);
      for (const { table, key, after: value } of changes) planned.put(table, key, value);
    }
    const payload = encodeJson({ actions: asked.map(withoutEmptyArguments) });
    const summary = actions.map(([name]) => name).join(', ');
    const created = await send(signers[0], { type: 'proposal', payload, summary });
    let proposal = proposalOf(objectOf(created));
    const ballot = encodeJson({ ballot: standardBallots.approve });
    for (const signer of signers) {
      if (proposal.state !== 'Open') break;
      const request = {
        type: 'ballot',
        payload: ballot,
        proposalId: proposal.id,
        summary,
      } as const;
      proposal = proposalOf(objectOf(await send(signer, request)));
    }
    assert.equal(proposal.state, 'Accepted', summary);
    const found = await state();
    for (const table of tables) {
      const rows = (of: typeof found) => withoutVolatile(Object.fromEntries(of.rows(table)));
      assert.deepEqual(rows(found), rows(planned), `${summary}: ${table}`);
    }
  }

  /** As the tools build proposals: some actions are refused with arguments. */
  function withoutEmptyArguments({
    name,
    args,
  }: {
    name: string;
    args: Record<string, JsonValue>;
  }) {
    return Object.keys(args).length === 0 ? { name } : { name, args };
  }

  /** What the ledger orders otherwise, or what only the service can know. */
  function withoutVolatile(rows: Record<string, JsonValue>): JsonValue {
    return JSON.parse(JSON.stringify(rows), (name, value: JsonValue) =>
      name === 'interpreter_reuse' || name === 'redirection_strategy' || name === 'openapi_hidden'
        ? undefined
        : isJsonObject(value)
          ? Object.fromEntries(Object.entries(value).sort())
          : value,
    ) as JsonValue;
  }

  test('of members and users', async () => {
    const cert = await certificate('bank-d');
    const { id } = parseCertificate(cert);
    const { publicPem } = await EncryptionKey.generateInPool();
    const memberData = { organisation: 'bank-d', weight: 2 };
    await comesTrue(['set_member', { cert, encryption_pub_key: publicPem }]);
    await comesTrue(['set_member_data', { member_id: id, member_data: memberData }]);
    await comesTrue(['set_member', { cert, member_data: memberData }]);
    await comesTrue(['remove_member', { member_id: id }], ['remove_member', { member_id: id }]);
    const user = await certificate('user');
    const userId = parseCertificate(user).id;
    await comesTrue(['set_user', { cert: user }], ['set_user', { cert, user_data: { a: 1 } }]);
    await comesTrue(['set_user_data', { user_id: userId, user_data: { b: [2] } }]);
    await comesTrue(['remove_user', { user_id: userId }], ['remove_user', { user_id: id }]);
  });

  test('of the service, its nodes and what may join', async () => {
    const [node] = await governance.list('/gov/service/nodes');
    const nodeId = node?.nodeId ?? '';
    await comesTrue(['set_recovery_threshold', { recovery_threshold: 3 }]);
    await comesTrue(['set_service_configuration', { recent_cose_proposals_window_size: 50 }]);
    await comesTrue(['trigger_recovery_shares_refresh', {}], ['trigger_ledger_chunk', {}]);
    await comesTrue(['set_node_data', { node_id: nodeId, node_data: { rack: 7 } }]);
    await comesTrue(['add_virtual_measurement', { measurement: 'ab' }]);
    await comesTrue(['add_virtual_host_data', { host_data: 'cd', metadata: 'a launcher' }]);
    await comesTrue(
      ['remove_virtual_measurement', { measurement: 'ab' }],
      ['remove_virtual_host_data', { host_data: 'cd' }],
    );
    await comesTrue(['add_snp_measurement', { measurement: 'ef' }]);
    await comesTrue(['add_snp_host_data', { host_data: '00', security_policy: '' }]);
    await comesTrue(
      ['add_snp_uvm_endorsement', { did: 'did:x', feed: 'a', svn: '1' }],
      ['add_snp_uvm_endorsement', { did: 'did:x', feed: 'b', svn: '2' }],
    );
    await comesTrue(['remove_snp_uvm_endorsement', { did: 'did:x', feed: 'a' }]);
    const version = { boot_loader: 1, tee: 2, snp: 3, microcode: 4 };
    await comesTrue(['set_snp_minimum_tcb_version', { cpuid: '00a00f11', tcb_version: version }]);
    await comesTrue(
      ['remove_snp_minimum_tcb_version', { cpuid: '00a00f11' }],
      ['remove_snp_measurement', { measurement: 'ef' }],
      ['remove_snp_host_data', { host_data: '00' }],
    );
  });

  test('of issuers and apps', async () => {
    const bundle = { name: 'roots', cert_bundle: await certificate('root') };
    await comesTrue(['set_ca_cert_bundle', bundle]);
    const issuer = 'https://issuer.example';
    await comesTrue(['set_jwt_issuer', { issuer, auto_refresh: false }]);
    await comesTrue(
      ['remove_jwt_issuer', { issuer }],
      ['remove_ca_cert_bundle', { name: 'roots' }],
    );
    const properties = {
      js_module: 'a.js',
      js_function: 'get',
      mode: 'readonly',
      forwarding_required: 'never',
      authn_policies: ['no_auth'],
      openapi: {},
    };
    const app = (text: string) => ({
      bundle: {
        metadata: { endpoints: { '/notes': { get: properties } } },
        modules: [{ name: 'a.js', module: text }],
      },
    });
    await comesTrue(['set_js_app', app('export function get() { return {}; }')]);
    await comesTrue(['set_js_app', app('export function get() { return { body: 1 }; }')]);
    await comesTrue(['remove_js_app', {}]);
  });

  test('of the rules and the constitution', async () => {
    const file = '../../../framework/constitution/examples/two-thirds.json';
    const text = await readFile(new URL(file, import.meta.url), 'utf8');
    const rules = { ...JSON.parse(text), version: initialRules.version + 1 } as JsonValue;
    await comesTrue(['set_rules', { rules }]);
    await comesTrue(['set_constitution', { constitution: createConstitution() }]);
  });
});
