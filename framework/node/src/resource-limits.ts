/** What a node may use of its machine: `coco.limits` of the configuration. */

import { totalmem } from 'node:os';
import { type StorageLimits, storageLimitsDefault } from '@coco/replication';
import type { ConfigurationReader } from './configuration-reader.ts';
import { nodeError } from './errors.ts';

/** Of the machine's memory, or of what its container gives: the rest is for the system. */
const memoryShare = 0.75;

export interface ResourceLimits {
  readonly storage: StorageLimits;
  /** What the node may use of the machine's memory. */
  readonly memoryBytes: number;
}

/** @throws InvalidConfiguration */
export function parseResourceLimits(reader: ConfigurationReader): ResourceLimits {
  const storage = {
    warningBytes: reader.sizeBytes('disk_warning', storageLimitsDefault.warningBytes),
    reserveBytes: reader.sizeBytes('disk_reserve', storageLimitsDefault.reserveBytes),
  };
  const memoryBytes = reader.sizeBytes('memory', defaultMemoryBytes());
  reader.finish();
  if (storage.warningBytes < storage.reserveBytes) {
    const message = '"coco.limits.disk_warning" must be at least "coco.limits.disk_reserve".';
    throw nodeError('InvalidConfiguration', message);
  }
  return { storage, memoryBytes };
}

function defaultMemoryBytes(): number {
  // 0, or beyond what the machine has, where nothing constrains the process.
  const constrained = process.constrainedMemory();
  const all = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return Math.floor(all * memoryShare);
}

/** Of them, what bounds the core of a node. */
export function coreLimits(configuration: {
  readonly uncommittedMax: number;
  readonly limits: ResourceLimits;
}): { readonly uncommittedMax: number; readonly storage: StorageLimits } {
  const { uncommittedMax, limits } = configuration;
  return { uncommittedMax, storage: limits.storage };
}
