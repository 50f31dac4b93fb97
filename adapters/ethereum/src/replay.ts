/**
 * A committed block once more, to trace it: its transactions are executed anew on the state before
 * it, as they were then, in memory. What does not come to the figures of its receipts is refused
 * rather than shown.
 */
import { present } from '@coco/base';
import type { ExecutionRequest, StateSource } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import type { EthereumState, NumberedBlock } from './ethereum-state.ts';
import { toData } from './numbers.ts';
import type { RpcContext } from './rpc-context.ts';
import type { ChainRecord, TransactionRecord } from './state-codec.ts';
import { OverlayState } from './state-overrides.ts';
import type { Trace, TraceWish } from './trace-types.ts';

export interface ReplayedTransaction {
  readonly hash: Uint8Array;
  readonly record: TransactionRecord;
  readonly gasLimit: bigint;
  readonly trace: Trace;
  /** The state before it. */
  readonly before: StateSource;
}

export interface Replay {
  readonly block: NumberedBlock;
  readonly wish: TraceWish;
  /** Which of its transactions are traced; the others are executed for what they changed. */
  readonly isWanted: (record: TransactionRecord) => boolean;
  /** Called with each traced one, in order. */
  readonly visit: (replayed: ReplayedTransaction) => void;
  readonly deadlineMs: number;
}

/** @throws StateNotAvailable, GenesisNotTraceable, TraceDiverged, CallTimeout, TraceTooLarge */
export async function replayBlock(context: RpcContext, replay: Replay): Promise<void> {
  const { reader } = context;
  const { block } = replay;
  if (block.number === 0n) {
    throw ethereumError('GenesisNotTraceable', 'genesis is not traceable');
  }
  const records = recordsOf(reader.committed(), block);
  const last = records.findLastIndex(({ record }) => replay.isWanted(record));
  await reader.withStateAt({ kind: 'number', number: block.number - 1n }, async (state) => {
    const overlay = new OverlayState(state);
    const chain = state.chain();
    for (const entry of records.slice(0, last + 1)) {
      await replayOne(context, replay, { overlay, chain, ...entry });
    }
  });
}

function recordsOf(
  state: EthereumState,
  block: NumberedBlock,
): readonly { readonly hash: Uint8Array; readonly record: TransactionRecord }[] {
  return block.transactionHashes.map((hash) => ({
    hash,
    record: present(state.transaction(hash), 'a block lists only transactions that are stored'),
  }));
}

async function replayOne(
  { engine, calls, host }: RpcContext,
  { block, wish, isWanted, visit, deadlineMs }: Replay,
  place: {
    readonly overlay: OverlayState;
    readonly chain: ChainRecord;
    readonly hash: Uint8Array;
    readonly record: TransactionRecord;
  },
): Promise<void> {
  const { overlay, chain, hash, record } = place;
  const decoded = engine.decodeTransaction(record.raw);
  const request: ExecutionRequest = {
    mode: 'transaction',
    transaction: {
      ...decoded,
      sender: record.sender,
      authorizationList: engine.recoverAuthorizations(decoded),
    },
    block,
    config: configOf(chain),
  };
  const before = overlay.view();
  const msLeft = Math.max(1, deadlineMs - host.clock.monotonicMs());
  const trace = isWanted(record) ? await calls.trace({ request, wish }, before, msLeft) : undefined;
  const execution = trace?.execution ?? (await calls.execute(request, before, msLeft));
  if (execution.gasUsed !== record.gasUsed) {
    throw ethereumError(
      'TraceDiverged',
      `transaction ${toData(hash)} does not replay to its receipt: the rules of the chain changed within its block`,
    );
  }
  if (trace) visit({ hash, record, gasLimit: decoded.gasLimit, trace, before });
  overlay.apply(execution.changes);
}

function configOf({ chainId, spec, transactionGasMax }: ChainRecord): ExecutionRequest['config'] {
  return transactionGasMax === undefined ? { chainId, spec } : { chainId, spec, transactionGasMax };
}
