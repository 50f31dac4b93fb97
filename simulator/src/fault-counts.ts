/** How often each fault has happened: a run in which one never did proves nothing about it. */

export const faultKinds = [
  'drop',
  'duplicate',
  'delay',
  'corrupt body',
  'blocked message',
  'partition',
  'one-way partition',
  'slow disk',
  'full disk',
  'crash',
  'hand-over',
  'failed hand-over',
  'hand-over under load',
  'dropped proposal',
  'resign',
  'clock skew',
  'rekey',
  'node asks to join',
  'join',
  'replace',
  'retire',
  'retired primary',
  'learner',
  'promotion',
  'replacement',
  'removal',
  'office passed on',
  'removed node ends',
  'install',
  'batch installed',
  'tampered batches',
  'hostile source',
  'snapshot',
  'snapshot kept',
  'snapshot part',
  'snapshot install',
  'tampered snapshot',
  'stale snapshot',
  'disaster',
  'recovery',
  'recovery with loss',
  'recovery cut short',
  'locked out',
  'told of members',
  'older ledger',
  'reorder',
] as const;

/** What only a network of several nodes can suffer. */
export const peerFaults: ReadonlySet<string> = new Set<FaultKind>([
  'recovery with loss',
  'drop',
  'duplicate',
  'delay',
  'corrupt body',
  'blocked message',
  'partition',
  'one-way partition',
  'crash',
  'hand-over',
  'failed hand-over',
  'hand-over under load',
  'dropped proposal',
  'node asks to join',
  'join',
  'replace',
  'retire',
  'retired primary',
  'learner',
  'promotion',
  'replacement',
  'removal',
  'office passed on',
  'removed node ends',
  'install',
  'batch installed',
  'tampered batches',
  'hostile source',
  'snapshot kept',
  'snapshot part',
  'snapshot install',
  'tampered snapshot',
  'stale snapshot',
  'locked out',
  'told of members',
  'older ledger',
  'reorder',
]);

/** What comes about only where several faults meet. */
export const rareFaults: ReadonlySet<string> = new Set<FaultKind>([
  'failed hand-over',
  'dropped proposal',
  'retired primary',
  'office passed on',
  'tampered batches',
  'hostile source',
  'snapshot install',
  'tampered snapshot',
  'stale snapshot',
  'locked out',
  'told of members',
  'older ledger',
  'recovery with loss',
  'recovery cut short',
]);

export type FaultKind = (typeof faultKinds)[number];

export class FaultCounts {
  readonly #counts = new Map<FaultKind, number>(faultKinds.map((kind) => [kind, 0]));

  add(kind: FaultKind, count = 1): void {
    this.#counts.set(kind, this.of(kind) + count);
  }

  of(kind: FaultKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  entries(): readonly (readonly [FaultKind, number])[] {
    return [...this.#counts];
  }
}
