/**
 * Whether what clients saw of one counter could have come from a single counter that takes one
 * operation after another, each at some moment between its call and its answer (Herlihy and Wing,
 * 1990). The search is that of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993)
 * with Lowe's memory of what was tried ("Testing for Linearizability", 2017): a state is not
 * entered twice with the same set of operations done. Each counter is looked at alone: linearizable
 * objects compose (Horn and Kroening, "Faster linearizability checking via P-compositionality",
 * 2015).
 */

export interface Operation {
  readonly kind: 'increment' | 'read';
  /** What the client was told: the count after an increment, or the count that was read. */
  readonly count: number;
  readonly calledMs: number;
  /** Infinity for an increment that happened and was answered to nobody. */
  readonly answeredMs: number;
}

interface Moment {
  /** Its bit in the set of operations done. */
  readonly bit: bigint;
  readonly operation: Operation;
  readonly isCall: boolean;
  /** Of a call its answer, of an answer its call. */
  partner: Moment | undefined;
  previous: Moment | undefined;
  next: Moment | undefined;
}

/** @param initial the count before the first operation */
export function isLinearizable(operations: readonly Operation[], initial = 0): boolean {
  const head = momentsOf(operations);
  const tried = new Set<string>();
  const done: { readonly call: Moment; readonly countBefore: number }[] = [];
  let count = initial;
  let set = 0n;
  let at = head.next;
  while (head.next) {
    if (at?.isCall) {
      const after = apply(count, at.operation);
      const key = `${(set | at.bit).toString(36)} ${after}`;
      if (after !== undefined && !tried.has(key)) {
        tried.add(key);
        done.push({ call: at, countBefore: count });
        count = after;
        set |= at.bit;
        lift(at);
        at = head.next;
      } else at = at.next;
      continue;
    }
    // An answer, or the end, of an operation that is not done: the last choice was wrong.
    const last = done.pop();
    if (!last) return false;
    count = last.countBefore;
    set &= ~last.call.bit;
    unlift(last.call);
    at = last.call.next;
  }
  return true;
}

/** The count after the operation; undefined when it could not be answered as it was. */
function apply(count: number, operation: Operation): number | undefined {
  const after = operation.kind === 'increment' ? count + 1 : count;
  return after === operation.count ? after : undefined;
}

/** Calls and answers by time; what is at one moment overlaps. The result is before the first. */
function momentsOf(operations: readonly Operation[]): Moment {
  const moments: { readonly atMs: number; readonly moment: Moment }[] = [];
  for (const [index, operation] of operations.entries()) {
    const shared = { bit: 1n << BigInt(index), operation, previous: undefined, next: undefined };
    const call: Moment = { ...shared, isCall: true, partner: undefined };
    const answer: Moment = { ...shared, isCall: false, partner: call };
    call.partner = answer;
    moments.push({ atMs: operation.calledMs, moment: call });
    moments.push({ atMs: operation.answeredMs, moment: answer });
  }
  moments.sort(
    (one, other) =>
      (one.atMs === other.atMs ? 0 : one.atMs - other.atMs) ||
      Number(other.moment.isCall) - Number(one.moment.isCall),
  );
  const nothing: Operation = { kind: 'read', count: 0, calledMs: 0, answeredMs: 0 };
  const head: Moment = {
    bit: 0n,
    operation: nothing,
    isCall: false,
    partner: undefined,
    previous: undefined,
    next: undefined,
  };
  let last = head;
  for (const { moment } of moments) {
    last.next = moment;
    moment.previous = last;
    last = moment;
  }
  return head;
}

/** Takes a call and its answer out of the line. */
function lift(call: Moment): void {
  for (const moment of [call, call.partner]) {
    if (!moment) continue;
    if (moment.previous) moment.previous.next = moment.next;
    if (moment.next) moment.next.previous = moment.previous;
  }
}

/** Puts them back where they were; calls are put back in the reverse order of their taking. */
function unlift(call: Moment): void {
  for (const moment of [call.partner, call]) {
    if (!moment) continue;
    if (moment.previous) moment.previous.next = moment;
    if (moment.next) moment.next.previous = moment;
  }
}
