/**
 * Fills the state with storage rows, several hundred in a transaction: a contract of 28 bytes that
 * writes each number from the first argument on, as many as the second says, under itself.
 */
import { assert, present } from '@coco/base';
import { getContractAddress, type Hex, padHex, toHex } from 'viem';
import type { Rpc } from './rpc.ts';
import { Signer, succeeded } from './token.ts';

/** Slots in one transaction; each takes 22,100 gas, and EIP-7825 allows 16.7 million. */
const slotsPerTransaction = 700;
const fillGas = 16_500_000n;
/** Transactions in one JSON-RPC body. */
const batchCalls = 20;
/**
 * for (at = calldata[0]; at < calldata[0] + calldata[1]; at++) storage[at] = at, and the code that
 * deploys it.
 */
const code: Hex = '0x601c8060095f395ff360003580602035015b808210601057005b8180559060010190600856';

/** Writes the slots 1 to `count`; gives the contract once all of it is committed. */
export async function fillState(rpc: Rpc, key: Hex, count: number): Promise<Hex> {
  const signer = await Signer.of(rpc, key);
  const contract = getContractAddress({ from: signer.address, nonce: BigInt(signer.nonce) });
  const raws = [signer.sign({ data: code, gas: 200_000n })];
  for (let from = 1; from <= count; from += slotsPerTransaction) {
    const slots = Math.min(slotsPerTransaction, count - from + 1);
    const data: Hex = `0x${word(from)}${word(slots)}`;
    raws.push(signer.sign({ to: contract, data, gas: fillGas }));
  }
  const hashes = [];
  for (let at = 0; at < raws.length; at += batchCalls) {
    const some = raws.slice(at, at + batchCalls);
    const calls = some.map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] }));
    hashes.push(...(await rpc.all(calls)));
  }
  await succeeded(rpc, present(hashes.at(-1), 'there are transactions'));
  assert((await lastSlotOf(rpc, contract, count)) === count, 'the last slot is written');
  return contract;
}

/** What stands in the last slot. */
export async function lastSlotOf(rpc: Rpc, contract: Hex, count: number): Promise<number> {
  return Number(await rpc.call('eth_getStorageAt', contract, toHex(count), 'latest'));
}

const word = (value: number): string => padHex(toHex(value), { size: 32 }).slice(2);
