/** CPU time of the threads of a process on this machine, from Linux's /proc (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';

/** Microseconds of a clock tick: USER_HZ is 100 on every Linux. */
const tickUs = 10_000;

interface ThreadCpu {
  readonly pid: string;
  /** Microseconds so far, by the thread's name. */
  readonly threads: ReadonlyMap<string, number>;
}

/**
 * Threads of one name are taken together, but for those that the program itself started: they are
 * `worker 1`, `worker 2` and so on, in the order of their start.
 */
export function threadCpu(pid: string): ThreadCpu {
  const threads = new Map<string, number>();
  let workers = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
    const nameEnd = text.lastIndexOf(')');
    const ownName = text.slice(text.indexOf('(') + 1, nameEnd);
    const name = ownName === 'WorkerThread' ? `worker ${++workers}` : ownName;
    const fields = text.slice(nameEnd + 2).split(' ');
    const us = (Number(fields[11]) + Number(fields[12])) * tickUs;
    threads.set(name, (threads.get(name) ?? 0) + us);
  }
  return { pid, threads };
}

/** What each took since then, over `count` operations, in microseconds each; the largest first. */
export function cpuSince(before: ThreadCpu, count: number): Readonly<Record<string, number>> {
  const spent: [string, number][] = [];
  for (const [name, us] of threadCpu(before.pid).threads) {
    const each = (us - (before.threads.get(name) ?? 0)) / count;
    if (each >= 0.5) spent.push([name, Math.round(each)]);
  }
  return Object.fromEntries(spent.sort(([, left], [, right]) => right - left));
}
