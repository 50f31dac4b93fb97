/** `ccf.crypto`: pure functions over @coco/crypto, run beside the script in its process. */
import { sha256 } from '@coco/crypto';
import type { ScriptValue } from './script.ts';

type CryptoFunction = (args: readonly ScriptValue[]) => ScriptValue;

export const cryptoFunctions: ReadonlyMap<string, CryptoFunction> = new Map<string, CryptoFunction>(
  [['digest', ([, data]) => sha256(data as Uint8Array)]],
);
export const legacyCryptoNames: readonly string[] = ['digest'];
