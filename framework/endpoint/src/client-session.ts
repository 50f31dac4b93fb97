/**
 * What a node remembers of one client's connection (CCF: its session), so that a client that sees
 * its own writes never loses sight of them unawares: the view of its first request, and whether a
 * request of it went to the primary. The listener makes one for each connection.
 */
import type { View } from '@coco/base';
import { endpointError } from './errors.ts';

export class ClientSession {
  #view: View | undefined;
  #isForwarded = false;

  /** The view that the session is bound to; undefined before its first request. */
  get view(): View | undefined {
    return this.#view;
  }

  /** Whether the primary answered a request of it: later reads then go there, too. */
  get isForwarded(): boolean {
    return this.#isForwarded;
  }

  /**
   * A request is about to be answered in `view`. In another view than the session's first, what the
   * client saw before may be gone.
   * @throws SessionConsistencyLost
   */
  enter(view: View): void {
    this.#view ??= view;
    if (view === this.#view) return;
    throw endpointError(
      'SessionConsistencyLost',
      'The service has another primary than when this connection began: what was read or written on it may be lost. Nothing was carried out; connect anew.',
      { began: this.#view, now: view },
    );
  }

  /** The first request was not carried out, and the client saw nothing: it may still begin anew. */
  withdraw(): void {
    this.#view = undefined;
  }

  forwarded(): void {
    this.#isForwarded = true;
  }
}
