/** The parts of one replica, each with one owner of its state; wired here and nowhere else. */
import { assert } from '@coco/base';
import { BodyStore } from './body-store.ts';
import { createConfiguration } from './configuration.ts';
import { InFlight } from './in-flight.ts';
import { Inbox } from './inbox.ts';
import type { ReplicaLimits } from './limits.ts';
import { defaultLimits } from './limits.ts';
import { LogTail } from './log-tail.ts';
import { Membership } from './membership.ts';
import { OfficeWatch } from './office.ts';
import { Outbox } from './outbox.ts';
import { ProposalOrder } from './proposal-order.ts';
import { RaftInstance } from './raft-instance.ts';
import { ReadRounds } from './read-rounds.ts';
import type { ReplicaEvents, ReplicaOptions, ReplicaPorts } from './replica-ports.ts';

export interface ReplicaParts {
  readonly id: number;
  readonly limits: ReplicaLimits;
  readonly ports: ReplicaPorts;
  readonly events: ReplicaEvents;
  readonly instance: RaftInstance;
  readonly watch: OfficeWatch;
  readonly tail: LogTail;
  readonly bodies: BodyStore;
  readonly order: ProposalOrder;
  readonly inFlight: InFlight;
  readonly membership: Membership;
  readonly reads: ReadRounds;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
}

export function createParts(options: ReplicaOptions): ReplicaParts {
  const limits = { ...defaultLimits, ...options.limits };
  assert(
    limits.bodyBytesMax * limits.messageEntriesMax <= limits.stagedBytesMax,
    'every message that the limits allow can be staged',
  );
  const { id, ports, events } = options;
  const instance = new RaftInstance(options.module, {
    random: options.random,
    clock: options.clock,
    log: options.log,
  });
  const tail = new LogTail();
  const bodies = new BodyStore(limits);
  const membership = new Membership(instance, createConfiguration([]));
  return {
    id,
    limits,
    ports,
    events,
    instance,
    tail,
    bodies,
    watch: new OfficeWatch(instance),
    order: new ProposalOrder(),
    inFlight: new InFlight(limits),
    membership,
    reads: new ReadRounds(id, limits),
    inbox: new Inbox({
      id,
      instance,
      tail,
      bodies,
      limits,
      membership,
      ports,
      onRemoved: () => events.onRemoved(),
    }),
    outbox: new Outbox({ instance, tail, bodies, limits, ports }),
  };
}
