import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { toBase64, toHex, utf8Encode } from '@coco/base';
import { encryptTo, SigningKey } from '@coco/crypto';
import { parseGovernanceMessage } from '@coco/endpoint';
import { decryptShare, signGovernanceRequest } from '../src/governance-request.ts';
import { encodeShare } from '../src/recovery-share.ts';
import { createMember, takeRsaKey } from './service-fixture.ts';

const member = await createMember();

suite('a member’s requests', () => {
  test('have the protected header that CCF’s tools make', () => {
    const bytes = signGovernanceRequest({
      key: member.key,
      certificatePem: member.certificatePem,
      type: 'ballot',
      payload: utf8Encode('{}'),
      createdAt: 1_800_000_000,
      proposalId: 'ab',
    });
    const { message, header } = parseGovernanceMessage(bytes);
    assert.deepEqual(
      [...message.protectedHeader.keys()],
      [1, 4, 'ccf.gov.msg.type', 'ccf.gov.msg.created_at', 'ccf.gov.msg.proposal_id'],
    );
    assert.deepEqual(header, {
      algorithm: -35,
      keyId: member.id,
      type: 'ballot',
      createdAt: 1_800_000_000,
      proposalId: 'ab',
    });
    assert.equal(toHex(bytes.subarray(0, 2)), 'd284');
    assert.equal(message.unprotectedHeader.size, 0);
  });

  test('a key that is not the certificate’s signs nothing', () => {
    const request = {
      key: SigningKey.generate('P-384'),
      certificatePem: member.certificatePem,
      type: 'ack',
      payload: new Uint8Array(0),
      createdAt: 1,
    } as const;
    assert.throws(() => signGovernanceRequest(request), { code: 'InvalidInput' });
    const unreadable = { ...request, certificatePem: '' };
    assert.throws(() => signGovernanceRequest(unreadable), { code: 'InvalidCertificate' });
  });

  test('a share opens with its member’s key alone, and must be a share', () => {
    const key = takeRsaKey();
    const share = encodeShare({ index: 1, limbs: Array(10).fill(7) });
    const encrypted = toBase64(encryptTo(key.publicPem, share));
    assert.deepEqual(new Uint8Array(decryptShare(encrypted, key)), new Uint8Array(share));
    const stranger = takeRsaKey();
    assert.throws(() => decryptShare(encrypted, stranger), { code: 'DecryptionFailed' });
    const noShare = toBase64(encryptTo(key.publicPem, new Uint8Array(4)));
    assert.throws(() => decryptShare(noShare, key), { code: 'RecoveryShareInvalid' });
    assert.throws(() => decryptShare('*', key), { code: 'InvalidInput' });
  });
});
