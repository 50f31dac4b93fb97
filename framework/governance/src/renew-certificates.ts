/**
 * Renews certificates that near their end, by the standing permission certificate_renewal: one
 * transaction of the primary, without a proposal. It depends on the state and the clock alone, so
 * it may be tried at any time, over and over; where nothing is due it writes nothing. Why each
 * certificate changed stands beside it, in a table that no script can write.
 */
import { type JsonValue, LedgerError } from '@coco/base';
import { type Certificate, parseCertificate } from '@coco/crypto';
import { certifyService, endorseNode, longestValidity, type Validity } from './certificates.ts';
import type { GovernancePorts } from './ports.ts';
import { type CertificateRenewalPermission, certificateRenewal } from './standing-permissions.ts';
import { json, type Readable, Table, type Writable } from './table.ts';
import { nodeCertificates, nodeInfos, serviceInfo } from './tables.ts';

const dayMs = 86_400_000;
/** Certificates begin a little in the past: clocks of clients differ. */
const backdatingMs = 60_000;

/** `service` or a node's id to why its certificate was renewed last. */
export const certificateRenewals: Table<JsonValue> = new Table(
  'public:coco.internal.certificate_renewals',
  json,
);

/** A certificate that is due: whose, and the one that ends. */
interface DueCertificate {
  /** `service` or the node's id. */
  readonly owner: string;
  readonly kind: 'node' | 'service';
  /** PEM. */
  readonly ending: string;
  /** Of a node: what it asked with, in PEM. */
  readonly request: string;
}

/** Whether `renewCertificates` would write. @throws GovernanceRowInvalid */
export function isRenewalDue(state: Readable, nowMs: number): boolean {
  return dueCertificates(state, certificateRenewal(state), nowMs).length > 0;
}

/**
 * Writes the new certificates; returns whose. A node whose request does not hold keeps what it has.
 * @throws GovernanceRowInvalid
 */
export async function renewCertificates(
  transaction: Writable,
  ports: Pick<GovernancePorts, 'clock' | 'serviceKey'>,
): Promise<readonly string[]> {
  const nowMs = ports.clock.nowMs();
  const permission = certificateRenewal(transaction);
  const renewed: string[] = [];
  for (const due of dueCertificates(transaction, permission, nowMs)) {
    const days = Math.min(permission?.validity_days ?? 0, longestValidity(transaction, due.kind));
    const validity = { notBeforeMs: nowMs - backdatingMs, days };
    const pem = await tryRenew(transaction, due, { validity, ports });
    if (pem === undefined) continue;
    put(transaction, due, pem);
    certificateRenewals.put(transaction, due.owner, reasonOf(due, pem, permission));
    renewed.push(due.owner);
  }
  return renewed;
}

function dueCertificates(
  state: Readable,
  permission: CertificateRenewalPermission | undefined,
  nowMs: number,
): readonly DueCertificate[] {
  const info = serviceInfo.get(state);
  if (!permission || info?.status !== 'Open') return [];
  const certificates: DueCertificate[] = [
    { owner: 'service', kind: 'service', ending: info.cert, request: '' },
  ];
  for (const [owner, node] of nodeInfos.rows(state)) {
    const ending = nodeCertificates.get(state, owner);
    const request = node.certificate_signing_request;
    if (node.status !== 'Trusted' || ending === undefined || request === undefined) continue;
    certificates.push({ owner, kind: 'node', ending, request });
  }
  return certificates.filter(({ ending }) => isDue(ending, permission, nowMs));
}

function isDue(pem: string, permission: CertificateRenewalPermission, nowMs: number): boolean {
  const certificate = parsed(pem);
  if (!certificate) return true;
  const { notBeforeMs, notAfterMs } = certificate;
  const earlyMs = Math.min(permission.renew_before_days * dayMs, (notAfterMs - notBeforeMs) / 2);
  return notAfterMs - nowMs < earlyMs;
}

/** A row that is no certificate is renewed like one that has ended. */
function parsed(pem: string): Certificate | undefined {
  try {
    return parseCertificate(pem);
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

async function tryRenew(
  state: Readable,
  due: DueCertificate,
  making: { readonly validity: Validity; readonly ports: Pick<GovernancePorts, 'serviceKey'> },
): Promise<string | undefined> {
  const { validity, ports } = making;
  if (due.kind === 'service') return certifyService(state, validity, ports);
  try {
    return await endorseNode(state, due.request, validity, ports);
  } catch (error) {
    // One node's row must not keep the others from their certificates.
    if (error instanceof LedgerError && error.code === 'InvalidSigningRequest') return undefined;
    throw error;
  }
}

function put(transaction: Writable, { kind, owner }: DueCertificate, pem: string): void {
  if (kind === 'node') {
    nodeCertificates.put(transaction, owner, pem);
    return;
  }
  serviceInfo.put(transaction, {
    ...serviceInfo.require(transaction),
    cert: pem,
    previous_service_identity_version: serviceInfo.versionOf(transaction),
  });
}

function reasonOf(
  { ending }: DueCertificate,
  pem: string,
  permission: CertificateRenewalPermission | undefined,
): JsonValue {
  const [before, after] = [parsed(ending), parseCertificate(pem)];
  return {
    reason: 'certificate_renewal',
    permission: { ...permission },
    ended: before ? new Date(before.notAfterMs).toISOString() : null,
    valid_from: new Date(after.notBeforeMs).toISOString(),
    valid_to: new Date(after.notAfterMs).toISOString(),
  };
}
