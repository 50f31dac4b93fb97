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

/** Row `node_replacement`: a node may take the place of one that is gone, without a ballot. */
export interface NodeReplacementPermission {
  /** For how long the primary must have heard nothing of the node that is replaced. */
  readonly silent_minutes: number;
}

/** What a certificate of Coco's own can hold at most (docs/formats). */
const daysMax = 3650;
/** A year, as in the rules documents of the constitution that ships with Coco. */
const silentMinutesMax = 525_600;

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

/** @throws InvalidInput for settings that are not of this form */
export function parseNodeReplacement(value: JsonValue): NodeReplacementPermission {
  const fields = new JsonFields(value, 'node_replacement');
  const permission = { silent_minutes: fields.count('silent_minutes') };
  if (fields.names().length > 1) {
    throw refuse('InvalidInput', 'node_replacement has a setting that is not known.');
  }
  const { silent_minutes: minutes } = permission;
  if (minutes < 1 || minutes > silentMinutesMax) {
    const rule = `between 1 and ${silentMinutesMax}`;
    throw refuse('InvalidInput', `node_replacement.silent_minutes is ${rule}.`);
  }
  return permission;
}

/** The permission in force; undefined when there is none. @throws GovernanceRowInvalid */
export function certificateRenewal(state: Readable): CertificateRenewalPermission | undefined {
  return inForce(state, 'certificate_renewal', parseCertificateRenewal);
}

/** The permission in force; undefined when there is none. @throws GovernanceRowInvalid */
export function nodeReplacement(state: Readable): NodeReplacementPermission | undefined {
  return inForce(state, 'node_replacement', parseNodeReplacement);
}

function inForce<Permission>(
  state: Readable,
  name: string,
  parse: (value: JsonValue) => Permission,
): Permission | undefined {
  const value = standingPermissions.get(state, name);
  if (value === undefined) return undefined;
  try {
    return parse(value);
  } catch (cause) {
    const message = `The standing permission ${name} is damaged.`;
    throw governanceError('GovernanceRowInvalid', message, {}, cause);
  }
}
