/** Members with keys and certificates of their own. */
import { present } from '@coco/base';
import { createCertificate, EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import type { RecoveryRole } from '../src/tables.ts';

export const startMs: number = Date.UTC(2026, 10, 23);

/** An RSA key takes a quarter second to find: all tests share these, three in a row differ. */
const rsaKeys = Array.from({ length: 4 }, () => EncryptionKey.generate());
let rsaKeysTaken = 0;
export function takeRsaKey(): EncryptionKey {
  return present(rsaKeys[rsaKeysTaken++ % rsaKeys.length], 'there are keys');
}

export interface TestMember {
  readonly id: string;
  readonly key: SigningKey;
  readonly certificatePem: string;
  readonly encryptionKey: EncryptionKey | undefined;
  readonly role: RecoveryRole | undefined;
}

export async function createMember(
  role: RecoveryRole | undefined = 'Participant',
): Promise<TestMember> {
  const key = SigningKey.generate('P-384');
  const certificatePem = await createCertificate({
    subject: 'member',
    key,
    isAuthority: false,
    notBeforeMs: startMs,
    days: 365,
  });
  const encryptionKey = role === 'NonParticipant' ? undefined : takeRsaKey();
  return { id: parseCertificate(certificatePem).id, key, certificatePem, encryptionKey, role };
}
