import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MemberFiles, readSigningKeyFile, writeMemberFiles } from '../src/member-files.ts';
import { createMemberKeys } from '../src/member-keys.ts';

const nowMs = 1_800_000_000_000;
/** As `openssl ecparam -name prime256v1 -genkey` writes it; used nowhere else. */
const keyOfOpenssl = `-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEILZeDc8YCCpv05BmbRkm/ikZ0+t8O6/FZNSKkHuWBenioAoGCCqGSM49
AwEHoUQDQgAEQdLUap34Sce3RyTkWskE2PxHwIE2/b7vMLGAz7XghHkNTfZIMWSm
W+FCm5kS4+TnL2Pfguzr3c58xk/MF/jHQg==
-----END EC PRIVATE KEY-----
`;

describe('a member’s files', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-member-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const make = (name: string, hasEncryptionKey: boolean, curve: 'P-256' | 'P-384' = 'P-256') =>
    writeMemberFiles({ folder, name, curve, hasEncryptionKey, nowMs });

  test('have the names of CCF’s key generator, and belong to their owner only', async () => {
    const { paths, certificate } = await make('bank-a', true, 'P-384');
    assert.deepEqual(
      paths.map((path) => path.slice(folder.length + 1)),
      ['bank-a_enc_privk.pem', 'bank-a_enc_pubk.pem', 'bank-a_privk.pem', 'bank-a_cert.pem'],
    );
    for (const path of paths) assert.equal((await stat(path)).mode & 0o777, 0o600, path);
    assert.equal(certificate.subject, 'bank-a');
    assert.equal(certificate.notBeforeMs, nowMs);
    const files = await MemberFiles.find(join(folder, 'bank-a'));
    assert.equal((await files.readCertificate()).id, certificate.id);
    assert.deepEqual((await files.readSigningKey()).spki, certificate.spki);
    const publicPem = await readFile(join(folder, 'bank-a_enc_pubk.pem'), 'utf8');
    assert.equal((await files.readEncryptionKey()).publicPem, publicPem);
    assert.equal(await files.readEncryptionPublicKey(), publicPem);
  });

  test('are never overwritten: all of them are made, or none', async () => {
    await make('bank-b', false);
    const certificate = await readFile(join(folder, 'bank-b_cert.pem'), 'utf8');
    const exists = { code: 'MemberFileExists', message: /bank-b_privk\.pem is there already/ };
    await assert.rejects(make('bank-b', true), exists);
    assert.equal(await readFile(join(folder, 'bank-b_cert.pem'), 'utf8'), certificate);
    const names = (await readdir(folder)).filter((name) => name.startsWith('bank-b'));
    assert.deepEqual(names, ['bank-b_cert.pem', 'bank-b_privk.pem']);
  });

  test('without a part in recovery there is no encryption key', async () => {
    const { files } = await createMemberKeys({
      name: 'auditor',
      curve: 'P-256',
      hasEncryptionKey: false,
      nowMs,
    });
    assert.deepEqual(
      files.map(([name]) => name),
      ['auditor_privk.pem', 'auditor_cert.pem'],
    );
  });

  test('a name that is no file name is refused', async () => {
    for (const name of ['', '../up', 'a/b', 'a b', '.hidden', 'x'.repeat(65)]) {
      await assert.rejects(make(name, false), { code: 'MemberFileInvalid' }, name);
    }
    const gone = { code: 'MemberFileInvalid', message: /cannot be written \(ENOENT\)/ };
    const options = { name: 'a', curve: 'P-256', hasEncryptionKey: false, nowMs } as const;
    await assert.rejects(writeMemberFiles({ ...options, folder: join(folder, 'gone') }), gone);
  });

  test('are found by folder where it holds one member, by prefix and by certificate', async () => {
    const own = join(folder, 'own');
    await mkdir(own);
    const none = { code: 'MemberFileInvalid', message: /holds no member/ };
    await assert.rejects(MemberFiles.find(own), none);
    const options = { name: 'solo', curve: 'P-256', hasEncryptionKey: false, nowMs } as const;
    const { certificate } = await writeMemberFiles({ ...options, folder: own });
    for (const place of [own, join(own, 'solo'), join(own, 'solo_cert.pem')]) {
      const files = await MemberFiles.find(place);
      assert.equal((await files.readCertificate()).id, certificate.id, place);
      assert.deepEqual([files.folder, files.name], [own, 'solo']);
    }
    await writeMemberFiles({ ...options, name: 'duo', folder: own });
    const several = { code: 'MemberFileInvalid', message: /several members \(duo, solo\)/ };
    await assert.rejects(MemberFiles.find(own), several);
  });

  test('a file that is gone, too large or something else is named', async () => {
    const files = await MemberFiles.find(join(folder, 'nobody'));
    const gone = { code: 'MemberFileInvalid', message: /nobody_cert\.pem cannot be read/ };
    await assert.rejects(files.readCertificate(), gone);
    assert.equal(await files.readEncryptionPublicKey(), undefined);
    for (const text of [
      '',
      'no key',
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
    ]) {
      for (const name of ['nobody_cert.pem', 'nobody_privk.pem', 'nobody_enc_privk.pem']) {
        await writeFile(join(folder, name), text);
      }
      const invalid = { code: 'MemberFileInvalid', message: /is not/ };
      await assert.rejects(files.readCertificate(), invalid);
      await assert.rejects(files.readSigningKey(), invalid);
      await assert.rejects(files.readEncryptionKey(), invalid);
    }
    await writeFile(join(folder, 'nobody_cert.pem'), 'x'.repeat(65 * 1024));
    await assert.rejects(files.readCertificate(), { message: /more than 65536 bytes/ });
  });

  test('openssl’s keys, with the curve’s parameters before them, are read', async () => {
    const path = join(folder, 'stock_privk.pem');
    await writeFile(path, keyOfOpenssl);
    assert.equal((await readSigningKeyFile(path)).curve, 'P-256');
  });
});
