/**
 * The three kinds of error (style rules 24 to 28): refusals (the client's fault), faults (disk,
 * peer, time) and bugs (ours; see assert.ts). Refusals and faults are LedgerError with a code from
 * a table; docs/ERRORS.md lists every code and a test compares it with these tables, both ways.
 */

import { assert } from './assert.ts';

export type ErrorKind = 'refusal' | 'fault';

/** One row of a room's error table. `status` is the HTTP status that an endpoint answers with. */
export interface ErrorRow {
  readonly kind: ErrorKind;
  readonly status: number;
  readonly meaning: string;
}

export type ErrorMetadata = Readonly<Record<string, string | number | boolean | undefined>>;

const registered = new Map<string, ErrorRow>();

/**
 * Registers a room's table of codes and returns a maker of errors bound to it. Two rooms may share a
 * code only with the same row: clients must be able to rely on what a code means.
 * Metadata never holds keys, private plaintext or raw bytes.
 */
export function defineErrors<Code extends string>(
  table: Readonly<Record<Code, ErrorRow>>,
): (code: Code, message: string, metadata?: ErrorMetadata, cause?: unknown) => LedgerError {
  for (const [code, row] of Object.entries<ErrorRow>(table)) register(code, row);
  return (code, message, metadata = {}, cause = undefined) =>
    new LedgerError(code, table[code], message, metadata, cause);
}

function register(code: string, row: ErrorRow): void {
  const known = registered.get(code) ?? row;
  const isSame =
    known.kind === row.kind && known.status === row.status && known.meaning === row.meaning;
  assert(isSame, `the code ${code} means one thing in every room`);
  registered.set(code, row);
}

/** Every code that the loaded rooms have defined. */
export function registeredErrors(): ReadonlyMap<string, ErrorRow> {
  return registered;
}

/** A refusal or a fault. `code` is stable and documented; `message` is a sentence for people. */
export class LedgerError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly status: number;
  readonly metadata: ErrorMetadata;

  // tidy-allow: only defineErrors calls it, with a row's parts in a fixed order.
  constructor(
    code: string,
    row: ErrorRow,
    message: string,
    metadata: ErrorMetadata,
    cause: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'LedgerError';
    this.code = code;
    this.kind = row.kind;
    this.status = row.status;
    this.metadata = metadata;
  }
}

/** Base's own codes: those that every room needs. Names are CCF's where CCF has one. */
export const refuse: (
  code: 'InvalidInput' | 'RequestBodyTooLarge' | 'NestingTooDeep',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  InvalidInput: { kind: 'refusal', status: 400, meaning: 'A value from outside does not parse.' },
  RequestBodyTooLarge: { kind: 'refusal', status: 413, meaning: 'A body exceeds its limit.' },
  NestingTooDeep: { kind: 'refusal', status: 400, meaning: 'JSON or CBOR nests beyond its limit.' },
});

/** The fault of every method of the Disk port. */
export const diskFault: (
  code: 'DiskFault' | 'DiskFull',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  DiskFault: { kind: 'fault', status: 500, meaning: 'A file operation failed.' },
  DiskFull: { kind: 'fault', status: 503, meaning: 'The disk has no space left.' },
});
