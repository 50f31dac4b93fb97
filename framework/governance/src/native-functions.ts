/** Every native function that actions of a constitution may call; each file adds its own map. */
import { refuse, utf8Decode } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import { adapterChecks, adapterFunctions } from './adapter-settings.ts';
import { certificateFunctions } from './certificate-functions.ts';
import { jwtFunctions } from './jwt-functions.ts';
import { ledgerFunctions } from './ledger-functions.ts';
import type { NativeFunction, NativeFunctions } from './native-function.ts';
import { serviceStatus, transitionServiceToOpen } from './open-service.ts';

const serviceFunctions: NativeFunctions = new Map<string, NativeFunction>([
  [
    'node.transitionServiceToOpen',
    ({ transaction, ports, whenAppended }, [previous, next, recoveredTo]) => {
      const identities = {
        previous: previous === undefined ? undefined : pemOf(previous),
        next: pemOf(next),
        recoveredTo: recoveredTo === undefined ? undefined : textOf(recoveredTo),
      };
      transitionServiceToOpen(transaction, identities, ports);
      // As in CCF: who joins an open service begins from here.
      if (serviceStatus(transaction) === 'Open') whenAppended(() => ports.ledger.forceSnapshot());
      return undefined;
    },
  ],
]);

/** What also those may call who only read: it changes nothing. */
export const checkingFunctions: NativeFunctions = adapterChecks;

export const nativeFunctions: NativeFunctions = new Map([
  ...adapterFunctions,
  ...serviceFunctions,
  ...ledgerFunctions,
  ...certificateFunctions,
  ...jwtFunctions,
]);

/** A certificate comes as the bytes of its PEM text. @throws InvalidInput */
function pemOf(value: ScriptValue): string {
  if (value instanceof Uint8Array) return utf8Decode(value);
  throw refuse('InvalidInput', 'A service identity is an ArrayBuffer that holds a PEM text.');
}

/** @throws InvalidInput */
function textOf(value: ScriptValue): string {
  if (typeof value === 'string') return value;
  throw refuse('InvalidInput', 'The last transaction recovered is a text, VIEW.SEQNO.');
}
