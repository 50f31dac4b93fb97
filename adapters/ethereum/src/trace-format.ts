/**
 * Traces as geth's tracers show them (eth/tracers/native, eth/tracers/logger): callTracer, the
 * struct logger, 4byteTracer and prestateTracer.
 */
import { type JsonValue, toHex } from '@coco/base';
import { emptyCodeHash } from './engine-execution.ts';
import type { StateSource } from './engine-types.ts';
import { isZero, toData, toQuantity } from './numbers.ts';
import { opcodeName } from './opcode-names.ts';
import { revertReason } from './revert-reason.ts';
import { isEmptyAccount } from './state-overrides.ts';
import type { Trace, TracedAccount, TracedFrame, TracedMoment, TracedStep } from './trace-types.ts';
import type { CallTracerConfig, PrestateConfig } from './tracer-config.ts';

type JsonObject = { readonly [key: string]: JsonValue };

/** What the outermost frame has of its transaction. */
export interface TransactionGas {
  readonly gasLimit: bigint;
  readonly gasUsed: bigint;
}

/** callTracer. */
export function callTraceJson(
  frame: TracedFrame,
  config: CallTracerConfig,
  outermost?: TransactionGas,
): JsonObject {
  return frameJson(frame, config, { outermost, isKept: frame.error === undefined });
}

function frameJson(
  frame: TracedFrame,
  config: CallTracerConfig,
  place: {
    readonly outermost?: TransactionGas | undefined;
    /** Neither the frame nor one around it failed: what it logged stands. */
    readonly isKept: boolean;
  },
): JsonObject {
  const { outermost, isKept } = place;
  const { kind, from, to, value, gas, gasUsed, input, error, calls, logs } = frame;
  const inner = config.onlyTopCall ? [] : calls;
  const hasValue = kind !== 'STATICCALL';
  return {
    from: toData(from),
    gas: toQuantity(outermost?.gasLimit ?? gas),
    gasUsed: toQuantity(outermost?.gasUsed ?? gasUsed),
    ...(to ? { to: toData(to) } : {}),
    input: toData(input),
    ...outputFields(frame),
    ...(error === undefined ? {} : { error }),
    ...(inner.length === 0
      ? {}
      : {
          calls: inner.map((call) =>
            frameJson(call, config, { isKept: isKept && call.error === undefined }),
          ),
        }),
    ...(config.withLog && isKept && logs.length > 0
      ? {
          logs: logs.map(({ log, position, index }) => ({
            address: toData(log.address),
            topics: log.topics.map(toData),
            data: toData(log.data),
            index: toQuantity(index),
            position: toQuantity(position),
          })),
        }
      : {}),
    ...(hasValue ? { value: toQuantity(value) } : {}),
    type: kind,
  };
}

/** After a failure only a revert has an output. */
function outputFields({ output, error }: TracedFrame): JsonObject {
  if (output.length === 0) return {};
  if (error === undefined) return { output: toData(output) };
  if (error !== 'execution reverted') return {};
  const reason = revertReason(output);
  return reason === undefined
    ? { output: toData(output) }
    : { output: toData(output), revertReason: reason };
}

/** The struct logger, which is used where no tracer is named. */
export function structTraceJson({ execution, steps }: Trace): JsonObject {
  const hasOutput = execution.status !== 'halt';
  const storages: Map<string, string>[] = [];
  return {
    gas: Number(execution.gasUsed),
    failed: execution.status !== 'success',
    returnValue: hasOutput ? toData(execution.output) : '0x',
    structLogs: steps.map((step) => stepJson(step, storages)),
  };
}

/** @param storages what each open frame has read and written so far, by depth */
function stepJson(step: TracedStep, storages: Map<string, string>[]): JsonObject {
  const { pc, opcode, gas, gasCost, depth, refund, error, stack, memory, returnData } = step;
  storages.length = Math.min(storages.length, depth);
  while (storages.length < depth) storages.push(new Map());
  const storage = storages[depth - 1];
  if (step.slot) storage?.set(toHex(step.slot.key), toHex(step.slot.value));
  return {
    pc,
    op: opcodeName(opcode),
    gas: Number(gas),
    gasCost: Number(gasCost),
    depth,
    ...(refund === 0n ? {} : { refund: Number(refund) }),
    ...(error === undefined ? {} : { error }),
    stack: stack.map(toQuantity),
    ...(memory.length === 0 ? {} : { memory: wordsOf(memory) }),
    ...(returnData.length === 0 ? {} : { returnData: toData(returnData) }),
    ...(step.slot && storage ? { storage: Object.fromEntries(storage) } : {}),
  };
}

function wordsOf(memory: Uint8Array): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at + 32 <= memory.length; at += 32) {
    words.push(toHex(memory.subarray(at, at + 32)));
  }
  return words;
}

/** 4byteTracer: how often each selector was called with so many bytes of arguments. */
export function selectorTraceJson(frame: TracedFrame): JsonObject {
  const counts = new Map<string, number>();
  const visit = ({ kind, input, to, calls }: TracedFrame): void => {
    if (kind !== 'CREATE' && kind !== 'CREATE2' && input.length >= 4 && !isPrecompile(to)) {
      const key = `${toData(input.subarray(0, 4))}-${input.length - 4}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    calls.forEach(visit);
  };
  visit(frame);
  return Object.fromEntries(counts);
}

/** Precompiles of Osaka: 1 to 17, and 256 (EIP-7951). */
export function isPrecompile(address: Uint8Array | undefined): boolean {
  if (!address || address.subarray(0, 18).some((byte) => byte !== 0)) return false;
  const number = ((address[18] ?? 0) << 8) | (address[19] ?? 0);
  return (number >= 1 && number <= 0x11) || number === 0x100;
}

const hasCode = (codeHash: Uint8Array): boolean => toHex(codeHash) !== toHex(emptyCodeHash);

/** @param source the state before the transaction: it has the codes of that time */
export function prestateJson(
  trace: Trace,
  config: PrestateConfig,
  source: Pick<StateSource, 'getCode'>,
): JsonObject {
  const codes = new Map(
    trace.execution.changes.flatMap(({ code, codeHash }) =>
      code ? [[toHex(codeHash), code] as const] : [],
    ),
  );
  const codeOf = (hash: Uint8Array): Uint8Array => codes.get(toHex(hash)) ?? source.getCode(hash);
  const wish = { ...config, codeOf };
  return config.diffMode ? diffJson(trace.accounts, wish) : beforeJson(trace.accounts, wish);
}

interface Wish extends PrestateConfig {
  readonly codeOf: (hash: Uint8Array) => Uint8Array;
}

function beforeJson(accounts: readonly TracedAccount[], wish: Wish): JsonObject {
  const shown = accounts.filter(
    ({ existed, before }) => wish.includeEmpty || (existed && !isEmptyAccount(before)),
  );
  return Object.fromEntries(
    shown.map(({ address, before, slots }) => [
      toData(address),
      { ...momentJson(before, wish), ...storageJson(slots, 'before', wish) },
    ]),
  );
}

function momentJson({ nonce, balance, codeHash }: TracedMoment, wish: Wish): JsonObject {
  const isShown = hasCode(codeHash) && !wish.disableCode;
  return {
    balance: toQuantity(balance),
    ...(isShown ? { code: toData(wish.codeOf(codeHash)), codeHash: toData(codeHash) } : {}),
    ...(nonce === 0n ? {} : { nonce: Number(nonce) }),
  };
}

function storageJson(
  slots: TracedAccount['slots'],
  moment: 'before' | 'after',
  { disableStorage }: Wish,
): JsonObject {
  if (disableStorage || slots.length === 0) return {};
  const rows = slots.map((slot) => [toData(slot.key), toData(slot[moment])] as const);
  return { storage: Object.fromEntries(rows) };
}

function diffJson(accounts: readonly TracedAccount[], wish: Wish): JsonObject {
  const pre: { [address: string]: JsonValue } = {};
  const post: { [address: string]: JsonValue } = {};
  for (const account of accounts) {
    const changes = changesOf(account, wish);
    const isRemoved = account.isGone && account.existed;
    if (Object.keys(changes).length === 0 && !isRemoved) continue;
    const address = toData(account.address);
    const { before, existed } = account;
    if (wish.includeEmpty || (existed && !isEmptyAccount(before))) {
      const changed = account.slots.filter(
        (slot) => toHex(slot.before) !== toHex(slot.after) && !isZero(slot.before),
      );
      pre[address] = { ...momentJson(before, wish), ...storageJson(changed, 'before', wish) };
    }
    if (!account.isGone) post[address] = changes;
  }
  return { pre, post };
}

/** What of an account is another afterwards, as it is then. */
function changesOf({ before, after, slots, isGone }: TracedAccount, wish: Wish): JsonObject {
  if (isGone) return {};
  const changed = slots.filter((slot) => toHex(slot.before) !== toHex(slot.after));
  const written = changed.filter((slot) => !isZero(slot.after));
  const hasNewCode = toHex(before.codeHash) !== toHex(after.codeHash) && !wish.disableCode;
  const isCleared = changed.length > 0 && written.length === 0 && !wish.disableStorage;
  return {
    ...(before.balance === after.balance ? {} : { balance: toQuantity(after.balance) }),
    ...(hasNewCode
      ? { code: toData(wish.codeOf(after.codeHash)), codeHash: toData(after.codeHash) }
      : {}),
    ...(before.nonce === after.nonce ? {} : { nonce: Number(after.nonce) }),
    ...(isCleared ? { storage: {} } : storageJson(written, 'after', wish)),
  };
}
