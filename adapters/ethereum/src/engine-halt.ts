/**
 * Why executions halt: the engine's codes (docs/formats/engine-abi.md), their names, and geth's
 * words for them (core/vm/errors.go). revm does not tell which opcode was invalid nor how deep the
 * stack was, so those words end where geth would go on with figures.
 */
import { present } from '@coco/base';
import type { HaltReason } from './engine-types.ts';

const halts: Readonly<Record<number, readonly [HaltReason, string]>> = {
  1: ['OutOfGas', 'out of gas'],
  2: ['OutOfMemory', 'out of gas: memory limit of the engine'],
  3: ['InvalidOpcode', 'invalid opcode: opcode not defined'],
  4: ['InvalidOpcode', 'invalid opcode: INVALID'],
  5: ['InvalidJump', 'invalid jump destination'],
  6: ['StackUnderflow', 'stack underflow'],
  7: ['StackOverflow', 'stack limit reached 1024 (1023)'],
  8: ['ReturnDataOutOfBounds', 'return data out of bounds'],
  9: ['CreateCollision', 'contract address collision'],
  10: ['PrecompileFailed', 'precompiled contract failed'],
  11: ['NonceOverflow', 'nonce uint64 overflow'],
  12: ['CodeTooLarge', 'max code size exceeded'],
  13: ['InitCodeTooLarge', 'max initcode size exceeded'],
  14: ['CodeStartsWithEf', 'invalid code: must not begin with 0xef'],
  15: ['WriteProtection', 'write protection'],
  16: ['CallTooDeep', 'max call depth exceeded'],
  17: ['OutOfFunds', 'insufficient balance for transfer'],
  18: ['Other', 'payment overflow'],
};

/** The reason of each code. */
export const haltReasons: Readonly<Record<number, HaltReason>> = Object.fromEntries(
  Object.entries(halts).map(([code, [reason]]) => [code, reason]),
);

/** geth's words for a code. */
export function haltMessage(code: number): string {
  return present(halts[code], 'The engine gives a known halt code.')[1];
}
