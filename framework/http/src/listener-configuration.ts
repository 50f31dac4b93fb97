/** What an interface for clients is told. */

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
}
