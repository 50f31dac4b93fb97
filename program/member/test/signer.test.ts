import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { toBase64, utf8Encode } from '@coco/base';
import { verifySignature } from '@coco/crypto';
import { readSignature } from '../src/signature-form.ts';
import { commandSigner, keySigner } from '../src/signer.ts';
import { createTestMember } from './members.ts';

const input = utf8Encode('what is signed');

describe('a signer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'coco-signer-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const curve of ['P-256', 'P-384', 'P-521'] as const) {
    test(`${curve}: signatures are taken raw, in DER and in base64`, async () => {
      const { certificate, key } = await createTestMember('bank-a', curve);
      const hash = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512' }[curve];
      const { spki } = certificate;
      for (let count = 0; count < 20; count++) {
        const raw = key.sign(input);
        const der = sign(hash, input, { key: key.privateKey, dsaEncoding: 'der' });
        const url = der.toString('base64url');
        const texts = [toBase64(raw), `${url}\n`, JSON.stringify({ kid: 'k', value: url })];
        for (const output of [raw, der, ...texts.map(utf8Encode)]) {
          const signature = readSignature(output, { certificate, input });
          assert.ok(verifySignature({ spki, input, signature }));
        }
      }
    });
  }

  test('a signature that is damaged, by another key or over other bytes is refused', async () => {
    const { certificate, key } = await createTestMember('bank-a');
    const other = await createTestMember('bank-b');
    const der = sign('sha384', input, { key: key.privateKey, dsaEncoding: 'der' });
    const flipped = der.map((byte, at) => (at === der.length - 1 ? byte ^ 1 : byte));
    const outputs = [
      other.key.sign(input),
      key.sign(utf8Encode('something else')),
      der.subarray(0, -1),
      flipped,
      new Uint8Array(0),
      utf8Encode('no signature'),
      Uint8Array.of(0x30, 2, 2, 0),
    ];
    for (const output of outputs) {
      const refused = { code: 'SignerFailed', message: /ECDSA and sha384/ };
      assert.throws(() => readSignature(output, { certificate, input }), refused);
    }
  });

  test('a key that is not the certificate’s is refused before anything is signed', async () => {
    const { certificate, key } = await createTestMember('bank-a');
    const other = await createTestMember('bank-b');
    assert.throws(() => keySigner(certificate, other.key), { code: 'MemberFileInvalid' });
    const signature = await keySigner(certificate, key).sign(input);
    assert.ok(verifySignature({ spki: certificate.spki, input, signature }));
  });

  test('a command signs, with the hash that it is told', async () => {
    const { certificate, key } = await createTestMember('bank-a');
    const path = join(folder, 'sign.mjs');
    const program = `import { sign } from 'node:crypto';
      const input = await Array.fromAsync(process.stdin);
      const key = ${JSON.stringify(key.privatePem())};
      process.stdout.write(sign(process.env.COCO_SIGNATURE_HASH, Buffer.concat(input), key));`;
    writeFileSync(path, program);
    const command = `"${process.execPath}" "${path}"`;
    const signature = await commandSigner(certificate, command).sign(input);
    assert.ok(verifySignature({ spki: certificate.spki, input, signature }));
  });

  test('a command that fails, says nothing or too much is told by name', async () => {
    const { certificate } = await createTestMember('bank-a');
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['exit 3', /"exit 3" ended with code 3/],
      ['true', /wrote nothing/],
      ['echo no', /not by the key/],
      ['head -c 20000 /dev/zero', /wrote too much/],
      [join(folder, 'gone'), /ended with code 127/],
    ];
    for (const [command, message] of wrong) {
      const refused = { code: 'SignerFailed', message };
      await assert.rejects(commandSigner(certificate, command).sign(input), refused, command);
    }
  });
});
