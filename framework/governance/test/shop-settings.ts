/** An adapter with one setting, as far as governance sees it: its row stands in a private map. */
import { encodeJson, isJsonObject, refuse, utf8Encode } from '@coco/base';
import type { AdapterSettings } from '../src/ports.ts';

export const shopMap = 'shop.settings';

export const shopSettings: AdapterSettings = {
  check: (adapter, settings) => {
    if (adapter !== 'shop') throw refuse('InvalidInput', `${adapter} is no adapter.`);
    const price = isJsonObject(settings) ? settings.price : undefined;
    if (typeof price === 'number' && price > 0) return;
    throw refuse('InvalidInput', 'shop: price must be a number above 0.');
  },
  apply: (transaction, adapter, settings) => {
    transaction.map(shopMap).set(utf8Encode(adapter), encodeJson(settings));
  },
};
