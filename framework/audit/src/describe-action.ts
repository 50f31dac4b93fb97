/**
 * The actions of a proposal in a line each: name and arguments, long values shortened with the
 * digest of the whole. Nothing is left out, only shortened; what cannot be read is said so.
 */
import {
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
  toHex,
  utf8Encode,
} from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';

/** A digest in hex stands whole; longer values are shortened. */
const valueCharactersMax = 64;
/** More actions and arguments than a person reads. */
const actionsMax = 50;
const argumentsMax = 20;
const bodyLimits = { bytesMax: 16 * 1024 * 1024, depthMax: 64 };
const digestDigits = 16;

/** One line per action of a proposal's body. */
export function describeActions(body: Uint8Array): readonly string[] {
  const actions = readActions(body);
  if (!actions) return [`a body that is no list of actions (${digestText(body)})`];
  const lines = actions.slice(0, actionsMax).map(describeAction);
  const left = actions.length - lines.length;
  return left > 0 ? [...lines, `and ${left} more actions`] : lines;
}

/** The actions as they stand; undefined where the body is none of CCF's. */
export function readActions(body: Uint8Array): readonly JsonValue[] | undefined {
  try {
    const value = parseJson(body, bodyLimits);
    const actions = isJsonObject(value) ? value.actions : undefined;
    return Array.isArray(actions) ? actions : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

function describeAction(action: JsonValue): string {
  const object = isJsonObject(action) ? action : {};
  const name =
    typeof object.name === 'string' ? printable(object.name) : 'an action without a name';
  const { args } = object;
  if (args === undefined || args === null) return name;
  if (!isJsonObject(args)) return `${name}: ${shorten(args)}`;
  const entries = Object.entries(args);
  const shown = entries
    .slice(0, argumentsMax)
    .map(([key, value]) => `${printable(key)} ${shorten(value)}`);
  const left = entries.length - shown.length;
  if (left > 0) shown.push(`and ${left} more`);
  return shown.length === 0 ? name : `${name}: ${shown.join(', ')}`;
}

/** A value in one line. Certificates show whose they are; long texts their start and digest. */
export function shorten(value: JsonValue): string {
  if (typeof value === 'string' && value.includes('-----BEGIN CERTIFICATE-----')) {
    const certificate = certificateText(value);
    if (certificate !== undefined) return certificate;
  }
  const text = printable(typeof value === 'string' ? value : JSON.stringify(value));
  if (text.length <= valueCharactersMax) return text;
  const whole = typeof value === 'string' ? value : JSON.stringify(value);
  const start = text.slice(0, valueCharactersMax / 2);
  return `${start}… (${whole.length} characters, ${digestText(utf8Encode(whole))})`;
}

function certificateText(pem: string): string | undefined {
  try {
    const { subject, id } = parseCertificate(pem);
    return `certificate ${id.slice(0, digestDigits)}… of ${printable(subject)}`;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

function digestText(bytes: Uint8Array): string {
  return `SHA-256 ${toHex(sha256(bytes)).slice(0, digestDigits)}…`;
}

/** One line that no terminal acts on: what a member wrote may hold control characters. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
}
