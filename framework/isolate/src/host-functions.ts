/**
 * What the prelude may call outside its instance (guest-values.ts, GuestHost). The prelude hands
 * over strings, numbers and ArrayBuffers that it has checked; what a script made of the prelude all
 * the same is refused here or outside.
 */
import { present } from '@coco/base';
import { computeCrypto, Refused } from './crypto-functions.ts';
import { packedExcess, packValue, unpackValue } from './packed-value.ts';
import type { Box } from './quickjs-exports.ts';
import type { HostFunction, HostResult, QuickjsInstance } from './quickjs-instance.ts';
import { Utf8 } from './quickjs-instance.ts';
import type { ScriptAnswer, ScriptPort, ScriptRequest, ScriptRow } from './script-request.ts';

/** Refusals begin with the kind of error; see throwRefusal in guest-kv.ts. */
const refusedAs = { type: 'T', range: 'R', other: 'E' } as const;

/** Bytes that go in or out beside a text. */
export class HandedBytes {
  #given: Uint8Array[] = [];
  #taken = new Map<number, Uint8Array>();

  give(bytes: Uint8Array): number {
    return this.#given.push(bytes) - 1;
  }

  /** All that was given since the last time. */
  collect(): readonly Uint8Array[] {
    const given = this.#given;
    this.#given = [];
    return given;
  }

  /** Makes bytes ready to be taken; a text's marks count from the first. */
  offer(buffers: readonly Uint8Array[]): void {
    this.#taken = new Map(buffers.entries());
  }

  take(index: number): Uint8Array | undefined {
    const bytes = this.#taken.get(index);
    this.#taken.delete(index);
    return bytes;
  }
}

export interface HostParts {
  readonly port: ScriptPort;
  readonly handed: HandedBytes;
  /** What is wrong with a constitution, as a refusal; empty when nothing is. */
  validate(source: string): string;
}

export function hostFunctions(parts: HostParts): ReadonlyMap<string, HostFunction> {
  const { port, handed } = parts;
  const text = (instance: QuickjsInstance, args: readonly Box[], at: number) =>
    instance.readString(present(args[at], 'the prelude passes every argument'));
  return new Map<string, HostFunction>([
    ['give', (instance, args) => handed.give(bytesOf(instance, args, 0))],
    ['take', (instance, [index]) => handed.take(instance.readNumber(index ?? 0))],
    ['kv', (instance, args) => mapResult(port.ask(mapRequest(instance, args)))],
    [
      'call',
      (instance, args) => callOutside(parts, text(instance, args, 0), text(instance, args, 1)),
    ],
    [
      'crypto',
      (instance, args) => callCrypto(parts, text(instance, args, 0), text(instance, args, 1)),
    ],
    ['validate', (instance, args) => parts.validate(text(instance, args, 0))],
    ['encode', (instance, args) => instance.readUtf8(present(args[0], 'a string is passed'))],
    ['decode', (instance, args) => new Utf8(bytesOf(instance, args, 0))],
    ['random', () => port.once(() => unitInterval(port.random(8)))],
  ]);
}

function bytesOf(instance: QuickjsInstance, args: readonly Box[], at: number): Uint8Array {
  const bytes = instance.readBytes(present(args[at], 'the prelude passes every argument'));
  return present(bytes, 'the prelude passes an ArrayBuffer');
}

/** 53 random bits, as Math.random has them. */
function unitInterval(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return (view.getUint32(0) * 0x20_0000 + (view.getUint32(4) >>> 11)) / 2 ** 53;
}

function mapRequest(instance: QuickjsInstance, args: readonly Box[]): ScriptRequest {
  const kind = instance.readString(present(args[0], 'an operation is named'));
  const name = present(args[1], 'a map or a cursor is named');
  switch (kind) {
    case 'get':
    case 'has':
    case 'delete':
    case 'versionOf':
      return { kind, map: instance.readString(name), key: bytesOf(instance, args, 2) };
    case 'set': {
      const value = bytesOf(instance, args, 3);
      return { kind, map: instance.readString(name), key: bytesOf(instance, args, 2), value };
    }
    case 'next':
    case 'close':
      return { kind, cursor: instance.readNumber(name) };
    default: {
      const whole = present(
        wholeMapKinds.find((known) => known === kind),
        'the operation exists',
      );
      return { kind: whole, map: instance.readString(name) };
    }
  }
}

const wholeMapKinds = ['clear', 'size', 'open'] as const;

function mapResult(answer: ScriptAnswer): HostResult {
  switch (answer.kind) {
    case 'nothing':
      return undefined;
    case 'boolean':
    case 'number':
    case 'bytes':
      return answer.value;
    case 'rows':
      return packRows(answer.cursor, answer.rows);
    case 'value':
    case 'refused':
      return refusalText(answer);
  }
}

/** u32 cursor, then for each row u32 length of the key, u32 length of the value, and both. */
function packRows(cursor: number, rows: readonly ScriptRow[]): Uint8Array {
  const length = rows.reduce((sum, row) => sum + 8 + row.key.length + row.value.length, 4);
  const page = new Uint8Array(length);
  const view = new DataView(page.buffer);
  view.setUint32(0, cursor, true);
  let at = 4;
  for (const { key, value } of rows) {
    view.setUint32(at, key.length, true);
    view.setUint32(at + 4, value.length, true);
    page.set(key, at + 8);
    page.set(value, at + 8 + key.length);
    at += 8 + key.length + value.length;
  }
  return page;
}

function refusalText(answer: ScriptAnswer): string {
  if (answer.kind !== 'refused') return `${refusedAs.other}The answer has no place here.`;
  return `${answer.isType ? refusedAs.type : refusedAs.other}${answer.reason}`;
}

function callOutside({ port, handed }: HostParts, path: string, text: string): string {
  const args = { text, buffers: handed.collect() };
  const excess = packedExcess(args);
  if (excess !== undefined) return `${refusedAs.range}${excess}`;
  const answer = port.ask({ kind: 'call', path, args });
  if (answer.kind !== 'value') return refusalText(answer);
  handed.offer(answer.value.buffers);
  return `V${answer.value.text}`;
}

function callCrypto({ port, handed }: HostParts, name: string, text: string): string {
  const packed = { text, buffers: handed.collect() };
  const excess = packedExcess(packed);
  if (excess !== undefined) return `${refusedAs.range}${excess}`;
  const args = unpackValue(packed);
  try {
    // Once, for keys are made of chance.
    const result = port.once(() =>
      packValue([computeCrypto(name, Array.isArray(args) ? args : [], port)]),
    );
    handed.offer(result.buffers);
    return `V${result.text}`;
  } catch (error) {
    if (error instanceof Refused) return `${error.letter}${error.message}`;
    throw error;
  }
}
