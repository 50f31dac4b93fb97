/**
 * JSON-RPC 2.0 (jsonrpc.org/specification) over bytes: single calls, batches and notifications,
 * with limits, and with geth's codes and words. It knows no method; a table gives them.
 */
import {
  type Clock,
  emptyBytes,
  isJsonObject,
  type JsonValue,
  LedgerError,
  type Log,
  parseJson,
  utf8Encode,
} from '@coco/base';
import type { Caller } from '@coco/endpoint';
import { ethereumError } from './errors.ts';
import type { LogFilter } from './log-filter.ts';
import { RpcParameters } from './rpc-parameters.ts';

/**
 * An error that is made of JSON-RPC's parts: it carries data for the caller (revert data), or comes
 * from another node. Others are thrown LedgerErrors.
 */
export class RpcFailure {
  readonly code: number;
  readonly message: string;
  readonly data: string | undefined;

  constructor(code: number, message: string, data?: string) {
    this.code = code;
    this.message = message;
    this.data = data;
  }
}

export type RpcAnswer = JsonValue | RpcFailure;

/** A method; `handle` reads one state, or answers when a commit is decided. */
export interface RpcMethod {
  /** Parameters that must be there, and the most there may be. */
  readonly arity: readonly [required: number, most: number];
  /**
   * Whether it waits for others and may do so beside its neighbours of one body: these are begun in
   * their order, without waiting for each other's answers.
   */
  overlaps?(): boolean;
  /** Begins work off this thread for all calls of a body together, before the first is handled. */
  prepare?(parameters: RpcParameters): Promise<unknown>;
  handle(
    parameters: RpcParameters,
    caller: Caller,
    prepared: Promise<unknown> | undefined,
    /** Undefined where nothing can be told later: over HTTP. */
    exchange: RpcExchange | undefined,
  ): RpcAnswer | Promise<RpcAnswer>;
}

export interface JsonRpcLimits {
  readonly bodyBytesMax: number;
  readonly bodyDepthMax: number;
  readonly batchCallsMax: number;
  readonly responseBytesMax: number;
  readonly batchMsMax: number;
}

/** Characters of an unknown method's name that an error repeats. */
const methodNameShown = 64;

type Id = string | number | null;

interface ParsedCall {
  /** `undefined` for a notification. */
  readonly id: Id | undefined;
  readonly method: RpcMethod;
  readonly parameters: RpcParameters;
  readonly prepared: Promise<unknown> | undefined;
}

interface FailedCall {
  readonly id: Id | undefined;
  readonly error: unknown;
}

/** JSON-RPC error codes by our own; what is not listed is -32000, as in geth. */
const codes: Readonly<Record<string, number>> = {
  JsonRpcParseError: -32700,
  JsonRpcInvalidRequest: -32600,
  JsonRpcMethodNotFound: -32601,
  JsonRpcInvalidParameters: -32602,
  InvalidBlockRange: -32602,
  JsonRpcTimeout: -32002,
  JsonRpcResponseTooLarge: -32003,
  LogQueryTooLarge: -32005,
  SubscriptionsUnsupported: -32601,
  SubscriptionUnknown: -32601,
  MethodRefused: -32601,
  TooManyCalls: -32005,
  TooManySubscriptions: -32005,
  TooManyPendingTransactions: -32005,
};

/** JSON-RPC's code of an error of ours. */
export function rpcCodeOf(code: string): number {
  return codes[code] ?? -32000;
}

/** After so long in one batch others get a turn on the thread. */
const turnMsMax = 20;

export class JsonRpc {
  readonly #methods: Pick<ReadonlyMap<string, RpcMethod>, 'get'>;
  readonly #limits: JsonRpcLimits;
  readonly #clock: Clock;
  readonly #log: Log;

  constructor(
    methods: Pick<ReadonlyMap<string, RpcMethod>, 'get'>,
    limits: JsonRpcLimits,
    ports: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#methods = methods;
    this.#limits = limits;
    this.#clock = ports.clock;
    this.#log = ports.log;
  }

  /** Answers a body; empty when it held notifications only. Refusals are answers, never thrown. */
  async answer(body: Uint8Array, caller: Caller): Promise<Uint8Array> {
    const text = await this.answerText(body, caller, undefined);
    return text === '' ? emptyBytes : utf8Encode(text);
  }

  /** The same as text; `exchange` takes subscriptions. */
  async answerText(
    body: Uint8Array,
    caller: Caller,
    exchange: RpcExchange | undefined,
  ): Promise<string> {
    let value: JsonValue;
    try {
      const { bodyBytesMax, bodyDepthMax } = this.#limits;
      value = parseJson(body, { bytesMax: bodyBytesMax, depthMax: bodyDepthMax });
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      const text = cause.code === 'InvalidInput' ? 'parse error' : `parse error: ${cause.message}`;
      const error = ethereumError('JsonRpcParseError', text, { cause: cause.code });
      return this.#failure(null, error);
    }
    if (!Array.isArray(value)) {
      return (await this.#one(this.#parse(value), caller, exchange)) ?? '';
    }
    return this.#batch(value as readonly JsonValue[], caller, exchange);
  }

  async #batch(
    values: readonly JsonValue[],
    caller: Caller,
    exchange: RpcExchange | undefined,
  ): Promise<string> {
    const { batchCallsMax } = this.#limits;
    if (values.length === 0 || values.length > batchCallsMax) {
      const text =
        values.length === 0 ? 'empty batch' : `batch too large: at most ${batchCallsMax} calls`;
      const error = ethereumError('JsonRpcInvalidRequest', text, { batchCallsMax });
      return this.#failure(null, error);
    }
    const texts = await this.#inTurn(
      values.map((value) => this.#parse(value)),
      caller,
      exchange,
    );
    return texts.length === 0 ? '' : `[${texts.join(',')}]`;
  }

  /** One after another, but for what may overlap: a call sees what the calls before it wrote. */
  async #inTurn(
    calls: readonly (ParsedCall | FailedCall)[],
    caller: Caller,
    exchange: RpcExchange | undefined,
  ): Promise<readonly string[]> {
    const { responseBytesMax, batchMsMax } = this.#limits;
    const texts: string[] = [];
    let length = 0;
    const deadlineMs = this.#clock.monotonicMs() + batchMsMax;
    let turnEndsMs = this.#clock.monotonicMs() + turnMsMax;
    for (const group of groupsOf(calls)) {
      const nowMs = this.#clock.monotonicMs();
      if (nowMs > deadlineMs) {
        const error = ethereumError('JsonRpcTimeout', `request timed out after ${batchMsMax} ms`);
        const answered = group.flatMap(({ id }) => (id === undefined ? [] : [id]));
        texts.push(...answered.map((id) => this.#failure(id, error)));
        continue;
      }
      if (nowMs > turnEndsMs) {
        await new Promise<void>((resolve) => this.#clock.setTimer(0, resolve));
        turnEndsMs = this.#clock.monotonicMs() + turnMsMax;
      }
      const answers = await Promise.all(group.map((call) => this.#one(call, caller, exchange)));
      for (const [at, text] of answers.entries()) {
        if (text === undefined) continue;
        length += text.length + 1;
        if (length > responseBytesMax) {
          const error = responseTooLarge(responseBytesMax);
          texts.push(this.#failure(group[at]?.id ?? null, error));
          return texts;
        }
        texts.push(text);
      }
    }
    return texts;
  }

  #parse(value: JsonValue): ParsedCall | FailedCall {
    const id = idOf(value);
    const isRequest =
      isJsonObject(value) &&
      value.jsonrpc === '2.0' &&
      typeof value.method === 'string' &&
      (value.id === undefined || id !== undefined);
    if (!isRequest) {
      const error = ethereumError('JsonRpcInvalidRequest', 'invalid request');
      return { id: id ?? null, error };
    }
    try {
      const method = this.#method(String(value.method));
      const parameters = new RpcParameters(value.params, method.arity);
      const prepared = method.prepare?.(parameters);
      // Whoever handles the call awaits it; until then its failure is not an unhandled one.
      prepared?.catch(() => {});
      return { id, method, parameters, prepared };
    } catch (error) {
      return { id, error };
    }
  }

  /** @throws JsonRpcMethodNotFound */
  #method(name: string): RpcMethod {
    const method = this.#methods.get(name);
    if (method) return method;
    // The name is cut so that an answer is not larger than its question.
    const shown = name.slice(0, methodNameShown);
    throw ethereumError(
      'JsonRpcMethodNotFound',
      `the method ${shown} does not exist/is not available`,
    );
  }

  async #one(
    call: ParsedCall | FailedCall,
    caller: Caller,
    exchange: RpcExchange | undefined,
  ): Promise<string | undefined> {
    try {
      if ('error' in call) throw call.error;
      const { method, parameters, prepared } = call;
      const answer = await method.handle(parameters, caller, prepared, exchange);
      if (call.id === undefined) return undefined;
      if (answer instanceof RpcFailure) return errorText(call.id, answer);
      const text = `{"jsonrpc":"2.0","id":${JSON.stringify(call.id)},"result":${JSON.stringify(answer)}}`;
      if (text.length > this.#limits.responseBytesMax) {
        throw responseTooLarge(this.#limits.responseBytesMax);
      }
      return text;
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      const text = this.#failure(call.id ?? null, error);
      return call.id === undefined ? undefined : text;
    }
  }

  #failure(id: Id, error: LedgerError): string {
    this.#log.write('debug', 'ethereum_call_refused', { code: error.code });
    return errorText(id, { code: rpcCodeOf(error.code), message: error.message });
  }
}

/** Neighbours that overlap are a group; every other call is one of its own. */
function* groupsOf(
  calls: readonly (ParsedCall | FailedCall)[],
): Iterable<readonly (ParsedCall | FailedCall)[]> {
  let group: (ParsedCall | FailedCall)[] = [];
  for (const call of calls) {
    const overlaps = 'method' in call && call.method.overlaps?.() === true;
    if (!overlaps && group.length > 0) {
      yield group;
      group = [];
    }
    if (overlaps) group.push(call);
    else yield [call];
  }
  if (group.length > 0) yield group;
}

function responseTooLarge(bytesMax: number): LedgerError {
  return ethereumError('JsonRpcResponseTooLarge', `response too large: at most ${bytesMax} bytes`);
}

function idOf(value: JsonValue): Id | undefined {
  const id = isJsonObject(value) ? value.id : undefined;
  return typeof id === 'string' || typeof id === 'number' || id === null ? id : undefined;
}

function errorText(
  id: Id,
  error: { readonly code: number; readonly message: string; readonly data?: string | undefined },
): string {
  const { code, message, data } = error;
  const body = data === undefined ? { code, message } : { code, message, data };
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"error":${JSON.stringify(body)}}`;
}

/** What a subscription tells of each block. */
export type Topic =
  | { readonly kind: 'newHeads' | 'syncing' }
  | { readonly kind: 'logs'; readonly filter: LogFilter }
  | { readonly kind: 'newPendingTransactions'; readonly isFull: boolean };

/** One message of a client: what it subscribes to is told once the message is answered. */
export interface RpcExchange {
  /** @throws TooManySubscriptions */
  subscribe(topic: Topic): string;
  /** False when this connection has no such subscription. */
  unsubscribe(id: string): boolean;
}
