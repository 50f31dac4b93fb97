/**
 * A new member's keys, by the names that CCF's keygenerator.sh gives them: a signing key with its
 * self-signed certificate, and for those who hold a recovery share a key to which it is encrypted.
 */
import { type CurveName, createCertificate, EncryptionKey, SigningKey } from '@coco/crypto';
import { memberError } from './errors.ts';

/** Ten years: a member's certificate is its name; the service looks at the key, not at dates. */
const memberDays = 3650;
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export interface MemberKeys {
  /** File name and content; content that ends in `_privk.pem` is secret. */
  readonly files: readonly (readonly [name: string, text: string])[];
  readonly certificatePem: string;
}

/** Makes keys. @throws MemberFileInvalid for a name that is no file name */
export async function createMemberKeys(options: {
  readonly name: string;
  readonly curve: CurveName;
  /** Whether the member takes part in recovery. */
  readonly hasEncryptionKey: boolean;
  readonly nowMs: number;
}): Promise<MemberKeys> {
  const { name, curve } = options;
  if (!namePattern.test(name)) {
    const message = `"${name}" is not a member's name: up to 64 letters, digits, ".", "_" and "-".`;
    throw memberError('MemberFileInvalid', message);
  }
  const key = SigningKey.generate(curve);
  const certificatePem = await createCertificate({
    subject: name,
    key,
    isAuthority: false,
    notBeforeMs: options.nowMs,
    days: memberDays,
  });
  const files: [string, string][] = [];
  if (options.hasEncryptionKey) {
    const encryptionKey = await EncryptionKey.generateInPool();
    files.push([`${name}_enc_privk.pem`, encryptionKey.privatePem()]);
    files.push([`${name}_enc_pubk.pem`, encryptionKey.publicPem]);
  }
  files.push([`${name}_privk.pem`, key.privatePem()]);
  // Last: who finds the certificate finds all that belongs to it.
  files.push([`${name}_cert.pem`, certificatePem]);
  return { files, certificatePem };
}
