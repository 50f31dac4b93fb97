/** The certificates and public keys of every run: see fixtures/make-identities.mjs. */
import { readFileSync } from 'node:fs';

interface Identities {
  readonly serviceCertificatePem: string;
  readonly memberCertificatePem: string;
  readonly memberEncryptionPem: string;
  readonly nodeId: string;
  readonly nodeCertificatePem: string;
  readonly nodeEncryptionPem: string;
}

export const identities: Identities = JSON.parse(
  readFileSync(new URL('../fixtures/identities.json', import.meta.url), 'utf8'),
);
