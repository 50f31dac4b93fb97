/**
 * Subscriptions of open channels: new heads, logs, transactions. They tell committed blocks only,
 * in order, each once: what a client was told is never taken back. On a backup that is what the
 * primary says is durable on a majority and this node has applied. Each subscription remembers the
 * next block that it has to tell, so that a slow turn loses nothing.
 */
import type { Caller, Channel } from '@coco/endpoint';
import { ethereumError } from './errors.ts';
import type { EthereumState } from './ethereum-state.ts';
import { toData } from './numbers.ts';
import type { RpcContext } from './rpc-context.ts';
import type { RpcExchange, Topic } from './rpc-exchange.ts';
import { ToldBlock } from './told-block.ts';

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
