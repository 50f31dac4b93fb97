/**
 * Settings of adapters: which chain Ethereum is, who sees what. What settings an adapter has only
 * its code knows, so the node checks them where it can.
 */
import { type Action, defineAction } from './action.ts';
import type { adapterActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import { checkArguments, checkObject, checkText } from './check-arguments.ts';
import { refuse } from './refuse.ts';
import { readJson, writeJson } from './rows.ts';
import { adapterTable } from './tables.ts';

declare const ccf: CcfGlobal;

const setAdapterSettings = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const adapter = checkText(fields.adapter, 'adapter');
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(adapter)) refuse('adapter must be the name of an adapter');
    const settings = checkObject(fields.settings, 'settings');
    ccf.coco?.checkAdapterSettings?.(adapter, settings);
    return { adapter, settings };
  },
  ({ adapter, settings }) => {
    const before = readJson(adapterTable, adapter);
    writeJson(adapterTable, { ...(before as object | undefined), ...settings }, adapter);
    ccf.coco?.applyAdapterSettings?.(adapter, settings);
  },
);

export const adapterActions: Readonly<Record<(typeof adapterActionNames)[number], Action>> = {
  set_adapter_settings: setAdapterSettings,
};
