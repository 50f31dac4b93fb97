/**
 * What operators are told of the room on the ledger's disk, and what it means for writes.
 * docs/operations/disk.md says what to do.
 */

import type { Log, LogLevel } from '@coco/base';
import type { StorageLevel, StorageReport, WriteGate } from '@coco/replication';

const severities: Readonly<Record<StorageLevel, LogLevel>> = {
  ample: 'info',
  low: 'warning',
  short: 'warning',
  scarce: 'error',
  full: 'error',
};

export function applyStorage(
  { gate, log }: { readonly gate: WriteGate; readonly log: Log },
  { level, freeBytes }: StorageReport,
): void {
  gate.setStorage(level);
  log.write(severities[level], `disk.${level}`, { freeBytes });
}
