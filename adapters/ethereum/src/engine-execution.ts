/** The engine's result of an execution. */
import { emptyBytes, fromHex, present, unreachable } from '@coco/base';
import type { EngineReader } from './engine-reader.ts';
import type {
  AccountChange,
  EventLog,
  Execution,
  HaltReason,
  StorageChange,
} from './engine-types.ts';

const isRemoved = 1;
const isStorageReset = 2;
const hasCode = 4;

/** keccak256(''): the code hash of an account without code. */
export const emptyCodeHash: Uint8Array = fromHex(
  'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
);

/** The result of `execute`. */
export function readExecution(reader: EngineReader): Execution {
  const status = reader.u8();
  const haltCode = reader.u8();
  const isCreation = reader.u8() === 1;
  const gasUsed = reader.u64();
  const gasRefunded = reader.u64();
  const gasSpent = reader.u64();
  const created = reader.fixed(20);
  const output = reader.sized();
  const logs = reader.list(() => readLog(reader));
  const changes = reader.list(() => readChange(reader));
  reader.end();
  const common = { gasUsed, gasRefunded, gasSpent, output, logs, changes };
  switch (status) {
    case 0:
      return { status: 'success', createdAddress: isCreation ? created : undefined, ...common };
    case 1:
      return { status: 'revert', ...common };
    case 2: {
      const reason = present(haltReasons[haltCode], 'The engine gives a known halt code.');
      return { status: 'halt', reason, message: haltMessage(haltCode), ...common };
    }
    default:
      return unreachable(status as never);
  }
}

/** A log of a result or a trace. */
export function readLog(reader: EngineReader): EventLog {
  return {
    address: reader.fixed(20),
    topics: reader.list(() => reader.fixed(32)),
    data: reader.sized(),
  };
}

function readChange(reader: EngineReader): AccountChange {
  const address = reader.fixed(20);
  const flags = reader.u8();
  if ((flags & isRemoved) !== 0) return removed(address);
  return {
    address,
    isRemoved: false,
    isStorageReset: (flags & isStorageReset) !== 0,
    nonce: reader.u64(),
    balance: reader.u256(),
    codeHash: reader.fixed(32),
    code: (flags & hasCode) !== 0 ? reader.sized() : undefined,
    storage: reader.list(() => readStorageChange(reader)),
  };
}

function readStorageChange(reader: EngineReader): StorageChange {
  return { slot: reader.fixed(32), value: reader.fixed(32) };
}

function removed(address: Uint8Array): AccountChange {
  return {
    address,
    isRemoved: true,
    isStorageReset: true,
    nonce: 0n,
    balance: 0n,
    codeHash: emptyCodeHash,
    code: emptyBytes,
    storage: [],
  };
}

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
const haltReasons: Readonly<Record<number, HaltReason>> = Object.fromEntries(
  Object.entries(halts).map(([code, [reason]]) => [code, reason]),
);

/** geth's words for a code. */
export function haltMessage(code: number): string {
  return present(halts[code], 'The engine gives a known halt code.')[1];
}
