/** The engine's record of an execution, and the wish for it (docs/formats/engine-abi.md). */
import { assert, present } from '@coco/base';
import { engineError } from './engine-errors.ts';
import { haltMessage, readExecution, readLog } from './engine-execution.ts';
import type { EngineReader } from './engine-reader.ts';
import type { EngineWriter } from './engine-writer.ts';
import type {
  FrameKind,
  Trace,
  TracedAccount,
  TracedFrame,
  TracedMoment,
  TracedStep,
  TraceWish,
} from './trace-types.ts';

const flags = { frames: 1, steps: 2, accounts: 4, stack: 8, memory: 16, storage: 32, data: 64 };
const events = { enter: 1, leave: 2, log: 3, destroy: 4 };
const states = { existed: 1, isCreated: 2, isGone: 4 };
const revertStatus = 1;
const haltStatus = 2;
/** Halts before the frame began: nothing of its gas is used. */
const unbegun: ReadonlySet<number> = new Set([16, 17]);

const kinds: Readonly<Record<number, FrameKind>> = {
  240: 'CREATE',
  241: 'CALL',
  242: 'CALLCODE',
  244: 'DELEGATECALL',
  245: 'CREATE2',
  250: 'STATICCALL',
};

export function writeWish(writer: EngineWriter, wish: TraceWish): void {
  const { frames, steps, accounts, bytesMax } = wish;
  const flag = (isSet: boolean | undefined, value: number): number => (isSet ? value : 0);
  writer.u8(
    flag(frames, flags.frames) |
      flag(steps !== undefined, flags.steps) |
      flag(accounts, flags.accounts) |
      flag(steps?.stack, flags.stack) |
      flag(steps?.memory, flags.memory) |
      flag(steps?.storage, flags.storage) |
      flag(steps?.returnData, flags.data),
  );
  writer.u32(steps?.countMax ?? 0);
  writer.u32(bytesMax);
}

/** @throws TraceTooLarge */
export function readTrace(reader: EngineReader, wish: TraceWish): Trace {
  const execution = readExecution(reader.part());
  if (reader.u8() === 1) {
    throw engineError('TraceTooLarge', `trace too large: at most ${wish.bytesMax} bytes`, {
      bytesMax: wish.bytesMax,
    });
  }
  const frame = readFrames(reader);
  const steps = reader.list(() => readStep(reader));
  const accounts = wish.accounts ? reader.list(() => readAccount(reader)) : [];
  reader.end();
  return { execution, frame, steps, accounts };
}

function readFrames(reader: EngineReader): TracedFrame | undefined {
  const open: TracedFrame[] = [];
  let outermost: TracedFrame | undefined;
  let logCount = 0;
  for (let left = reader.u32(); left > 0; left--) {
    const event = reader.u8();
    const parent = open.at(-1);
    if (event === events.enter) {
      const frame = readEntered(reader);
      parent?.calls.push(frame);
      outermost ??= frame;
      open.push(frame);
      continue;
    }
    const frame = present(parent, 'an event happens within a frame');
    if (event === events.leave) {
      readLeft(reader, frame);
      open.pop();
    } else if (event === events.log) {
      const position = frame.calls.length;
      frame.logs.push({ log: readLog(reader), position, index: logCount++ });
    } else {
      assert(event === events.destroy, 'the engine records known events');
      frame.calls.push(readDestroyed(reader));
    }
  }
  return outermost;
}

function readEntered(reader: EngineReader): TracedFrame {
  const kind = present(kinds[reader.u8()], 'the engine names a frame by its instruction');
  const from = reader.fixed(20);
  const to = reader.fixed(20);
  const value = reader.u256();
  const gas = reader.u64();
  const input = reader.sized();
  const isCreation = kind === 'CREATE' || kind === 'CREATE2';
  return {
    ...{ kind, from, to: isCreation ? undefined : to, value, gas, input },
    ...{ gasUsed: 0n, output: new Uint8Array(0), error: undefined, calls: [], logs: [] },
  };
}

function readLeft(reader: EngineReader, frame: TracedFrame): void {
  const status = reader.u8();
  const reason = reader.u8();
  const spent = reader.u64();
  const created = reader.fixed(20);
  frame.output = reader.sized();
  frame.gasUsed = status === haltStatus && !unbegun.has(reason) ? frame.gas : spent;
  frame.error = errorOf(status, reason);
  const isCreation = frame.kind === 'CREATE' || frame.kind === 'CREATE2';
  if (isCreation && status === 0) frame.to = created;
}

function errorOf(status: number, reason: number): string | undefined {
  if (status === revertStatus) return 'execution reverted';
  return status === haltStatus ? haltMessage(reason) : undefined;
}

function readDestroyed(reader: EngineReader): TracedFrame {
  const from = reader.fixed(20);
  const to = reader.fixed(20);
  const value = reader.u256();
  const empty = new Uint8Array(0);
  return {
    ...{ kind: 'SELFDESTRUCT', from, to, value, gas: 0n, gasUsed: 0n, input: empty },
    ...{ output: empty, error: undefined, calls: [], logs: [] },
  };
}

function readStep(reader: EngineReader): TracedStep {
  const pc = reader.u32();
  const opcode = reader.u8();
  const gas = reader.u64();
  const depth = reader.u32();
  const refund = reader.u64();
  const stack = reader.list(() => reader.u256());
  const memory = reader.sized();
  const returnData = reader.sized();
  const gasCost = reader.u64();
  const status = reader.u8();
  // A revert ends its frame as it was asked to: only a halt is the instruction's error.
  const reason = reader.u8();
  const error = status === haltStatus ? haltMessage(reason) : undefined;
  const slot = reader.u8() === 1 ? { key: reader.fixed(32), value: reader.fixed(32) } : undefined;
  return { pc, opcode, gas, gasCost, depth, refund, stack, memory, returnData, error, slot };
}

function readAccount(reader: EngineReader): TracedAccount {
  const address = reader.fixed(20);
  const state = reader.u8();
  const before = readMoment(reader);
  const after = readMoment(reader);
  const slots = reader.list(() => ({
    key: reader.fixed(32),
    before: reader.fixed(32),
    after: reader.fixed(32),
  }));
  return {
    address,
    existed: (state & states.existed) !== 0,
    isCreated: (state & states.isCreated) !== 0,
    isGone: (state & states.isGone) !== 0,
    before,
    after,
    slots,
  };
}

function readMoment(reader: EngineReader): TracedMoment {
  return { nonce: reader.u64(), balance: reader.u256(), codeHash: reader.fixed(32) };
}
