/** What the program gives to a node that it runs. */

import type { Adapter } from '@coco/adapter';
import type { Clock, JsonValue, Log, Random } from '@coco/base';
import type { NodeConfiguration } from './configuration.ts';

/** Makes an adapter of its part of the configuration. */
export type AdapterFactory = (options: JsonValue) => Promise<Adapter>;

export interface RunNodeOptions {
  readonly configuration: NodeConfiguration;
  readonly baseFolder: string;
  readonly adapters: ReadonlyMap<string, AdapterFactory>;
  /** Hex digests of the code and of the launcher: what the virtual platform reports. */
  readonly measurement: string;
  readonly hostData: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}
