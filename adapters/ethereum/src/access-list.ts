/**
 * eth_createAccessList: which accounts and slots a call reads, as an access list (EIP-2930). A call
 * with the list costs other gas and may read other things, so it is called again until the list
 * stays the same. Sender, recipient, beneficiary and precompiles are warm anyhow.
 */
import { toHex } from '@coco/base';
import type { CallExecutor } from './call-executor.ts';
import type { CallContext } from './call-simulation.ts';
import { typedCall } from './call-simulation.ts';
import type { AccessListItem, Execution } from './engine-types.ts';
import { revertMessage } from './revert-reason.ts';
import type { CallParameters } from './rpc-parameters.ts';
import { isPrecompile } from './trace-format.ts';
import type { TracedAccount } from './trace-types.ts';

/** Each round may find what the one before did not reach; more than a few never happen. */
const roundsMax = 16;
const wish = { frames: false, steps: undefined, accounts: true, bytesMax: 4 * 1024 * 1024 };

export interface AccessListResult {
  readonly accessList: readonly AccessListItem[];
  readonly gasUsed: bigint;
  /** geth's words; undefined after a success. */
  readonly error: string | undefined;
}

export async function createAccessList(
  calls: CallExecutor,
  call: CallParameters,
  place: CallContext,
  limits: { readonly gas: bigint; readonly msMax: number },
): Promise<AccessListResult> {
  let accessList = call.accessList;
  for (let round = 0; ; round++) {
    const request = typedCall({ ...call, accessList }, limits.gas, place);
    const { execution, accounts } = await calls.trace(
      { request, wish },
      place.source,
      limits.msMax,
    );
    const created = execution.status === 'success' ? execution.createdAddress : undefined;
    const excluded = [call.from, call.to ?? created, place.block.beneficiary];
    const next = listOf(accounts, excluded, call.accessList);
    if (isSame(next, accessList) || round === roundsMax) {
      return { accessList: next, gasUsed: execution.gasUsed, error: errorOf(execution) };
    }
    accessList = next;
  }
}

/** In byte order; what the caller listed stays. */
function listOf(
  accounts: readonly TracedAccount[],
  excluded: readonly (Uint8Array | undefined)[],
  listed: readonly AccessListItem[],
): readonly AccessListItem[] {
  const warm = new Set(excluded.flatMap((address) => (address ? [toHex(address)] : [])));
  const items = new Map<string, { address: Uint8Array; keys: Map<string, Uint8Array> }>();
  const itemOf = (address: Uint8Array): Map<string, Uint8Array> => {
    const known = items.get(toHex(address)) ?? { address, keys: new Map() };
    items.set(toHex(address), known);
    return known.keys;
  };
  for (const { address, storageKeys } of listed) {
    const keys = itemOf(address);
    for (const key of storageKeys) keys.set(toHex(key), key);
  }
  for (const { address, slots } of accounts) {
    const isWarm = warm.has(toHex(address)) || isPrecompile(address);
    if (isWarm && slots.length === 0) continue;
    const keys = itemOf(address);
    for (const { key } of slots) keys.set(toHex(key), key);
  }
  return [...items.entries()]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([, { address, keys }]) => ({
      address,
      storageKeys: [...keys.entries()]
        .sort(([left], [right]) => (left < right ? -1 : 1))
        .map(([, key]) => key),
    }));
}

function isSame(left: readonly AccessListItem[], right: readonly AccessListItem[]): boolean {
  const text = (list: readonly AccessListItem[]): string =>
    list
      .map(({ address, storageKeys }) => `${toHex(address)}:${storageKeys.map(toHex).join()}`)
      .sort()
      .join(' ');
  return text(left) === text(right);
}

function errorOf(execution: Execution): string | undefined {
  if (execution.status === 'success') return undefined;
  return execution.status === 'revert' ? revertMessage(execution.output) : execution.message;
}
