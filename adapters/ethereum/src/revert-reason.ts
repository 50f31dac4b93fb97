/** What a revert's data says to people, in geth's words (accounts/abi, UnpackRevert). */
import { toHex } from '@coco/base';
import { bytesToBig } from './numbers.ts';

/** Error(string) */
const errorSelector = '08c379a0';
/** Panic(uint256) */
const panicSelector = '4e487b71';
const wordBytes = 32;
/** A reason is cut here: it goes into a message, and the data has it whole. */
const reasonBytesMax = 1024;

/** Solidity's panic codes as geth words them. */
const panics: Readonly<Record<string, string>> = {
  0: 'generic panic',
  1: 'assert(false)',
  17: 'arithmetic underflow or overflow',
  18: 'division or modulo by zero',
  33: 'enum overflow',
  34: 'invalid encoded storage byte array accessed',
  49: 'out-of-bounds array access; popping on an empty array',
  50: 'out-of-bounds access of an array or bytesN',
  65: 'out of memory',
  81: 'uninitialized function',
};

/** `execution reverted`, with the reason if the data gives one. */
export function revertMessage(output: Uint8Array): string {
  const reason = revertReason(output);
  return reason === undefined ? 'execution reverted' : `execution reverted: ${reason}`;
}

/** What a revert's data says; undefined where it says nothing that people read. */
export function revertReason(output: Uint8Array): string | undefined {
  const selector = toHex(output.subarray(0, 4));
  const content = output.subarray(4);
  if (selector === panicSelector && content.length >= wordBytes) {
    const code = bytesToBig(content.subarray(0, wordBytes));
    return panics[code.toString()] ?? `unknown panic code: 0x${code.toString(16)}`;
  }
  if (selector !== errorSelector || content.length < 2 * wordBytes) return undefined;
  if (bytesToBig(content.subarray(0, wordBytes)) !== BigInt(wordBytes)) return undefined;
  const length = bytesToBig(content.subarray(wordBytes, 2 * wordBytes));
  const text = content.subarray(2 * wordBytes);
  if (length > BigInt(text.length)) return undefined;
  const shown = Math.min(Number(length), reasonBytesMax);
  // Ill-formed UTF-8 shows as replacement characters: a contract may revert with anything.
  return new TextDecoder().decode(text.subarray(0, shown));
}
