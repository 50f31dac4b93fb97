/**
 * Committed means durable on a majority: when the first node hears of a commit, the bytes of the
 * batch are on the disks of a majority of the voters, flushed, in a file whose name is flushed too.
 * While a replacement is under way both sets of voters need a majority. Crashed voters count with
 * what their disk kept.
 */
import type { CommittedBody } from '@coco/ledger';
import { check } from './errors.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

export const ledgerFolder = 'ledger';
/** The newest files: a batch that commits lies near the end. */
const filesMax = 4;

/** Whether a power cut now would surely leave the bytes. */
export function holdsDurably(disk: SimulatedDisk, batch: CommittedBody): boolean {
  const files = [...disk.memory.durableFiles(ledgerFolder)];
  const starts = files.map(([name, bytes]) => ({ start: Number(/\d+/.exec(name)?.[0]), bytes }));
  starts.sort((one, other) => other.start - one.start);
  const candidates = starts.filter(({ start }) => start <= batch.firstSeqno).slice(0, filesMax);
  const body = Buffer.from(batch.body);
  return candidates.some(({ bytes }) => Buffer.from(bytes).includes(body));
}

/** @throws SimulationFailed unless a majority of each set of disks holds the batch. */
export function checkDurable(
  batch: CommittedBody,
  voterSets: readonly (readonly SimulatedDisk[])[],
): void {
  for (const voters of voterSets) {
    const holders = voters.filter((disk) => holdsDurably(disk, batch));
    const { view, firstSeqno } = batch;
    const rule = `${view}.${firstSeqno} commits, and ${holders.length} of ${voters.length} hold it`;
    check(2 * holders.length > voters.length, `${rule} durably`);
  }
}
