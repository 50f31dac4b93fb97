/**
 * What a constitution may call below the global `ccf` beside maps and cryptography, e.g.
 * `ccf.node.transitionServiceToOpen`: functions of the framework that read and write the proposal's
 * own transaction. A LedgerError that one throws becomes an exception in the script.
 */
import type { TransactionId } from '@coco/base';
import type { ScriptValue } from '@coco/isolate';
import type { Transaction } from '@coco/kv';
import type { GovernancePorts } from './ports.ts';

export interface NativeContext {
  /** The transaction of the proposal that is applied. */
  readonly transaction: Transaction;
  readonly ports: GovernancePorts;
  /** Runs when the entry has its id, on the executing thread; never on a conflict or refusal. */
  whenAppended(effect: (id: TransactionId) => void): void;
}

export type NativeFunction = (
  context: NativeContext,
  args: readonly ScriptValue[],
) => ScriptValue | Promise<ScriptValue>;

/** By path below `ccf`: `node.triggerLedgerRekey`. */
export type NativeFunctions = ReadonlyMap<string, NativeFunction>;
