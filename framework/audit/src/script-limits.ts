/** The limits under which a node runs scripts of governance: the consortium's, at least CCF's. */
import { isJsonObject, LedgerError, parseJson } from '@coco/base';
import type { Readable } from '@coco/governance';
import type { ScriptLimits } from '@coco/isolate';

const optionsTable = 'public:ccf.gov.js_runtime_options';
const singletonKey = new Uint8Array(8);
/** CCF's defaults; an auditor's machine may be slower than a node, so time is ten times as long. */
const heapBytesMax = 100 * 1024 * 1024;
const stackBytesMax = 1024 * 1024;
const executionMsMax = 50_000;

export function ballotLimits(state: Readable): ScriptLimits {
  const options = optionsOf(state);
  const most = (least: number, name: string): number => {
    const value = isJsonObject(options) ? options[name] : undefined;
    return typeof value === 'number' && value > least ? value : least;
  };
  return {
    heapBytesMax: most(heapBytesMax, 'max_heap_bytes'),
    stackBytesMax: most(stackBytesMax, 'max_stack_bytes'),
    executionMsMax,
  };
}

function optionsOf(state: Readable): ReturnType<typeof parseJson> | undefined {
  const bytes = state.map(optionsTable).get(singletonKey);
  try {
    return bytes && parseJson(bytes);
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
