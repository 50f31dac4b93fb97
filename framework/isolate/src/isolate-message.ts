/**
 * Messages between a node and its isolate, as bytes: docs/formats/isolate-protocol.md. Neither end
 * trusts the other: what does not parse whole is refused, and lengths are checked against what is
 * there before anything is made of them.
 */
import {
  ByteReader,
  ByteWriter,
  LedgerError,
  unreachable,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import { isolateError } from './errors.ts';
import type { PackedValue } from './packed-value.ts';
import type { ScriptAnswer, ScriptRequest, ScriptRow } from './script-request.ts';
import type { PackedOutcome, ScriptProgram } from './script-run.ts';

/** To the isolate: a call to run, the answer to what it asked, or the end of the run. */
export type ToIsolate =
  | { readonly kind: 'run'; readonly program: ScriptProgram }
  /** What the script asked failed outside: nobody waits for its outcome. */
  | { readonly kind: 'abort' }
  | ScriptAnswer;

/** From the isolate. */
export type FromIsolate =
  | { readonly kind: 'ready' }
  | ScriptRequest
  | { readonly kind: 'aborted' }
  /** `isSpent`: the process is to run nothing more. */
  | { readonly kind: 'ended'; readonly outcome: PackedOutcome; readonly isSpent: boolean };

/** A source and its arguments, or a value of the store. */
export const toIsolateBytesMax: number = 64 * 1024 * 1024;
/** A value of the store, or of a script with its buffers. */
export const fromIsolateBytesMax: number = 24 * 1024 * 1024;

const toCodes = {
  run: 1,
  nothing: 2,
  boolean: 3,
  number: 4,
  bytes: 5,
  rows: 6,
  value: 7,
  refused: 8,
  abort: 9,
} as const;
const fromCodes = {
  ready: 32,
  get: 33,
  has: 34,
  delete: 35,
  versionOf: 36,
  set: 37,
  clear: 38,
  size: 39,
  open: 40,
  next: 41,
  close: 42,
  call: 43,
  returned: 48,
  threw: 49,
  unloadable: 50,
  missing: 51,
  timedOut: 52,
  aborted: 53,
} as const;

export function encodeToIsolate(message: ToIsolate): Uint8Array {
  const writer = new ByteWriter().u8(toCodes[message.kind]);
  switch (message.kind) {
    case 'run':
      writeProgram(writer, message.program);
      break;
    case 'boolean':
      writer.u8(message.value ? 1 : 0);
      break;
    case 'number':
      writeNumber(writer, message.value);
      break;
    case 'bytes':
      writeBytes(writer, message.value);
      break;
    case 'rows':
      writer.u32(message.cursor);
      writeList(writer, message.rows, (row) => {
        writeBytes(writer, row.key);
        writeBytes(writer, row.value);
      });
      break;
    case 'value':
      writePacked(writer, message.value);
      break;
    case 'refused':
      writer.u8(message.isType ? 1 : 0);
      writeText(writer, message.reason);
      break;
    case 'nothing':
    case 'abort':
      break;
    default:
      unreachable(message);
  }
  return writer.done();
}

/** @throws InvalidScriptMessage */
export function decodeToIsolate(bytes: Uint8Array): ToIsolate {
  return whole(bytes, (reader): ToIsolate => {
    switch (reader.u8()) {
      case toCodes.run:
        return { kind: 'run', program: readProgram(reader) };
      case toCodes.nothing:
        return { kind: 'nothing' };
      case toCodes.boolean:
        return { kind: 'boolean', value: readFlag(reader) };
      case toCodes.number:
        return { kind: 'number', value: readNumber(reader) };
      case toCodes.bytes:
        return { kind: 'bytes', value: readBytes(reader) };
      case toCodes.rows:
        return { kind: 'rows', cursor: reader.u32(), rows: readList(reader, readRow) };
      case toCodes.value:
        return { kind: 'value', value: readPacked(reader) };
      case toCodes.refused:
        return { kind: 'refused', isType: readFlag(reader), reason: readText(reader) };
      case toCodes.abort:
        return { kind: 'abort' };
      default:
        throw invalid('The message has an unknown type.');
    }
  });
}

export function encodeFromIsolate(message: FromIsolate): Uint8Array {
  if (message.kind === 'ended') return encodeEnded(message.outcome, message.isSpent);
  const writer = new ByteWriter().u8(fromCodes[message.kind]);
  if ('map' in message) writeText(writer, message.map);
  if ('key' in message) writeBytes(writer, message.key);
  if ('cursor' in message) writer.u32(message.cursor);
  if (message.kind === 'set') writeBytes(writer, message.value);
  if (message.kind === 'call') {
    writeText(writer, message.path);
    writePacked(writer, message.args);
  }
  return writer.done();
}

function encodeEnded(outcome: PackedOutcome, isSpent: boolean): Uint8Array {
  const writer = new ByteWriter().u8(fromCodes[outcome.kind]).u8(isSpent ? 1 : 0);
  if (outcome.kind === 'returned') writePacked(writer, outcome.value);
  if (outcome.kind === 'threw' || outcome.kind === 'unloadable') {
    writeText(writer, outcome.reason);
    writeList(writer, outcome.trace === undefined ? [] : [outcome.trace], (trace) =>
      writeText(writer, trace),
    );
  }
  return writer.done();
}

/** @throws InvalidScriptMessage */
export function decodeFromIsolate(bytes: Uint8Array): FromIsolate {
  return whole(bytes, (reader): FromIsolate => {
    const code = reader.u8();
    const kind = nameOf(code);
    switch (kind) {
      case 'ready':
      case 'aborted':
        return { kind };
      case 'get':
      case 'has':
      case 'delete':
      case 'versionOf':
        return { kind, map: readText(reader), key: readBytes(reader) };
      case 'set':
        return { kind, map: readText(reader), key: readBytes(reader), value: readBytes(reader) };
      case 'clear':
      case 'size':
      case 'open':
        return { kind, map: readText(reader) };
      case 'next':
      case 'close':
        return { kind, cursor: reader.u32() };
      case 'call':
        return { kind, path: readText(reader), args: readPacked(reader) };
      default: {
        const isSpent = readFlag(reader);
        return { kind: 'ended', outcome: readOutcome(reader, kind), isSpent };
      }
    }
  });
}

const namesByCode: ReadonlyMap<number, keyof typeof fromCodes> = new Map(
  Object.entries(fromCodes).map(([name, code]) => [code, name as keyof typeof fromCodes]),
);

function nameOf(code: number): keyof typeof fromCodes {
  const name = namesByCode.get(code);
  if (name === undefined) throw invalid('The message has an unknown type.');
  return name;
}

function readOutcome(reader: ByteReader, kind: PackedOutcome['kind']): PackedOutcome {
  if (kind === 'returned') return { kind, value: readPacked(reader) };
  if (kind === 'missing' || kind === 'timedOut') return { kind };
  const reason = readText(reader);
  const [trace, ...more] = readList(reader, readText);
  if (more.length > 0) throw invalid('An outcome has one trace at most.');
  return { kind, reason, trace };
}

function writeProgram(writer: ByteWriter, program: ScriptProgram): void {
  const { heapBytesMax, stackBytesMax, executionMsMax } = program.limits;
  writer.u64(heapBytesMax).u64(stackBytesMax).u64(executionMsMax);
  writer.u8(program.isGovernance ? 1 : 0);
  writeText(writer, program.source);
  writeText(writer, program.entry);
  writeList(writer, program.paths, (path) => writeText(writer, path));
  writePacked(writer, program.args);
}

function readProgram(reader: ByteReader): ScriptProgram {
  const limits = {
    heapBytesMax: reader.u64(),
    stackBytesMax: reader.u64(),
    executionMsMax: reader.u64(),
  };
  const isGovernance = readFlag(reader);
  const source = readText(reader);
  const entry = readText(reader);
  const paths = readList(reader, readText);
  return { source, entry, args: readPacked(reader), paths, isGovernance, limits };
}

function writeText(writer: ByteWriter, text: string): void {
  writeBytes(writer, utf8Encode(text));
}

function readText(reader: ByteReader): string {
  return utf8Decode(readBytes(reader));
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writer.u32(bytes.length).raw(bytes);
}

/** A copy: the message's buffer is used again. */
function readBytes(reader: ByteReader): Uint8Array {
  return reader.raw(reader.u32()).slice();
}

function writeNumber(writer: ByteWriter, value: number): void {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  writer.raw(bytes);
}

function readNumber(reader: ByteReader): number {
  const bytes = reader.raw(8);
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
}

function readFlag(reader: ByteReader): boolean {
  const flag = reader.u8();
  if (flag > 1) throw invalid('A flag is 0 or 1.');
  return flag === 1;
}

function writeList<Item>(
  writer: ByteWriter,
  items: readonly Item[],
  write: (item: Item) => void,
): void {
  writer.u32(items.length);
  for (const item of items) write(item);
}

/** Each item has four bytes or more: a count beyond that is refused before the items are read. */
function readList<Item>(reader: ByteReader, read: (reader: ByteReader) => Item): readonly Item[] {
  const count = reader.u32();
  if (count > reader.remaining / 4) throw invalid('A list is longer than its message.');
  return Array.from({ length: count }, () => read(reader));
}

function readRow(reader: ByteReader): ScriptRow {
  return { key: readBytes(reader), value: readBytes(reader) };
}

function writePacked(writer: ByteWriter, value: PackedValue): void {
  writeText(writer, value.text);
  writeList(writer, value.buffers, (buffer) => writeBytes(writer, buffer));
}

function readPacked(reader: ByteReader): PackedValue {
  return { text: readText(reader), buffers: readList(reader, readBytes) };
}

function whole<Message>(bytes: Uint8Array, read: (reader: ByteReader) => Message): Message {
  const reader = new ByteReader(bytes);
  try {
    const message = read(reader);
    reader.end();
    return message;
  } catch (cause) {
    if (cause instanceof LedgerError && cause.code === 'InvalidInput') {
      throw isolateError('InvalidScriptMessage', cause.message, cause.metadata, cause);
    }
    throw cause;
  }
}

function invalid(message: string): LedgerError {
  return isolateError('InvalidScriptMessage', message);
}
