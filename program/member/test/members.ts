/** A member with keys in memory, for the tests of this room. */
import {
  type Certificate,
  type CurveName,
  createCertificate,
  parseCertificate,
  SigningKey,
} from '@coco/crypto';

export interface TestMember {
  readonly certificate: Certificate;
  readonly key: SigningKey;
}

export async function createTestMember(
  subject: string,
  curve: CurveName = 'P-384',
): Promise<TestMember> {
  const key = SigningKey.generate(curve);
  const pem = await createCertificate({
    subject,
    key,
    isAuthority: false,
    notBeforeMs: 1_800_000_000_000,
    days: 365,
  });
  return { certificate: parseCertificate(pem), key };
}
