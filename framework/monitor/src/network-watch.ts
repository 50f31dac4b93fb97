/**
 * What is wrong between the nodes, as this one sees it, judged once a second from its replica's
 * measures: nobody leads, elections follow one another, a backup lags, a clock is off. Each trouble
 * is told once when it begins and once when it is over. docs/operations/network.md says what to do.
 */

import type { LogFields, LogLevel } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import type { LinkMeasures } from '@coco/peers';
import type { ReplicaMeasures } from '@coco/replication';

/** An election takes at most two or three; longer, a majority is missing. */
const noPrimarySeconds = 5;
/** Campaigns and new leaders within the window that are no accident any more. */
const stormCount = 6;
const stormSeconds = 60;
/** Raft entries: more than a busy network commits in a second. */
const lagEntries = 256;
const lagSeconds = 5;
/** The ledger's time, certificates and proposals go by clocks; a second's difference is harmless. */
const skewMsMax = 2_000;
/** One beat may be held up by the network, and look like a clock. */
const skewSeconds = 5;

export type Trouble = 'noPrimary' | 'electionStorm' | 'lag' | 'clockSkew';

export interface NetworkMeasures {
  readonly replica: ReplicaMeasures | undefined;
  readonly links: ReadonlyMap<NodeId, LinkMeasures>;
}

export type Tell = (level: LogLevel, event: string, fields: LogFields) => void;

export class NetworkWatch {
  readonly #tell: Tell;
  /** Seconds that each trouble has lasted, by trouble and node; 0 while there is none. */
  readonly #seconds = new Map<string, number>();
  readonly #told = new Set<string>();
  /** Campaigns and leaders so far, of the last seconds. */
  readonly #unrest: number[] = [];

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** Troubles that were told and are not over. */
  get troubles(): ReadonlySet<Trouble> {
    return new Set([...this.#told].map((key) => key.split(' ')[0] as Trouble));
  }

  /** Called once a second. */
  look({ replica, links }: NetworkMeasures): void {
    if (!replica) return;
    this.#judge('noPrimary', replica.leaderId === undefined, {
      after: noPrimarySeconds,
      fields: { role: replica.role, view: replica.view },
    });
    const changes = this.#changes(replica);
    const isStormy = changes >= stormCount;
    this.#judge('electionStorm', isStormy, { after: 1, fields: { changes, view: replica.view } });
    for (const { id, entries } of replica.peers) {
      const isBehind = entries > lagEntries;
      this.#judge('lag', isBehind, { id, after: lagSeconds, fields: { id, entries } });
    }
    for (const [id, { skewMs }] of links) {
      const isOff = skewMs !== undefined && Math.abs(skewMs) > skewMsMax;
      const fields = { id, skewMs: skewMs === undefined ? undefined : Math.round(skewMs) };
      this.#judge('clockSkew', isOff, { id, after: skewSeconds, fields });
    }
    this.#forget(replica, links);
  }

  #changes({ elections, leaderChanges }: ReplicaMeasures): number {
    const count = elections + leaderChanges;
    this.#unrest.push(count);
    if (this.#unrest.length > stormSeconds) this.#unrest.shift();
    return count - (this.#unrest[0] ?? count);
  }

  #judge(
    trouble: Trouble,
    isThere: boolean,
    told: { readonly id?: NodeId; readonly after: number; readonly fields: LogFields },
  ): void {
    const { id, after, fields } = told;
    const key = id === undefined ? trouble : `${trouble} ${id}`;
    const seconds = isThere ? (this.#seconds.get(key) ?? 0) + 1 : 0;
    this.#seconds.set(key, seconds);
    if (seconds >= after && !this.#told.has(key)) {
      this.#told.add(key);
      this.#tell('warning', `network.${trouble}`, fields);
    } else if (!isThere && this.#told.delete(key)) {
      this.#tell('info', `network.${trouble}.over`, fields);
    }
  }

  /** Nodes that are peers no more, and lags that only a primary knows of. */
  #forget(replica: ReplicaMeasures, links: NetworkMeasures['links']): void {
    const known = new Set([
      ...replica.peers.map(({ id }) => `lag ${id}`),
      ...[...links.keys()].map((id) => `clockSkew ${id}`),
    ]);
    for (const key of [...this.#seconds.keys()]) {
      if (!key.includes(' ') || known.has(key)) continue;
      this.#seconds.delete(key);
      this.#told.delete(key);
    }
  }
}
