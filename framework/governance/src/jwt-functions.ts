/** The functions by which actions set and remove the keys of issuers of tokens. */
import { type JsonValue, parseJson, refuse, utf8Encode } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import type { NativeFunction, NativeFunctions } from './native-function.ts';
import { removeTokenKeys, setTokenKeys } from './token-keys.ts';

export const jwtFunctions: NativeFunctions = new Map<string, NativeFunction>([
  [
    // Of the issuer's metadata, the second argument, nothing counts for its keys.
    'setJwtPublicSigningKeys',
    ({ transaction }, [issuer, , keySet]) => {
      setTokenKeys(transaction, textOf(issuer), jsonOf(keySet));
      return undefined;
    },
  ],
  [
    'removeJwtPublicSigningKeys',
    ({ transaction }, [issuer]) => {
      removeTokenKeys(transaction, textOf(issuer));
      return undefined;
    },
  ],
]);

function textOf(value: ScriptValue): string {
  if (typeof value === 'string') return value;
  throw refuse('InvalidInput', 'An issuer is a text.');
}

/** Of limited size and depth. @throws InvalidInput, RequestBodyTooLarge, NestingTooDeep */
function jsonOf(value: ScriptValue): JsonValue {
  return parseJson(utf8Encode(JSON.stringify(value ?? null)));
}
