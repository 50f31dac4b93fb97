/**
 * Gives a WebAssembly module's own memory a maximum. QuickJS counts what a script allocates, but a
 * bug in its counting, or fragments between its blocks, must not grow the memory of the process
 * without end: beyond the maximum, growing fails and QuickJS reports that it is out of memory.
 * Source: WebAssembly Core Specification, sections 5.5.1 and 5.5.8 (modules, memory section).
 */
import { assert, concatBytes } from '@coco/base';

export const pageBytes: number = 64 * 1024;

const preambleBytes = 8;
const memorySection = 5;
/** The one memory: no maximum, then its first size. */
const withoutMaximum = 0;
const withMaximum = 1;

/** The same module, whose memory grows to at most so many pages of 64 KiB. */
export function limitMemory(module: Uint8Array, pagesMax: number): Uint8Array {
  let at = preambleBytes;
  while (at < module.length) {
    const id = module[at];
    const size = readUnsigned(module, at + 1);
    const end = size.end + size.value;
    if (id === memorySection) {
      const count = readUnsigned(module, size.end);
      assert(count.value === 1, 'the engine has one memory');
      assert(module[count.end] === withoutMaximum, 'its memory has no maximum of its own');
      const initial = readUnsigned(module, count.end + 1);
      assert(initial.end === end, 'nothing follows the first size');
      assert(initial.value <= pagesMax, 'the memory begins below its maximum');
      const content = Uint8Array.of(
        ...[1, withMaximum, ...unsigned(initial.value), ...unsigned(pagesMax)],
      );
      const section = Uint8Array.of(memorySection, ...unsigned(content.length));
      return concatBytes(module.subarray(0, at), section, content, module.subarray(end));
    }
    at = end;
  }
  assert(false, 'the engine has a memory section');
}

/** LEB128 (section 5.2.2), of numbers below 2^28. */
function readUnsigned(bytes: Uint8Array, from: number): { value: number; end: number } {
  let value = 0;
  for (let at = from; at < from + 4; at++) {
    const byte = bytes[at] ?? 0;
    value |= (byte & 0x7f) << (7 * (at - from));
    if (byte < 0x80) return { value, end: at + 1 };
  }
  assert(false, 'a size in the engine is below 2^28');
}

function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}
