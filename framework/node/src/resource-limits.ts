/** What a node may use of its machine: `coco.limits` of the configuration. */

import { type StorageLimits, storageLimitsDefault } from '@coco/replication';
import type { ConfigurationReader } from './configuration-reader.ts';
import { nodeError } from './errors.ts';

export interface ResourceLimits {
  readonly storage: StorageLimits;
}

/** @throws InvalidConfiguration */
export function parseResourceLimits(reader: ConfigurationReader): ResourceLimits {
  const storage = {
    warningBytes: reader.sizeBytes('disk_warning', storageLimitsDefault.warningBytes),
    reserveBytes: reader.sizeBytes('disk_reserve', storageLimitsDefault.reserveBytes),
  };
  reader.finish();
  if (storage.warningBytes < storage.reserveBytes) {
    const message = '"coco.limits.disk_warning" must be at least "coco.limits.disk_reserve".';
    throw nodeError('InvalidConfiguration', message);
  }
  return { storage };
}

/** Of them, what bounds the core of a node. */
export function coreLimits(configuration: {
  readonly uncommittedMax: number;
  readonly limits: ResourceLimits;
}): { readonly uncommittedMax: number; readonly storage: StorageLimits } {
  const { uncommittedMax, limits } = configuration;
  return { uncommittedMax, storage: limits.storage };
}
