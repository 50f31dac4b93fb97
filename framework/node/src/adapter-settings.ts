/** What governance may set of the adapters that this node runs; each touches its own maps only. */

import type { Adapter, GovernedSettings } from '@coco/adapter';
import { assert, present } from '@coco/base';
import type { AdapterSettings } from '@coco/governance';
import { nodeError } from './errors.ts';

export function adapterSettings(adapters: () => readonly Adapter[]): AdapterSettings {
  return {
    check: (name, settings) => governed(adapters(), name).settings.check(settings),
    apply: (transaction, name, settings) => {
      const found = governed(adapters(), name);
      const maps = new Set(found.maps);
      const confined = {
        map: (map: string) => {
          assert(maps.has(map), 'an adapter keeps its settings in its own maps');
          return transaction.map(map);
        },
      };
      found.settings.apply(confined, settings);
    },
  };
}

/** @throws AdapterUnknown */
function governed(
  adapters: readonly Adapter[],
  name: string,
): { readonly settings: GovernedSettings; readonly maps: readonly string[] } {
  const having = adapters.filter((adapter) => adapter.governed !== undefined);
  const found = having.find((adapter) => adapter.name === name);
  if (found) return { settings: present(found.governed, 'it has settings'), maps: found.maps };
  const known = having.map((adapter) => adapter.name).join(', ') || 'none';
  throw nodeError('AdapterUnknown', `${name} is no adapter with settings; there are: ${known}.`);
}
