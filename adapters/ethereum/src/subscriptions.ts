/**
 * Subscriptions of open channels: new heads, logs, transactions. They tell committed blocks only,
 * in order, each once: what a client was told is never taken back. On a backup that is what the
 * primary says is durable on a majority and this node has applied. Each subscription remembers the
 * next block that it has to tell, so that a slow turn loses nothing.
 */

import { isJsonObject, present } from '@coco/base';
import type { Caller, Channel } from '@coco/endpoint';
import { ethereumError } from './errors.ts';
import type { EthereumState, NumberedBlock } from './ethereum-state.ts';
import type { RpcExchange, Topic } from './json-rpc.ts';
import { type LogFilter, parseLogQuery } from './log-filter.ts';
import { toData } from './numbers.ts';
import { locateInBlock, type MethodTable, type RpcContext } from './rpc-context.ts';
import { headJson, transactionJson } from './rpc-format.ts';
import { logsOf } from './rpc-log-methods.ts';
import { invalid, type RpcParameters } from './rpc-parameters.ts';

interface Subscription {
  readonly id: string;
  readonly topic: Topic;
  readonly channel: Channel;
  /** The first block that was not told. */
  nextBlock: bigint;
  /** Whether its client has its id. */
  isActive: boolean;
}

const idBytes = 16;
/** After so long others get a turn on the thread. */
const turnMsMax = 10;

export class Subscriptions {
  readonly #context: RpcContext;
  readonly #all = new Map<string, Subscription>();
  #cancelPump: (() => void) | undefined;
  #isStopped = false;

  constructor(context: RpcContext) {
    this.#context = context;
  }

  get perChannelMax(): number {
    return this.#context.settings.limits.subscriptionsPerChannelMax;
  }

  open(channel: Channel): Subscriber {
    return new Subscriber(this, channel);
  }

  /** Blocks may have been committed. */
  committed(): void {
    if (this.#all.size > 0) this.#pumpSoon();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelPump?.();
    this.#cancelPump = undefined;
  }

  /** @throws TooManySubscriptions */
  add(topic: Topic, channel: Channel): string {
    const { host, reader, settings } = this.#context;
    if (this.#all.size >= settings.limits.subscriptionsMax) {
      throw ethereumError('TooManySubscriptions', 'too many subscriptions on this node');
    }
    const id = toData(host.random.bytes(idBytes));
    const nextBlock = reader.committed().headNumber() + 1n;
    this.#all.set(id, { id, topic, channel, nextBlock, isActive: false });
    return id;
  }

  activate(id: string): void {
    const subscription = this.#all.get(id);
    if (!subscription) return;
    subscription.isActive = true;
    this.#pumpSoon();
  }

  remove(id: string): void {
    this.#all.delete(id);
  }

  #pumpSoon(): void {
    if (this.#isStopped || this.#cancelPump) return;
    // Outside the step that commits, and after the answer that is on its way.
    this.#cancelPump = this.#context.host.clock.setTimer(0, () => {
      this.#cancelPump = undefined;
      this.#pump();
    });
  }

  /** Tells what is to be told, block by block, as far as the turn lasts. */
  #pump(): void {
    const { host, reader } = this.#context;
    const state = reader.committed();
    const head = state.headNumber();
    const turnEndsMs = host.clock.monotonicMs() + turnMsMax;
    for (let number = this.#lowest(head); number !== undefined; number = this.#lowest(head)) {
      if (!this.#tellBlock(state, number, turnEndsMs)) {
        this.#pumpSoon();
        return;
      }
    }
  }

  /** The lowest block that some subscription has to tell. */
  #lowest(head: bigint): bigint | undefined {
    let lowest: bigint | undefined;
    for (const { isActive, nextBlock } of this.#all.values()) {
      if (!isActive || nextBlock > head) continue;
      if (lowest === undefined || nextBlock < lowest) lowest = nextBlock;
    }
    return lowest;
  }

  /** False when the turn ended before all were told. */
  #tellBlock(state: EthereumState, number: bigint, turnEndsMs: number): boolean {
    const { clock } = this.#context.host;
    const told = new ToldBlock(this.#context, state, number);
    const callers = new Map<Channel, Caller | undefined>();
    for (const subscription of this.#all.values()) {
      const { id, channel, topic, isActive, nextBlock } = subscription;
      if (!isActive || nextBlock !== number) continue;
      if (clock.monotonicMs() > turnEndsMs) return false;
      subscription.nextBlock = number + 1n;
      if (!callers.has(channel)) callers.set(channel, channel.caller());
      const caller = callers.get(channel);
      if (!caller) continue;
      for (const result of told.results(topic, caller)) channel.notify(notification(id, result));
    }
    return true;
  }
}

function notification(id: string, result: string): string {
  const begin = '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":';
  return `${begin}${JSON.stringify(id)},"result":${result}}}`;
}

/** The subscriptions of one channel; they end with it. */
class Subscriber {
  readonly #owner: Subscriptions;
  readonly #channel: Channel;
  readonly #ids = new Set<string>();
  #isClosed = false;

  constructor(owner: Subscriptions, channel: Channel) {
    this.#owner = owner;
    this.#channel = channel;
  }

  /** A message of the client is taken up. */
  begin(): RpcExchange & { end(): void } {
    return new SubscriberExchange(this);
  }

  /** @throws TooManySubscriptions */
  add(topic: Topic): string {
    const perChannelMax = this.#owner.perChannelMax;
    if (this.#isClosed || this.#ids.size >= perChannelMax) {
      throw ethereumError(
        'TooManySubscriptions',
        `too many subscriptions: at most ${perChannelMax} on a connection`,
      );
    }
    const id = this.#owner.add(topic, this.#channel);
    this.#ids.add(id);
    return id;
  }

  activate(id: string): void {
    this.#owner.activate(id);
  }

  remove(id: string): boolean {
    if (!this.#ids.delete(id)) return false;
    this.#owner.remove(id);
    return true;
  }

  close(): void {
    this.#isClosed = true;
    for (const id of this.#ids) this.#owner.remove(id);
    this.#ids.clear();
  }
}

/** One message of a client: what it subscribes to is told once it is answered. */
class SubscriberExchange implements RpcExchange {
  readonly #subscriber: Subscriber;
  readonly #added: string[] = [];

  constructor(subscriber: Subscriber) {
    this.#subscriber = subscriber;
  }

  /** @throws TooManySubscriptions */
  subscribe(topic: Topic): string {
    const id = this.#subscriber.add(topic);
    this.#added.push(id);
    return id;
  }

  unsubscribe(id: string): boolean {
    return this.#subscriber.remove(id);
  }

  end(): void {
    for (const id of this.#added) this.#subscriber.activate(id);
  }
}

class ToldBlock {
  readonly #context: RpcContext;
  readonly #state: EthereumState;
  readonly #block: NumberedBlock;
  #head: string | undefined;

  constructor(context: RpcContext, state: EthereumState, number: bigint) {
    this.#context = context;
    this.#state = state;
    this.#block = present(state.block(number), 'there are no gaps between blocks');
  }

  /** What a caller is told of the block, as JSON, one text a notification. */
  results(topic: Topic, caller: Caller): readonly string[] {
    if (!this.#context.visible(caller, { kind: 'block', parties: [] })) return [];
    switch (topic.kind) {
      case 'newHeads':
        this.#head ??= JSON.stringify(headJson(this.#block));
        return [this.#head];
      case 'logs':
        return this.#logs(topic.filter, caller);
      case 'newPendingTransactions':
        return topic.isFull ? this.#transactions(caller) : this.#hashes();
      // A node that serves has caught up; there is never anything to tell.
      case 'syncing':
        return [];
    }
  }

  #logs(filter: LogFilter, caller: Caller): readonly string[] {
    const block = this.#block;
    if (!filter.mayMatch(block.logsBloom)) return [];
    const place = { state: this.#state, block, filter };
    return block.transactionHashes
      .flatMap((hash) => logsOf(this.#context, caller, { ...place, hash }))
      .map((log) => JSON.stringify(log));
  }

  #hashes(): readonly string[] {
    return this.#block.transactionHashes.map((hash) => JSON.stringify(toData(hash)));
  }

  #transactions(caller: Caller): readonly string[] {
    const place = { state: this.#state, block: this.#block };
    return this.#block.transactionHashes.flatMap((hash) => {
      const located = locateInBlock(this.#context, caller, { ...place, hash }, 'transaction');
      return located ? [JSON.stringify(transactionJson(located))] : [];
    });
  }
}

/** Characters of an unknown name that an error repeats. */
const nameShown = 64;

export function subscriptionMethods(context: RpcContext): MethodTable {
  return [
    [
      'eth_subscribe',
      {
        arity: [0, 2],
        handle: (parameters, _caller, _prepared, exchange) => {
          if (!exchange) {
            throw ethereumError('SubscriptionsUnsupported', 'notifications not supported');
          }
          return exchange.subscribe(topicOf(context, parameters));
        },
      },
    ],
    [
      'eth_unsubscribe',
      {
        arity: [1, 1],
        handle: (parameters, _caller, _prepared, exchange) => {
          const id = parameters.at(0);
          if (typeof id !== 'string') throw invalid('invalid argument 0: not a string');
          if (exchange?.unsubscribe(id)) return true;
          throw ethereumError('SubscriptionNotFound', 'subscription not found');
        },
      },
    ],
  ];
}

/** @throws SubscriptionUnknown, JsonRpcInvalidParameters */
function topicOf({ engine }: RpcContext, parameters: RpcParameters): Topic {
  const name = parameters.at(0);
  if (typeof name !== 'string') throw invalid('expected subscription name as first argument');
  switch (name) {
    case 'newHeads':
    case 'syncing':
      return { kind: name };
    case 'logs': {
      const wish = parameters.at(1) ?? {};
      if (!isJsonObject(wish)) throw invalid('invalid argument 1: not an object');
      const query = parseLogQuery(wish, (bytes) => engine.keccak256(bytes));
      return { kind: name, filter: query.filter };
    }
    case 'newPendingTransactions':
      return { kind: name, isFull: parameters.boolean(1) };
    default:
      throw ethereumError(
        'SubscriptionUnknown',
        `no "${name.slice(0, nameShown)}" subscription in eth namespace`,
      );
  }
}
