/**
 * The first judgement, before the client talks: which service is this, and does attested code speak
 * for it? The chain of reasons: the evidence is genuine, accepted, and binds a node key; the TLS
 * session ended at the holder of that key; so accepted code itself named its service's certificate,
 * and its own certificate is by that service.
 */
import {
  type Evidence,
  type EvidencePolicy,
  type VerifiedEvidence,
  verifyEvidence,
} from '@coco/attestation';
import { certificateSpki, isCertificateIssuedBy, VerificationKey } from '@coco/receipt';
import type { Channel } from './channel.ts';
import { sdkError } from './errors.ts';
import { ServiceApi, type ServiceRecovery } from './service-api.ts';

/** What an unverified peer says of itself, all over one TLS session. */
export interface ServiceClaims {
  readonly serviceStatus: string;
  /** PEM. */
  readonly serviceCertificate: string;
  readonly recovery: ServiceRecovery | undefined;
  readonly evidence: Evidence;
  readonly nodeId: string;
  /** PEM: the TLS session's; where the platform does not tell it, what the node calls its own. */
  readonly nodeCertificate: string;
  /** Whether nodeCertificate is that of the session over which the claims came. */
  readonly isChannelBound: boolean;
}

export interface VerifiedService {
  readonly identity: VerificationKey;
  /** PEM. */
  readonly serviceCertificate: string;
  readonly evidence: VerifiedEvidence;
  readonly isChannelBound: boolean;
  /** What attested code says of the service's recovery. */
  readonly recovery: ServiceRecovery | undefined;
}

/** Asks a peer for its claims. Believes nothing. */
export async function fetchClaims(channel: Channel, signal: AbortSignal): Promise<ServiceClaims> {
  const api = new ServiceApi(channel, signal);
  const { serviceStatus, serviceCertificate, recovery } = await api.network();
  const { nodeId, evidence } = await api.quote();
  const nodeCertificate = channel.peerCertificate ?? (await api.selfSignedCertificate());
  const isChannelBound = channel.peerCertificate !== undefined;
  return {
    serviceStatus,
    serviceCertificate,
    recovery,
    evidence,
    nodeId,
    nodeCertificate,
    isChannelBound,
  };
}

/**
 * Verifies the claims.
 * @throws InvalidQuote, EvidenceMalformed, UnsupportedEvidenceFormat, ServiceCertificateInvalid,
 *   ServiceIdentityInvalid, ServiceNotOpen
 */
export async function verifyService(options: {
  readonly claims: ServiceClaims;
  readonly policy: EvidencePolicy;
  readonly atMs: number;
  /** Members open a service, so they must reach it before it is open. */
  readonly isUnopenedAccepted?: boolean;
}): Promise<VerifiedService> {
  const { claims, policy, atMs } = options;
  const { serviceCertificate, nodeCertificate, isChannelBound } = claims;
  const nodeSpki = certificateSpki(nodeCertificate);
  const evidence = await verifyEvidence({ evidence: claims.evidence, policy, nodeSpki });
  if (evidence.nodeId !== claims.nodeId) {
    throw sdkError('AnswerMalformed', 'The node calls itself by the id of another.', {
      nodeId: evidence.nodeId,
    });
  }
  const issuer = serviceCertificate;
  const isService = await isCertificateIssuedBy({ certificate: issuer, issuer, atMs });
  const isNodeOfService =
    !isChannelBound ||
    (await isCertificateIssuedBy({ certificate: nodeCertificate, issuer, atMs }));
  if (!isService || !isNodeOfService) {
    throw sdkError(
      'ServiceCertificateInvalid',
      'The certificate of the node is not by the service, or one of the two is not valid now.',
      { isService, isNodeOfService },
    );
  }
  if (claims.serviceStatus !== 'Open' && !options.isUnopenedAccepted) {
    throw sdkError('ServiceNotOpen', 'The service is not open.', {
      status: claims.serviceStatus.slice(0, statusTextMax),
    });
  }
  const identity = await VerificationKey.from(serviceCertificate);
  return { identity, serviceCertificate, evidence, isChannelBound, recovery: claims.recovery };
}

const statusTextMax = 32;
