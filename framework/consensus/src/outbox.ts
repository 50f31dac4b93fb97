/** Sends Raft's messages with the bodies that they name, as far as these are in memory. */
import type { BodyStore } from './body-store.ts';
import { messageTypes } from './check-raft-message.ts';
import { decodeHandle } from './handle.ts';
import type { ReplicaLimits } from './limits.ts';
import type { LogTail } from './log-tail.ts';
import { holdsBatch } from './log-tail.ts';
import type { OutgoingMessage, RaftEntry, RaftInstance } from './raft-instance.ts';
import type { ReplicaPorts } from './replica-ports.ts';

export interface OutboxParts {
  readonly instance: RaftInstance;
  readonly tail: LogTail;
  readonly bodies: BodyStore;
  readonly limits: ReplicaLimits;
  readonly ports: ReplicaPorts;
}

export class Outbox {
  readonly #parts: OutboxParts;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** The entries of the message's Ready must be durable by now. */
  send(message: OutgoingMessage): void {
    const { to, type, bytes } = message;
    const bodies = type === messageTypes.append ? this.#bodiesFor(message.entries) : [];
    this.#parts.ports.send(to, { kind: 'raft', message: bytes, bodies });
    // A snapshot message is small and cheap to repeat, so it counts as arrived when sent: Raft
    // then probes the peer and, had it been lost, sends it again.
    if (type === messageTypes.snapshot) this.#parts.instance.reportSnapshot(to, { isSent: true });
  }

  /** The first bodies within the bound of bytes; the receiver asks for the others. */
  #bodiesFor(entries: readonly RaftEntry[]): Uint8Array[] {
    const { tail, bodies: store, limits } = this.#parts;
    const bodies: Uint8Array[] = [];
    let bytes = 0;
    for (const entry of entries) {
      if (!holdsBatch(entry)) continue;
      const handle = decodeHandle(entry.data);
      bytes += handle.bodyBytes;
      if (bytes > limits.messageBodyBytesMax) break;
      const body = tail.findBody(handle) ?? store.find(handle);
      if (body) bodies.push(body);
    }
    return bodies;
  }
}
