/** The contract of fixtures/probe.sol: deploying it and calling it in the engine's tests. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fromHex, toHex } from '@coco/base';
import {
  type Abi,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  type Hex,
} from 'viem';
import type { ExecutableTransaction, Execution } from '../src/engine-types.ts';
import { type MemoryState, send, stateWithAlice } from './memory-state.ts';

export const probe: { readonly abi: Abi; readonly bytecode: Hex } = JSON.parse(
  readFileSync(new URL('./fixtures/probe.json', import.meta.url), 'utf8'),
);

export const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;
export const word = (value: number | bigint): Uint8Array =>
  fromHex(BigInt(value).toString(16).padStart(64, '0'));

export const input = (functionName: string, args: readonly unknown[] = []): Uint8Array =>
  fromHex(encodeFunctionData({ abi: probe.abi, functionName, args }));

export function deployProbe(state: MemoryState): Uint8Array {
  const data = encodeDeployData({ abi: probe.abi, bytecode: probe.bytecode, args: [42n] });
  const execution = send(state, { input: fromHex(data) });
  assert.equal(execution.status, 'success');
  assert.ok(execution.status === 'success' && execution.createdAddress !== undefined);
  return execution.createdAddress;
}

// tidy-allow: five parameters read like the call that a test makes; an object would hide it.
export function invoke(
  state: MemoryState,
  to: Uint8Array,
  functionName: string,
  args: readonly unknown[] = [],
  fields: Partial<ExecutableTransaction> = {},
): Execution {
  return send(state, { to, input: input(functionName, args), ...fields });
}

export function returned(execution: Execution, functionName: string): unknown {
  assert.equal(execution.status, 'success');
  return decodeFunctionResult({ abi: probe.abi, functionName, data: hex(execution.output) });
}

export function withProbe(): { readonly state: MemoryState; readonly to: Uint8Array } {
  const state = stateWithAlice();
  return { state, to: deployProbe(state) };
}
