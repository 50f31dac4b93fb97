/**
 * Native functions of scripts that act on the ledger itself: its secret, its shares, its files.
 * Names, meaning and texts are CCF's.
 */
import { LedgerError, refuse } from '@coco/base';
import { snapshotRequest } from './coco-tables.ts';
import { governanceError } from './errors.ts';
import type { NativeFunction, NativeFunctions } from './native-function.ts';
import { newestSecret, refreshRecoveryShares, rekeyLedger } from './rekey-ledger.ts';

export const ledgerFunctions: NativeFunctions = new Map<string, NativeFunction>([
  [
    'node.triggerLedgerRekey',
    ({ transaction, ports, whenAppended }, args) => {
      assertNone(args);
      sayWhere('Failed to rekey ledger', () => rekeyLedger(transaction, ports, whenAppended));
      return undefined;
    },
  ],
  [
    'node.triggerRecoverySharesRefresh',
    ({ transaction, ports }, args) => {
      assertNone(args);
      const failure = 'Unable to trigger recovery shares refresh';
      sayWhere(failure, () => refreshRecoveryShares(transaction, ports));
      return undefined;
    },
  ],
  [
    'node.triggerLedgerChunk',
    ({ ports, whenAppended }) => {
      whenAppended(() => ports.ledger.forceChunk());
      return undefined;
    },
  ],
  [
    'node.triggerSnapshot',
    ({ transaction, ports, whenAppended }) => {
      // On the ledger, because another primary may have to take it.
      snapshotRequest.put(transaction, 'governance');
      whenAppended(() => ports.ledger.forceSnapshot());
      return undefined;
    },
  ],
  [
    'network.getLatestLedgerSecretSeqno',
    ({ transaction, ports }) => newestSecret(transaction, ports).version,
  ],
  // The isolate keeps no compiled code between calls that anybody could see.
  ['refreshAppBytecodeCache', () => undefined],
]);

/** @throws InvalidInput */
function assertNone(args: readonly unknown[]): void {
  if (args.length === 0) return;
  throw refuse('InvalidInput', `Passed ${args.length} arguments but expected none`);
}

/** The reason alone would not say which action of a proposal failed. */
function sayWhere(failure: string, run: () => void): void {
  try {
    run();
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code !== 'RecoverySharesImpossible') throw cause;
    const message = `${failure}: ${cause.message}`;
    throw governanceError('RecoverySharesImpossible', message, cause.metadata, cause);
  }
}
