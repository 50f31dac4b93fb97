/** Certificates and members in words. */

import { LedgerError } from '@coco/base';
import { type Certificate, parseCertificate, parsePublicKey } from '@coco/crypto';
import type { JsonObject } from './governance-service.ts';

export interface DescribedCertificate {
  /** Hex SHA-256 of the certificate: the id of a member or user. */
  readonly id: string;
  readonly name: string;
  readonly curve: string;
  /** Days, as 2026-11-26. */
  readonly validFrom: string;
  readonly validTo: string;
}

const curveNames: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

export function describeCertificate(certificate: Certificate): DescribedCertificate {
  const key = parsePublicKey(certificate.spki);
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  return {
    id: certificate.id,
    name: certificate.subject,
    curve: curveNames[curve] ?? key.asymmetricKeyType ?? 'unknown',
    validFrom: dayOf(certificate.notBeforeMs),
    validTo: dayOf(certificate.notAfterMs),
  };
}

/** A day in UTC. */
function dayOf(timeMs: number): string {
  return Number.isFinite(timeMs) ? new Date(timeMs).toISOString().slice(0, 10) : 'unknown';
}

/** The certificate in a PEM text; undefined where it holds none. */
export function certificateIn(pem: string): Certificate | undefined {
  try {
    return parseCertificate(pem);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return undefined;
  }
}

/** What to call a member of `/gov/service/members`: its data's name, its certificate's, its id. */
export function memberName(row: JsonObject): string {
  const data = row.memberData;
  const told = typeof data === 'object' && data !== null && 'name' in data ? data.name : undefined;
  if (typeof told === 'string' && told !== '') return told;
  const { certificate, memberId } = row;
  const found = typeof certificate === 'string' ? certificateIn(certificate) : undefined;
  return found?.subject ?? shortId(String(memberId));
}

/** The first digits of an id, for people. */
export function shortId(id: string): string {
  return id.length > 12 ? `${id.slice(0, 8)}…` : id;
}
