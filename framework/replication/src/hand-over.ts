/**
 * Hands office to another node without losing a transaction: execution stops, everything executed
 * commits, then Raft passes leadership on. If that does not come about, execution goes on.
 */
import { LedgerError, type Log } from '@coco/base';
import type { BatchPipeline } from './batch-pipeline.ts';
import { replicationError } from './errors.ts';

export interface HandOverPorts {
  readonly pipeline: Pick<
    BatchPipeline,
    'isInOffice' | 'isExecuting' | 'view' | 'drain' | 'whenIdle' | 'resumeExecuting'
  >;
  /** See ReplicaHost.handOver. */
  readonly replica: { handOver(to: number): Promise<void> };
}

/**
 * Resolves when this node is no longer the primary.
 * @throws NodeCannotHandleRequest when it is none; HandOverFailed when it still is one
 */
export async function handOver({ pipeline, replica }: HandOverPorts, to: number): Promise<void> {
  if (!pipeline.isExecuting) {
    throw replicationError('NodeCannotHandleRequest', 'This node has no office to hand over.');
  }
  const { view } = pipeline;
  const isStill = (): boolean => pipeline.isInOffice && pipeline.view === view;
  pipeline.drain();
  try {
    await pipeline.whenIdle();
    if (!isStill()) return;
    await replica.handOver(to);
  } catch (error) {
    if (isStill()) pipeline.resumeExecuting();
    throw error;
  }
  if (!isStill()) return;
  pipeline.resumeExecuting();
  throw replicationError('HandOverFailed', 'The other node did not take office in time.', { to });
}

/**
 * Hands office over because the ledger wants this node to leave, or its disk is short of room. What
 * fails is logged: the replica asks again.
 */
export async function passOn(
  ports: HandOverPorts & { readonly log: Log },
  to: number,
): Promise<void> {
  try {
    await handOver(ports, to);
    ports.log.write('info', 'office.passedOn', { to });
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    ports.log.write('info', 'office.notPassedOn', { to, code: error.code });
  }
}
