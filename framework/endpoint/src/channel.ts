/**
 * A channel: a client's connection on which both ends speak when they have something to say
 * (WebSocket, RFC 6455). Who opens one is authenticated like a request; the node asks again
 * whenever the channel is used, because a channel may outlive what its client proved.
 */
import type { AuthenticationPolicy, Caller } from './caller.ts';
import type { Call } from './endpoint.ts';

/** Codes of RFC 6455, section 7.4, with which an endpoint may end a channel. */
export type ChannelCloseCode = 1000 | 1008 | 1011 | 1013;

/** The endpoint's end of a channel. Once it has ended every call does nothing. */
export interface Channel {
  /**
   * Who is at the other end, as the ledger has it now. Undefined when what the client proved holds
   * no more: then the channel ends with 1008.
   */
  caller(): Caller | undefined;
  /**
   * One message that the client did not ask for. A client that leaves too much unread is ended with
   * 1008: it would take the memory that others need.
   */
  notify(text: string): void;
  close(code: ChannelCloseCode, reason: string): void;
}

/** What an endpoint does with an open channel. */
export interface ChannelHandler {
  /**
   * One whole message, text or bytes. Several may be under way at a time, begun in their order.
   * What it resolves with goes to the client; undefined: nothing. Refusals are answers, not thrown.
   */
  onMessage(message: Uint8Array, caller: Caller): Promise<string | undefined>;
  /** Called once, whoever ended it. */
  onClosed(): void;
}

/** What an adapter offers to clients that open a channel on a path. */
export interface ChannelEndpoint {
  /** A template, as of an Endpoint; the same path may have endpoints, too. */
  readonly path: string;
  /** Policies tried in order, each time anew. Empty: anyone. No policy that signs a body. */
  readonly authentication: readonly AuthenticationPolicy[];
  /**
   * Takes a channel, or refuses it before it is open: the client gets what is thrown as the answer
   * to its request. The function that it returns is called once, with the open channel.
   * @throws LedgerError
   */
  accept(call: Call): (channel: Channel) => ChannelHandler;
}
