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
  endorseSigningRequest,
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

/** What a node makes of itself before any service knows it. */
export interface NodeKeys {
  readonly key: SigningKey;
  readonly encryptionKey: EncryptionKey;
  readonly selfSignedPem: string;
  /** PKCS#10: what the service endorses, and again whenever the certificate is renewed. */
  readonly signingRequestPem: string;
}

export interface NodeIdentity extends NodeKeys {
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

/** New node keys, with a self-signed certificate and the request for one by a service. */
export async function createNodeKeys(options: {
  readonly subject: string;
  readonly hosts: readonly string[];
  readonly days: number;
  readonly clock: Clock;
}): Promise<NodeKeys> {
  const { subject, hosts, days, clock } = options;
  const key = SigningKey.generate('P-384');
  return {
    key,
    encryptionKey: EncryptionKey.generate(),
    selfSignedPem: await createCertificate({
      subject,
      key,
      isAuthority: false,
      hosts,
      notBeforeMs: clock.nowMs() - backdatingMs,
      days,
    }),
    signingRequestPem: await createSigningRequest({ subject, key, hosts }),
  };
}

/** The node that creates or recovers the service has that service's endorsement at once. */
export async function endorseOwnNode(
  keys: NodeKeys,
  { subject, key }: ServiceIdentity,
  validity: { readonly days: number; readonly clock: Clock },
): Promise<NodeIdentity> {
  const endorsedPem = await endorseSigningRequest({
    request: keys.signingRequestPem,
    issuer: { subject, key },
    notBeforeMs: validity.clock.nowMs() - backdatingMs,
    days: validity.days,
  });
  return { ...keys, endorsedPem };
}
