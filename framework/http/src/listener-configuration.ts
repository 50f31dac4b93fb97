/** What an interface for clients is told. */

/** Bounds on the channels (WebSockets) of an interface. */
export interface ChannelLimits {
  /** Open at a time; each is also one of the interface's connections. */
  readonly channelsMax: number;
  /** One message of a client. */
  readonly messageBytesMax: number;
  /** What a client may leave unread before it is ended. */
  readonly unreadBytesMax: number;
  /** Messages of one channel that are under way at a time; the others wait. */
  readonly messagesAtOnceMax: number;
}

/** Where to listen, and within which limits. */
export interface ListenerConfiguration {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Connections beyond it get 503 and end. Invariant: at most `sessionsMax`. */
  readonly sessionsSoftMax: number;
  /** Connections beyond it are dropped. */
  readonly sessionsMax: number;
  readonly bodyBytesMax: number;
  readonly headerBytesMax: number;
  readonly channels: ChannelLimits;
}
