/** The certificates and public keys of every run: see fixtures/make-identities.mjs. */
import { readFileSync } from 'node:fs';
import { present } from '@coco/base';
import type { SigningKey } from '@coco/crypto';
import { serviceKeys } from './service-key.ts';

interface Identities {
  /** The first service's, and those of its recoveries. */
  readonly serviceCertificatePems: readonly string[];
  readonly memberCertificatePem: string;
  readonly memberEncryptionPem: string;
  readonly nodeId: string;
  readonly nodeCertificatePem: string;
  readonly nodeEncryptionPem: string;
}

export const identities: Identities = JSON.parse(
  readFileSync(new URL('../fixtures/identities.json', import.meta.url), 'utf8'),
);

/** Who a service is: its key and its certificate. */
export interface ServiceIdentity {
  readonly key: SigningKey;
  readonly certificatePem: string;
}

export const services: readonly ServiceIdentity[] = serviceKeys.map((key, index) => ({
  key,
  certificatePem: present(identities.serviceCertificatePems[index], 'each key has a certificate'),
}));
