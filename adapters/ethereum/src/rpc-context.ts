/** What the JSON-RPC methods share, and the visibility that each read passes. */
import type { Host, VisibleItem } from '@coco/adapter';
import { toHex } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import type { AdmissionPool } from './admission.ts';
import type { BlockBuilder } from './block-builder.ts';
import type { CallBudget, CallExecutor } from './call-executor.ts';
import type { ChainReader } from './chain-reader.ts';
import type { DecodedTransaction, ExecutionEngine } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import type { EthereumState, NumberedBlock } from './ethereum-state.ts';
import type { RpcMethod } from './json-rpc.ts';
import type { EthereumSettings } from './options.ts';
import type { LocatedTransaction } from './rpc-format.ts';
import type { Submission } from './submission.ts';

export interface RpcContext {
  readonly host: Host;
  readonly engine: ExecutionEngine;
  readonly settings: EthereumSettings;
  readonly admissionPool: AdmissionPool;
  readonly builder: BlockBuilder;
  readonly submission: Submission;
  readonly reader: ChainReader;
  readonly calls: CallExecutor;
  /** Whose turn it is to run a call or a trace. */
  readonly budget: CallBudget;
  /** The same for log queries, which run on this thread in steps. */
  readonly queries: CallBudget;
  visible(caller: Caller, item: VisibleItem): boolean;
}

export type MethodTable = readonly (readonly [name: string, method: RpcMethod])[];

/** @throws ItemNotVisible */
export function assertVisible(
  { visible }: RpcContext,
  caller: Caller,
  kind: string,
  ...addresses: readonly Uint8Array[]
): void {
  if (!visible(caller, { kind, parties: addresses.map(toHex) })) {
    throw ethereumError('ItemNotVisible', `the ${kind} is not visible to the caller`);
  }
}

/** Who a transaction names: sender and recipient. */
export function partiesOf(
  sender: Uint8Array,
  decoded: Pick<DecodedTransaction, 'to'>,
): readonly string[] {
  return decoded.to ? [toHex(sender), toHex(decoded.to)] : [toHex(sender)];
}

/** Reads as which kind of item: a receipt may be visible to others than its transaction. */
type ReadAs = 'transaction' | 'receipt' | 'trace';

/** A committed transaction that the caller may see; `undefined` when there is none. */
export function locateTransaction(
  context: RpcContext,
  caller: Caller,
  hash: Uint8Array,
  kind: ReadAs,
): { readonly located: LocatedTransaction; readonly state: EthereumState } | undefined {
  const state = context.reader.committed();
  const record = state.transaction(hash);
  const block = record && state.block(record.blockNumber);
  const located = record && block && locate(context, caller, { hash, record, block }, kind);
  return located && { located, state };
}

/** A transaction of a block, as far as the caller may see it. */
export function locateInBlock(
  context: RpcContext,
  caller: Caller,
  place: {
    readonly state: EthereumState;
    readonly block: NumberedBlock;
    readonly hash: Uint8Array;
  },
  kind: ReadAs,
): LocatedTransaction | undefined {
  const { state, block, hash } = place;
  const record = state.transaction(hash);
  return record && locate(context, caller, { hash, record, block }, kind);
}

function locate(
  { engine, visible }: RpcContext,
  caller: Caller,
  found: Omit<LocatedTransaction, 'decoded'>,
  kind: ReadAs,
): LocatedTransaction | undefined {
  const decoded = engine.decodeTransaction(found.record.raw);
  const parties = partiesOf(found.record.sender, decoded);
  return visible(caller, { kind, parties }) ? { ...found, decoded } : undefined;
}
