/**
 * The functions by which the action set_adapter_settings reaches the ledgers that run on the
 * service: an adapter knows its settings, checks them before members vote, and writes them into its
 * own maps when they are accepted.
 */
import { encodeJson, type JsonValue, parseJson, refuse } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import type { NativeFunction, NativeFunctions } from './native-function.ts';

/** Checks and changes nothing: scripts that only read may call it, too. */
export const adapterChecks: NativeFunctions = new Map<string, NativeFunction>([
  [
    'coco.checkAdapterSettings',
    ({ ports }, [adapter, settings]) => {
      ports.adapterSettings.check(nameOf(adapter), jsonOf(settings));
      return undefined;
    },
  ],
]);

export const adapterFunctions: NativeFunctions = new Map<string, NativeFunction>([
  ...adapterChecks,
  [
    'coco.applyAdapterSettings',
    ({ transaction, ports }, [adapter, settings]) => {
      const [name, value] = [nameOf(adapter), jsonOf(settings)];
      ports.adapterSettings.check(name, value);
      ports.adapterSettings.apply(transaction, name, value);
      return undefined;
    },
  ],
]);

function nameOf(value: ScriptValue): string {
  if (typeof value === 'string') return value;
  throw refuse('InvalidInput', 'The name of an adapter is a text.');
}

/** What a script hands over may hold bytes or nothing, which are no JSON. @throws InvalidInput */
function jsonOf(value: ScriptValue): JsonValue {
  if (value instanceof Uint8Array || value === undefined) {
    throw refuse('InvalidInput', 'Settings of an adapter are JSON.');
  }
  return parseJson(encodeJson(value as JsonValue));
}
