/**
 * When a certificate begins, as the actions of a constitution say it: ASN.1's times (RFC 5280,
 * section 4.1.2.5) or Python's text of a datetime. Both are CCF's forms.
 */
import { refuse } from '@coco/base';

const asn1 = /^(?<year>\d{2}|\d{4})(?<rest>\d{10})Z$/;
const python =
  /^(?<year>\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})(?:\.\d{1,6})?(?<zone>Z|[+-]\d{2}:\d{2})?$/;
/** RFC 5280: a year of two digits lies between 1950 and 2049. */
const centuryPivot = 50;
const minuteMs = 60_000;

/**
 * Unix time in milliseconds, of a whole second: `20260101120000Z`, `260101120000Z`,
 * `2026-01-01 12:00:00.123456+00:00`. @throws InvalidInput
 */
export function parseCertificateTime(text: string): number {
  const compact = asn1.exec(text);
  const spoken = python.exec(text);
  const year = compact?.groups?.year ?? spoken?.groups?.year ?? '';
  const parts = compact
    ? (compact.groups?.rest?.match(/\d\d/g) ?? [])
    : (spoken?.slice(2, 7) ?? []);
  const ms = utcOf(fullYear(year), parts.map(Number));
  if (ms === undefined) {
    const message = 'A time is YYYYMMDDHHMMSSZ or YYYY-MM-DD HH:MM:SS.';
    throw refuse('InvalidInput', message, { length: text.length });
  }
  return ms - zoneMs(spoken?.groups?.zone);
}

function fullYear(year: string): number {
  const number = Number(year);
  if (year.length === 4) return number;
  return number + (number < centuryPivot ? 2000 : 1900);
}

/** undefined for a date or a time of day that does not exist. */
function utcOf(year: number, parts: readonly number[]): number | undefined {
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const read = [
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ];
  const isReal = parts.length === read.length && read.every((value, at) => value === parts[at]);
  return isReal && date.getUTCFullYear() === year ? date.getTime() : undefined;
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))) * minuteMs;
}
