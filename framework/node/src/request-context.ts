/** What the stages of a request's way share. */

import type { Clock } from '@coco/base';
import type { IdentityLookup, Registry, TransactionStatusTracker } from '@coco/endpoint';
import type { Forwarder } from '@coco/http';
import type { ReadView } from '@coco/kv';
import type { BatchPipeline, Leadership } from '@coco/replication';
import type { InterfaceConfiguration } from './configuration-interfaces.ts';

export interface RequestContext {
  readonly interface: InterfaceConfiguration;
  readonly registry: Registry;
  readonly tracker: TransactionStatusTracker;
  readonly clock: Clock;
  readonly pipeline: BatchPipeline;
  readonly leadership: Leadership;
  readonly forwarder: Pick<Forwarder, 'forward'>;
  /**
   * Resolves when everything that was committed anywhere before this call is in the state here.
   * @throws ReadIndexUnavailable, TooManyInFlight
   */
  becomeCurrent(): Promise<void>;
  /** Members, users and nodes as the state has them. */
  identities(state: ReadView): IdentityLookup;
  /** Whether the service is open to users. */
  isOpen(): boolean;
  /** Counts an answered request. */
  answered(): void;
  /** Counts and logs what a request ended with; decides nothing. */
  failed(error: unknown): void;
}
