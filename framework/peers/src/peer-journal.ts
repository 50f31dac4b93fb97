/**
 * What operators are told of the channel to other nodes: links that come and go, once each, and
 * who was cut off, counted and told on the next beat of the journal. Strangers cannot flood a log.
 */

import type { NodeId } from '@coco/consensus';
import type { PeerEvent } from './peer-channel.ts';

/** What became of connections to other nodes. */
export type PeerReport =
  | { readonly kind: 'up'; readonly id: NodeId }
  | { readonly kind: 'lost'; readonly id: NodeId; readonly code: string }
  /** A node's own connection to here was ended, for what it did or did not do. */
  | { readonly kind: 'cut'; readonly id: NodeId; readonly code: string }
  /** Connections so far that no trusted node was behind, and the code of the last. */
  | { readonly kind: 'refused'; readonly count: number; readonly code: string };

export class PeerJournal {
  readonly #post: (report: PeerReport) => void;
  /** How each link stands, as it was told last: its code while it is down. */
  readonly #told = new Map<NodeId, string>();
  /** Peers whose connections to here ended for a reason, and the last code of each. */
  readonly #left = new Map<NodeId, string>();
  #refused = 0;
  #refusedTold = 0;
  #refusedCode = '';

  constructor(post: (report: PeerReport) => void) {
    this.#post = post;
  }

  note(event: PeerEvent): void {
    switch (event.kind) {
      case 'up':
        this.#tell(event.id, 'up');
        break;
      case 'lost':
        this.#tell(event.id, event.error.code);
        break;
      case 'left':
        // A connection that just ended says no more than the loss of the link there and back.
        if (event.error.code !== 'PeerLost') this.#left.set(event.id, event.error.code);
        break;
      case 'refused':
        this.#refused++;
        this.#refusedCode = event.error.code;
    }
  }

  /** Tells what has gathered. Call it about once a second. */
  beat(): void {
    for (const [id, code] of this.#left) this.#post({ kind: 'cut', id, code });
    this.#left.clear();
    if (this.#refused === this.#refusedTold) return;
    this.#refusedTold = this.#refused;
    this.#post({ kind: 'refused', count: this.#refused, code: this.#refusedCode });
  }

  /** Attempts that fail alike are one thing. */
  #tell(id: NodeId, state: string): void {
    if (this.#told.get(id) === state) return;
    this.#told.set(id, state);
    this.#post(state === 'up' ? { kind: 'up', id } : { kind: 'lost', id, code: state });
  }
}
