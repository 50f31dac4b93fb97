/**
 * New certificates of nodes and of the service, under keys that stay: a renewal changes dates and
 * serial number alone, so signatures, receipts and clients that know the key go on. How long they
 * hold is limited by the service's configuration.
 */

import { refuse } from '@coco/base';
import { createCertificate, endorseSigningRequest, parseCertificate } from '@coco/crypto';
import type { GovernancePorts } from './ports.ts';
import type { Readable } from './table.ts';
import { serviceConfig, serviceInfo } from './tables.ts';

/** CCF's figure where the service's configuration has none. */
export const certificateDaysDefault = 365;

/** From a moment, for days: to the second before it would begin anew. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly days: number;
}

/** The longest that a certificate may hold, in days. */
export function longestValidity(state: Readable, of: 'node' | 'service'): number {
  const config = serviceConfig.get(state);
  const days =
    of === 'node'
      ? config?.maximum_node_certificate_validity_days
      : config?.maximum_service_certificate_validity_days;
  return days ?? certificateDaysDefault;
}

/**
 * The service's endorsement of a node's key; `request` is what the node asked with, in PEM.
 * @throws InvalidInput, InvalidSigningRequest
 */
export function endorseNode(
  state: Readable,
  request: string,
  validity: Validity,
  ports: Pick<GovernancePorts, 'serviceKey'>,
): Promise<string> {
  assertLength(validity.days, longestValidity(state, 'node'));
  const { subject } = parseCertificate(serviceInfo.require(state).cert);
  const issuer = { subject, key: ports.serviceKey() };
  return endorseSigningRequest({ request, issuer, ...validity });
}

/** The service's certificate by itself, of the key in office. @throws InvalidInput */
export function certifyService(
  state: Readable,
  validity: Validity,
  ports: Pick<GovernancePorts, 'serviceKey'>,
): Promise<string> {
  assertLength(validity.days, longestValidity(state, 'service'));
  const { subject } = parseCertificate(serviceInfo.require(state).cert);
  return createCertificate({ subject, key: ports.serviceKey(), isAuthority: true, ...validity });
}

function assertLength(days: number, daysMax: number): void {
  if (Number.isInteger(days) && days >= 1 && days <= daysMax) return;
  throw refuse(
    'InvalidInput',
    `Validity period ${days} (days) is not allowed: service max allowed is ${daysMax} (days)`,
  );
}
