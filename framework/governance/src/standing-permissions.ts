/**
 * What the consortium has permitted once and for all: `public:coco.gov.standing_permissions`, by
 * the permission's name. A row is written by governance alone; nodes act on it without a ballot,
 * and each act stands on the ledger. Format: docs/formats/standing-permissions.md.
 */
import { type JsonValue, refuse } from '@coco/base';
import { governanceError } from './errors.ts';
import { JsonFields } from './json-fields.ts';
import { json, type Readable, Table } from './table.ts';

export const standingPermissions: Table<JsonValue> = new Table(
  'public:coco.gov.standing_permissions',
  json,
);

/** Row `certificate_renewal`: certificates of nodes and service renew before they end. */
export interface CertificateRenewalPermission {
  /** How long a renewed certificate holds; the service's configuration may limit it further. */
  readonly validity_days: number;
  /**
   * A certificate is renewed when it ends in fewer days; one that holds shorter than twice that,
   * when half of its time is over.
   */
  readonly renew_before_days: number;
}

/** What a certificate of Coco's own can hold at most (docs/formats). */
const daysMax = 3650;

/** @throws InvalidInput for settings that are not of this form */
export function parseCertificateRenewal(value: JsonValue): CertificateRenewalPermission {
  const fields = new JsonFields(value, 'certificate_renewal');
  const permission = {
    validity_days: fields.count('validity_days'),
    renew_before_days: fields.count('renew_before_days'),
  };
  const { validity_days: validity, renew_before_days: before } = permission;
  const unknown = fields.names().find((name) => !Object.hasOwn(permission, name));
  if (unknown !== undefined) {
    throw refuse('InvalidInput', 'certificate_renewal has a setting that is not known.');
  }
  if (validity < 1 || validity > daysMax) {
    throw refuse('InvalidInput', `certificate_renewal.validity_days is between 1 and ${daysMax}.`);
  }
  if (before < 1 || before >= validity) {
    const rule = 'at least 1 and less than validity_days';
    throw refuse('InvalidInput', `certificate_renewal.renew_before_days is ${rule}.`);
  }
  return permission;
}

/** The permission in force; undefined when there is none. @throws GovernanceRowInvalid */
export function certificateRenewal(state: Readable): CertificateRenewalPermission | undefined {
  const value = standingPermissions.get(state, 'certificate_renewal');
  if (value === undefined) return undefined;
  try {
    return parseCertificateRenewal(value);
  } catch (cause) {
    const message = 'The standing permission certificate_renewal is damaged.';
    throw governanceError('GovernanceRowInvalid', message, {}, cause);
  }
}
