/**
 * A member with nothing of ours: keys by openssl, requests signed by PyPI ccf's ccf_cose_sign1,
 * the recovery share opened by openssl. The service must take them, to the end of a recovery.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { encodeJson, fromBase64, toBase64 } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { signGovernanceRequest } from '../src/governance-request.ts';
import { isReadingPrivateLedger } from '../src/open-service.ts';
import { type Answer, TestService } from '../test/service-fixture.ts';
import { yes } from '../test/test-constitution.ts';
import { python, StockMember, skip } from './stock-member.ts';

suite('a member with stock tools', { skip }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'coco-governance-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  async function open(
    service: TestService,
    member: StockMember,
    previous?: string,
  ): Promise<Answer> {
    const proposed = await member.propose(service, 'transition_service_to_open', {
      next_service_identity: service.identity.serviceCertificate,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    });
    assert.equal(proposed.field('proposalState'), 'Open', proposed.text);
    return member.vote(service, String(proposed.field('proposalId')), yes);
  }

  for (const [curve, digest] of [
    ['secp384r1', 'sha384'],
    ['prime256v1', 'sha256'],
    ['secp521r1', 'sha512'],
  ] as const) {
    test(`opens and recovers a service with keys on ${curve}`, async () => {
      const stock = new StockMember(folder, curve);
      stock.generateKeysByOpenssl(curve, digest);
      const member = stock.member();
      const digests = `/members/state-digests/${member.id}`;
      const first = await TestService.start([member], { constitution: createConstitution() });
      first.sign();
      const updated = await stock.send(first, `${digests}:update`, { type: 'state_digest' });
      assert.equal(updated.status, 200, updated.text);
      const stateDigest = updated.field('stateDigest');
      const ack = { type: 'ack', json: { stateDigest } } as const;
      assert.equal((await stock.send(first, `${digests}:ack`, ack)).status, 204);
      assert.equal((await open(first, stock)).field('proposalState'), 'Accepted');
      const service = await first.recovered();
      const proposed = await open(service, stock, first.identity.serviceCertificate);
      assert.equal(proposed.field('proposalState'), 'Accepted');
      const encrypted = service.get(`/recovery/encrypted-shares/${member.id}`);
      writeFileSync(stock.path('share'), fromBase64(String(encrypted.field('encryptedShare'))));
      const padding = ['-pkeyopt', 'rsa_padding_mode:oaep', '-pkeyopt', 'rsa_oaep_md:sha256'];
      const keys = ['-inkey', stock.path('enc_privk.pem'), '-in', stock.path('share')];
      const share = toBase64(stock.openssl('pkeyutl', '-decrypt', ...keys, ...padding));
      const path = `/recovery/members/${member.id}:recover`;
      const submitted = await stock.send(service, path, {
        type: 'recovery_share',
        json: { share },
      });
      assert.equal(
        submitted.field('message'),
        '1/1 recovery shares successfully submitted\nEnd of recovery procedure initiated',
      );
      assert.equal(isReadingPrivateLedger(service.store.begin()), true);
      verifyWithTool(stock);
    });
  }

  /** What our side signs, PyPI ccf verifies. */
  function verifyWithTool(stock: StockMember): void {
    const { key, certificatePem } = stock.member();
    const bytes = signGovernanceRequest({
      key,
      certificatePem,
      type: 'withdrawal',
      payload: encodeJson({ a: 1 }),
      createdAt: 1_800_000_000,
      proposalId: 'ab'.repeat(32),
    });
    writeFileSync(stock.path('request'), bytes);
    const program = [
      'import sys, ccf.cose',
      'certificate, request = (open(name, "rb").read() for name in sys.argv[1:])',
      'verify = ccf.cose.verify_cose_sign1_with_cert',
      'header, _, payload = verify(certificate, request, use_key=False)',
      'print(header["ccf.gov.msg.type"], header["ccf.gov.msg.created_at"], payload.decode())',
    ].join('\n');
    const args = ['-c', program, stock.path('cert.pem'), stock.path('request')];
    const said = execFileSync(python ?? '', args, { encoding: 'utf8' });
    assert.equal(said.trim(), 'withdrawal 1800000000 {"a":1}');
  }
});
