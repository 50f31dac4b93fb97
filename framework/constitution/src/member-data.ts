/**
 * What rules read of a member's data: `{"organisation", "roles", "weight", "name"}`, all optional.
 * Other fields are the consortium's own. Data that has not this form can stand in the table
 * (genesis checks nothing), so the reading of it is total: a malformed field counts as absent.
 */
import { checkObject, type Fields } from './check-arguments.ts';
import { refuse } from './refuse.ts';

export interface Member {
  readonly id: string;
  readonly name: string | undefined;
  readonly organisation: string | undefined;
  readonly roles: readonly string[];
  /** A whole number; 0 is a member whose vote weighs nothing. */
  readonly weight: number;
}

/** More than any real share of a consortium needs, and sums stay exact. */
export const weightMax = 1_000_000;

export function isWeight(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= weightMax;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

export function readMember(id: string, data: unknown): Member {
  const fields: Fields = typeof data === 'object' && data !== null ? (data as Fields) : {};
  const { name, organisation, roles, weight } = fields;
  return {
    id,
    name: isText(name) ? name : undefined,
    organisation: isText(organisation) ? organisation : undefined,
    roles: Array.isArray(roles) ? roles.filter(isText) : [],
    weight: isWeight(weight) ? weight : 1,
  };
}

/** Refuses data in which one of our fields is malformed: it would count as absent. */
export function checkMemberData(value: unknown, field: string): Fields {
  const data = checkObject(value, field);
  for (const name of ['name', 'organisation']) {
    if (data[name] !== undefined && !isText(data[name])) {
      refuse(`${field}.${name} must be a text that is not empty`);
    }
  }
  const { roles, weight } = data;
  if (roles !== undefined && !(Array.isArray(roles) && roles.every(isText))) {
    refuse(`${field}.roles must be an array of texts that are not empty`);
  }
  if (weight !== undefined && !isWeight(weight)) {
    refuse(`${field}.weight must be a whole number of 0 to ${weightMax}`);
  }
  return data;
}
