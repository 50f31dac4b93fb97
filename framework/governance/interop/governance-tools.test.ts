/**
 * A member with nothing of ours: keys by openssl, requests signed by PyPI ccf's ccf_cose_sign1,
 * the recovery share opened by openssl. The service must take them, to the end of a recovery.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { encodeJson, fromBase64, type JsonValue, toBase64 } from '@coco/base';
import { EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import { signGovernanceRequest } from '../src/governance-request.ts';
import { isReadingPrivateLedger } from '../src/open-service.ts';
import { type Answer, type TestMember, TestService } from '../test/service-fixture.ts';

const python = process.env.COCO_CCF_PYTHON;
const opensslProgram = 'openssl';
const skip =
  python === undefined ? 'COCO_CCF_PYTHON is not set: see `npm run test:interop`' : false;

suite('members with stock tools', { skip }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'coco-governance-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const file = (name: string): string => join(folder, name);
  const text = (name: string): string => readFileSync(file(name), 'utf8');
  const openssl = (...args: readonly string[]): Buffer =>
    execFileSync(opensslProgram, args, { stdio: ['ignore', 'pipe', 'pipe'] });

  /** The commands of CCF's keygenerator.sh. */
  function createMember(curve: string, digest: string): TestMember {
    openssl('ecparam', '-out', file('key.pem'), '-name', curve, '-genkey');
    const request = [
      '-new',
      '-x509',
      '-nodes',
      '-days',
      '365',
      `-${digest}`,
      '-subj',
      '/CN=member',
    ];
    openssl('req', ...request, '-key', file('key.pem'), '-out', file('cert.pem'));
    openssl('genrsa', '-out', file('enc.pem'), '2048');
    const certificatePem = text('cert.pem');
    return {
      id: parseCertificate(certificatePem).id,
      key: SigningKey.fromPem(openssl('ec', '-in', file('key.pem')).toString()),
      certificatePem,
      encryptionKey: EncryptionKey.fromPem(text('enc.pem')),
      role: undefined,
    };
  }

  function signWithTool(
    message: readonly [type: string, json?: JsonValue, proposalId?: string],
    createdAt: string,
  ): Buffer {
    const [type, json, proposalId] = message;
    const content = json === undefined ? new Uint8Array(0) : encodeJson(json);
    writeFileSync(file('content'), content);
    const program = 'from ccf.cose import sign_cli; sign_cli()';
    const args = ['-c', program, '--ccf-gov-msg-type', type];
    args.push('--ccf-gov-msg-created_at', createdAt, '--content', file('content'));
    if (proposalId !== undefined) args.push('--ccf-gov-msg-proposal_id', proposalId);
    args.push('--signing-key', file('key.pem'), '--signing-cert', file('cert.pem'));
    return execFileSync(python ?? '', args);
  }

  async function send(
    service: TestService,
    path: string,
    message: readonly [type: string, json?: JsonValue, proposalId?: string],
  ): Promise<Answer> {
    service.clock.advance(1000);
    const createdAt = new Date(service.clock.nowMs()).toISOString().slice(0, 19);
    return await service.postBytes(path, signWithTool(message, createdAt));
  }

  for (const [curve, digest] of [
    ['secp384r1', 'sha384'],
    ['prime256v1', 'sha256'],
    ['secp521r1', 'sha512'],
  ] as const) {
    test(`open and recover a service with keys on ${curve}`, async () => {
      const member = createMember(curve, digest);
      const digests = `/members/state-digests/${member.id}`;
      const open = async (service: TestService, previous?: string): Promise<Answer> => {
        const proposed = await send(service, '/members/proposals:create', [
          'proposal',
          {
            actions: [
              {
                name: 'transition_service_to_open',
                args: {
                  next_service_identity: service.identity.serviceCertificate,
                  ...(previous === undefined ? {} : { previous_service_identity: previous }),
                },
              },
            ],
          },
        ]);
        const id = String(proposed.field('proposalId'));
        const ballot = { ballot: 'export function vote() { return true; }' };
        const path = `/members/proposals/${id}/ballots/${member.id}:submit`;
        return send(service, path, ['ballot', ballot, id]);
      };
      const first = await TestService.start([member]);
      first.sign();
      const updated = await send(first, `${digests}:update`, ['state_digest']);
      assert.equal(updated.status, 200, updated.text);
      const stateDigest = updated.field('stateDigest');
      assert.equal((await send(first, `${digests}:ack`, ['ack', { stateDigest }])).status, 204);
      assert.equal((await open(first)).field('proposalState'), 'Accepted');
      const service = await first.recovered();
      const proposed = await open(service, first.identity.serviceCertificate);
      assert.equal(proposed.field('proposalState'), 'Accepted');
      const encrypted = service.get(`/recovery/encrypted-shares/${member.id}`);
      writeFileSync(file('share'), fromBase64(String(encrypted.field('encryptedShare'))));
      const padding = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
      const opening = ['pkeyutl', '-decrypt', '-inkey', file('enc.pem'), '-in', file('share')];
      const share = toBase64(openssl(...opening, ...padding));
      const path = `/recovery/members/${member.id}:recover`;
      const submitted = await send(service, path, ['recovery_share', { share }]);
      assert.equal(
        submitted.field('message'),
        '1/1 recovery shares successfully submitted\nEnd of recovery procedure initiated',
      );
      assert.equal(isReadingPrivateLedger(service.store.begin()), true);
      verifyWithTool(member);
    });
  }

  /** What our side signs, PyPI ccf verifies. */
  function verifyWithTool(member: TestMember): void {
    const bytes = signGovernanceRequest({
      key: member.key,
      certificatePem: member.certificatePem,
      type: 'withdrawal',
      payload: encodeJson({ a: 1 }),
      createdAt: 1_800_000_000,
      proposalId: 'ab'.repeat(32),
    });
    writeFileSync(file('request'), bytes);
    const program = [
      'import sys, ccf.cose',
      'certificate, request = (open(name, "rb").read() for name in sys.argv[1:])',
      'verify = ccf.cose.verify_cose_sign1_with_cert',
      'header, _, payload = verify(certificate, request, use_key=False)',
      'print(header["ccf.gov.msg.type"], header["ccf.gov.msg.created_at"], payload.decode())',
    ].join('\n');
    const args = ['-c', program, file('cert.pem'), file('request')];
    const said = execFileSync(python ?? '', args, { encoding: 'utf8' });
    assert.equal(said.trim(), 'withdrawal 1800000000 {"a":1}');
  }
});
