/** Service certificates as the audit shows and compares them. */
import { equalBytes, toHex } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import type { IdentityCertificate } from './story.ts';

/** @throws InvalidCertificate */
export function identityCertificate(pem: string): IdentityCertificate {
  const { spki, id, subject, notBeforeMs, notAfterMs } = parseCertificate(pem);
  return { keyId: toHex(sha256(spki)), certificateId: id, subject, notBeforeMs, notAfterMs };
}

/** Whether two certificates hold one key. @throws InvalidCertificate */
export function isSameKey(left: string, right: string): boolean {
  return equalBytes(parseCertificate(left).spki, parseCertificate(right).spki);
}
