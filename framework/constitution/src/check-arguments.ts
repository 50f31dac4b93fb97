/**
 * Checks of an action's arguments, with the texts of CCF's sample constitution, which its users
 * and their tools know. Each takes an untrusted value and returns it with its type, or refuses.
 */
import type { CcfGlobal } from './ccf-global.ts';
import { refuse } from './refuse.ts';

declare const ccf: CcfGlobal;

export type Fields = Readonly<Record<string, unknown>>;

/** null counts as absent, as in CCF. */
function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}

function refuseType(value: unknown, type: string, field: string): never {
  refuse(`${field} must be of type ${type} but is ${value === null ? 'null' : typeof value}`);
}

export function checkText(value: unknown, field: string): string {
  return typeof value === 'string' ? value : refuseType(value, 'string', field);
}

export function checkNumber(value: unknown, field: string): number {
  return typeof value === 'number' ? value : refuseType(value, 'number', field);
}

export function checkObject(value: unknown, field: string): Fields {
  if (typeof value !== 'object' || value === null) return refuseType(value, 'object', field);
  return value as Fields;
}

export function checkList(value: unknown, field: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(`${field} must be an array`);
}

export function checkInteger(value: unknown, field: string): number {
  return Number.isInteger(value) ? (value as number) : refuse(`${field} must be an integer`);
}

/** Applies a check unless the value is absent. */
export function optional<Value>(
  value: unknown,
  field: string,
  check: (value: unknown, field: string) => Value,
): Value | undefined {
  return isAbsent(value) ? undefined : check(value, field);
}

export function checkBoolean(value: unknown, field: string): boolean {
  return typeof value === 'boolean' ? value : refuseType(value, 'boolean', field);
}

export function checkOneOf<Name extends string>(
  value: unknown,
  names: readonly Name[],
  field: string,
): Name {
  const found = names.find((name) => name === value);
  return found ?? refuse(`${field} must be one of ${names}`);
}

export function checkBounds(
  value: number,
  { low, high }: { readonly low: number; readonly high?: number },
  field: string,
): number {
  if (value < low) refuse(`${field} must be greater than ${low}`);
  if (high !== undefined && value > high) refuse(`${field} must be lower than ${high}`);
  return value;
}

/** The arguments of an action that has some. */
export function checkArguments(args: unknown): Fields {
  return checkObject(args, 'args');
}

export function checkNone(args: unknown): undefined {
  if (!isAbsent(args)) refuse(`Proposal does not accept any argument, found "${args}"`);
  return undefined;
}

/** Of actions whose arguments are not looked at, as in CCF. */
export function ignoreArguments(): undefined {
  return undefined;
}

const entityIdDigits = 64;

/** The id of a member, user or node: a SHA-256 in hex. */
export function checkEntityId(value: unknown, field: string): string {
  const id = checkText(value, field);
  if (id.length !== entityIdDigits) {
    refuse(`${field} must contain exactly ${entityIdDigits} characters`);
  }
  if (!/^[a-fA-F0-9]*$/.test(id)) refuse(`${field} contains non-hexadecimal character`);
  return id;
}

export function checkCertificates(value: unknown, field: string): string {
  if (typeof value !== 'string' || !ccf.crypto.isValidX509CertBundle(value)) {
    refuse(`${field} must be a valid X509 certificate (bundle) in PEM format`);
  }
  return value;
}

/** @returns lower-case hex of exactly so many bytes */
export function checkHex(value: unknown, bytes: number, field: string): string {
  const hex = checkText(value, field);
  if (hex !== hex.toLowerCase()) refuse(`${field} must be a lowercase hex string: ${hex}`);
  if (parseHex(hex).byteLength !== bytes) {
    refuse(`${field} must convert to exactly ${bytes} bytes`);
  }
  return hex;
}

export function parseHex(hex: string): ArrayBuffer {
  if (hex.length % 2 !== 0) refuse('Hex string invalid: length must be multiple of 2');
  const octets = hex.match(/../gs) ?? [];
  const bytes = octets.map((octet) => {
    if (!/^[0-9a-f]{2}$/i.test(octet)) refuse(`Hex string invalid: Non-hex character ${octet}`);
    return Number.parseInt(octet, 16);
  });
  return new Uint8Array(bytes).buffer;
}

/** What the actions that make a certificate take. */
export interface Validity {
  readonly validFrom: string;
  readonly days: number | undefined;
}

export function checkValidity(fields: Fields): Validity {
  const field = 'validity_period_days';
  const validFrom = checkText(fields.valid_from, 'valid_from');
  const days = fields[field];
  if (days === undefined) return { validFrom, days };
  return { validFrom, days: checkBounds(checkInteger(days, field), { low: 1 }, field) };
}
