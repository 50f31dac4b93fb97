/**
 * The keys of a node and of a service, and their certificates. They live only in memory: a process
 * that stops takes them along (design, section 3.8). Certificates follow CCF's shapes.
 */
import type { Clock } from '@coco/base';
import {
  type CurveName,
  createCertificate,
  createSigningRequest,
  EncryptionKey,
  SigningKey,
} from '@coco/crypto';

/** Certificates begin a little in the past: clocks of clients differ. */
const backdatingMs = 60_000;
/** A node warns when less than this part of a certificate's life is left. */
export const certificateWarningFraction = 0.2;

export interface ServiceIdentity {
  readonly key: SigningKey;
  readonly subject: string;
  readonly certificatePem: string;
}

export interface NodeIdentity {
  readonly key: SigningKey;
  readonly encryptionKey: EncryptionKey;
  readonly selfSignedPem: string;
  /** PKCS#10: what the service endorses again whenever the certificate is renewed. */
  readonly signingRequestPem: string;
  /** Signed by the service; what TLS clients see. */
  readonly endorsedPem: string;
}

/** A new service key with its self-signed certificate, valid for `days`. */
export async function createServiceIdentity(options: {
  readonly curve: CurveName;
  readonly subject: string;
  readonly days: number;
  readonly clock: Clock;
}): Promise<ServiceIdentity> {
  const { curve, subject, days, clock } = options;
  const key = SigningKey.generate(curve);
  const notBeforeMs = clock.nowMs() - backdatingMs;
  const certificatePem = await createCertificate({
    subject,
    key,
    isAuthority: true,
    notBeforeMs,
    days,
  });
  return { key, subject, certificatePem };
}

/** New node keys, with a self-signed and a service-endorsed certificate. */
export async function createNodeIdentity(options: {
  readonly service: ServiceIdentity;
  readonly subject: string;
  readonly hosts: readonly string[];
  readonly days: number;
  readonly clock: Clock;
}): Promise<NodeIdentity> {
  const { service, subject, hosts, days, clock } = options;
  const key = SigningKey.generate('P-384');
  const shared = {
    subject,
    key,
    isAuthority: false,
    hosts,
    notBeforeMs: clock.nowMs() - backdatingMs,
    days,
  };
  return {
    key,
    encryptionKey: EncryptionKey.generate(),
    selfSignedPem: await createCertificate(shared),
    signingRequestPem: await createSigningRequest({ subject, key, hosts }),
    endorsedPem: await createCertificate({
      ...shared,
      issuer: { subject: service.subject, key: service.key },
    }),
  };
}
