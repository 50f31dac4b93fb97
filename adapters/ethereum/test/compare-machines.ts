/** One transaction on revm and on @ethereumjs/vm; both must come to the same outcome. */
import assert from 'node:assert/strict';
import { toHex } from '@coco/base';
import type { BlockEnvironment, ExecutableTransaction, Spec } from '../src/engine-types.ts';
import { block, config, engine, type MemoryState } from './memory-state.ts';
import { describeState, executeElsewhere, type Outcome } from './other-machine.ts';

export const precompile = (number: number): Uint8Array => {
  const address = new Uint8Array(20);
  new DataView(address.buffer).setUint32(16, number);
  return address;
};

export function executeHere(
  state: MemoryState,
  transaction: ExecutableTransaction,
  spec: Spec,
  environment: BlockEnvironment = block,
): Outcome {
  const execution = engine.execute(
    { mode: 'transaction', transaction, block: environment, config: { ...config, spec } },
    state,
  );
  state.apply(execution);
  return {
    isSuccess: execution.status === 'success',
    gasUsed: execution.gasUsed,
    output: toHex(execution.output),
    logs: execution.logs.map(({ address, topics, data }) =>
      [address, ...topics, data].map(toHex).join(':'),
    ),
    accounts: describeState(state),
  };
}

export async function assertSame(
  state: MemoryState,
  transaction: ExecutableTransaction,
  spec: Spec,
): Promise<Outcome> {
  const there = await executeElsewhere(state, transaction, spec);
  const here = executeHere(state, transaction, spec);
  assert.deepEqual(here, there);
  return here;
}
