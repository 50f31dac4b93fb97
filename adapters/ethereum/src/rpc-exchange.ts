/** What a method may do with the connection that a call came on, where both ends can speak. */
import type { LogFilter } from './log-filter.ts';

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
