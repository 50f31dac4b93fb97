/**
 * Whether the load did what it says: every transfer has a receipt that succeeded in a block, with
 * its one Transfer event, and the balances of senders and recipients add up. Asked of every node,
 * each for the receipts that another one took.
 */
import { assert, isJsonObject, type JsonValue } from '@coco/base';
import { decodeFunctionResult, encodeFunctionData, type Hex, keccak256, padHex, toHex } from 'viem';
import { Rpc } from './rpc.ts';
import type { Token, Transfer } from './token.ts';

const transferTopic = keccak256(toHex('Transfer(address,address,uint256)'));

async function balancesOf(
  rpc: Rpc,
  token: Token,
  holders: readonly Hex[],
): Promise<readonly bigint[]> {
  const { abi, address: to } = token;
  const answers = await rpc.all(
    holders.map((holder) => {
      const data = encodeFunctionData({ abi, functionName: 'balanceOf', args: [holder] });
      return { method: 'eth_call', params: [{ to, data }, 'latest'] };
    }),
  );
  return answers.map((answer) =>
    BigInt(String(decodeFunctionResult({ abi, functionName: 'balanceOf', data: answer as Hex }))),
  );
}

export async function verifyLoad(
  urls: readonly string[],
  token: Token,
  transfers: readonly Transfer[],
): Promise<void> {
  const received = new Map<Hex, bigint>();
  for (const { to } of transfers) received.set(to, (received.get(to) ?? 0n) + 1n);
  const senders = [...new Set(transfers.map(({ from }) => from))];
  for (const [place, url] of urls.entries()) {
    const rpc = await Rpc.open(url);
    const share = transfers.filter((_, at) => at % urls.length === place);
    const receipts = await rpc.all(
      share.map(({ hash }) => ({ method: 'eth_getTransactionReceipt', params: [hash] })),
    );
    for (const [at, transfer] of share.entries()) {
      assertReceipt(receipts[at] ?? null, transfer, token);
    }
    const left = await balancesOf(rpc, token, senders);
    assert(
      left.every((balance) => balance === 0n),
      'every sender sent what it had',
    );
    const recipients = [...received.keys()];
    const held = await balancesOf(rpc, token, recipients);
    assert(
      recipients.every((holder, at) => held[at] === received.get(holder)),
      'every recipient has what was sent to it',
    );
    rpc.close();
  }
}

function assertReceipt(receipt: JsonValue, transfer: Transfer, token: Token): void {
  assert(isJsonObject(receipt), 'every transfer has a receipt');
  assert(receipt.status === '0x1', 'every transfer succeeded');
  assert(receipt.transactionHash === transfer.hash, 'a receipt is of its transfer');
  const logs = receipt.logs as readonly JsonValue[];
  const [log] = logs;
  assert(logs.length === 1 && isJsonObject(log), 'every transfer has its event');
  const topics = [transferTopic, topicOf(transfer.from), topicOf(transfer.to)];
  assert(same(log.address, token.address), 'the event is the token’s');
  assert(JSON.stringify(log.topics).toLowerCase() === JSON.stringify(topics), 'it names both');
  assert(BigInt(String(log.data)) === 1n, 'and the amount');
  assert(log.blockHash === receipt.blockHash, 'and stands in the block');
}

const topicOf = (address: Hex): Hex => padHex(address.toLowerCase() as Hex, { size: 32 });
const same = (left: JsonValue | undefined, right: string): boolean =>
  String(left).toLowerCase() === right.toLowerCase();
