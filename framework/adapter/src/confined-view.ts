/**
 * A view in which an adapter sees its own maps only. Transactions are confined by the store itself
 * (`Store.begin` with `maps`).
 */
import type { ReadView } from '@coco/kv';
import { adapterError } from './errors.ts';

/** The view throws ForeignMapRead for any map but `maps`. */
export function confineView(view: ReadView, maps: ReadonlySet<string>): ReadView {
  return {
    seqno: view.seqno,
    map: (name) => {
      if (!maps.has(name)) {
        throw adapterError('ForeignMapRead', 'The adapter may not read this map.', { name });
      }
      return view.map(name);
    },
    mapNames: () => view.mapNames().filter((name) => maps.has(name)),
  };
}
