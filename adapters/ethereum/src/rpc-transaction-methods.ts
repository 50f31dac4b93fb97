/** JSON-RPC methods that submit transactions, and the one that leads to their ledger entries. */
import { formatTransactionId, present } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import type { AdmittedTransaction } from './admission.ts';
import { claimsDigest } from './claims.ts';
import { type RpcAnswer, RpcFailure, type RpcMethod } from './json-rpc.ts';
import { toData, toQuantity } from './numbers.ts';
import type { RelayRefusal } from './relay-message.ts';
import { locateTransaction, type MethodTable, type RpcContext } from './rpc-context.ts';
import { receiptFields, receiptJson } from './rpc-format.ts';
import type { RpcParameters } from './rpc-parameters.ts';
import type { Outcome } from './submission.ts';

/** EIP-7966: not processed within its time; unknown, with a reason in words. */
const timeoutCode = 4;
const droppedCode = 5;

export function transactionMethods(context: RpcContext): MethodTable {
  const send = (
    answer: (
      transaction: AdmittedTransaction,
      parameters: RpcParameters,
      caller: Caller,
    ) => RpcAnswer | Promise<RpcAnswer>,
    most: number,
  ): RpcMethod => ({
    arity: [1, most],
    // A backup waits for the primary's answer: what came together goes there together.
    overlaps: () => !context.submission.executesHere,
    prepare: (parameters) => context.admissionPool.admit(parameters.data(0)),
    handle: async (parameters, caller, prepared) => {
      const transaction = (await present(prepared, 'a send is prepared')) as AdmittedTransaction;
      return answer(transaction, parameters, caller);
    },
  });
  return [
    [
      'eth_sendRawTransaction',
      send(async (transaction) => {
        const refusal = await context.submission.take(transaction);
        return refusal ? failureOf(refusal) : toData(transaction.decoded.hash);
      }, 1),
    ],
    [
      'eth_sendRawTransactionSync',
      send(
        (transaction, parameters, caller) => sendSync(context, transaction, parameters, caller),
        2,
      ),
    ],
    ['coco_getTransactionId', { arity: [1, 1], handle: transactionId.bind(null, context) }],
  ];
}

/** The primary's words to a client of another node. */
function failureOf({ rpcCode, message }: RelayRefusal): RpcFailure {
  return new RpcFailure(rpcCode, message);
}

/** EIP-7966: answers with the receipt, once it is committed. */
async function sendSync(
  context: RpcContext,
  transaction: AdmittedTransaction,
  parameters: RpcParameters,
  caller: Caller,
): Promise<RpcAnswer> {
  const { submission, host, settings, engine } = context;
  const { syncWaitMsMax } = settings.limits;
  const waitMs = Math.min(waitMsOf(parameters) ?? syncWaitMsMax, syncWaitMsMax);
  const hash = transaction.decoded.hash;
  const { promise: timeout, resolve: expire } = Promise.withResolvers<undefined>();
  const cancel = host.clock.setTimer(waitMs, () => expire(undefined));
  let endWait: () => void = () => {};
  try {
    // Before it is taken: a commit may come while the primary is asked.
    const decided = new Promise<Outcome>((resolve) => {
      endWait = submission.onDecided(hash, resolve);
    });
    const refusal = await Promise.race([submission.take(transaction), timeout]);
    if (refusal) return failureOf(refusal);
    const outcome = await Promise.race([decided, timeout]);
    if (outcome !== 'committed') return undecided(outcome, hash, waitMs);
  } finally {
    cancel();
    endWait();
  }
  const found = locateTransaction(context, caller, hash, 'receipt');
  return found ? receiptJson(found.located, engine) : null;
}

/** Milliseconds as a quantity, or as a plain number, which geth takes. */
function waitMsOf(parameters: RpcParameters): number | undefined {
  const wish = parameters.at(1);
  if (wish === undefined) return undefined;
  if (typeof wish === 'number' && Number.isSafeInteger(wish) && wish > 0) return wish;
  return Number(parameters.quantity(1));
}

/** EIP-7966's errors, with the hash by which the client goes on asking. */
function undecided(outcome: 'dropped' | undefined, hash: Uint8Array, waitMs: number): RpcFailure {
  if (outcome === 'dropped') {
    const text =
      'The transaction was added to the transaction pool and dropped: its nonce went to another';
    return new RpcFailure(droppedCode, text, toData(hash));
  }
  const waited = waitMs % 1000 === 0 ? `${waitMs / 1000}s` : `${waitMs}ms`;
  const text = `The transaction was added to the transaction pool but wasn't processed in ${waited}`;
  return new RpcFailure(timeoutCode, text, toData(hash));
}

/**
 * The ledger entry of a committed transaction, and what opens its claim: with the entry's COSE
 * receipt it proves the Ethereum receipt offline (docs/formats/ethereum-claims.md).
 */
function transactionId(context: RpcContext, parameters: RpcParameters, caller: Caller): RpcAnswer {
  const hash = parameters.hash(0);
  const found = locateTransaction(context, caller, hash, 'receipt');
  if (!found) return null;
  const { located, state } = found;
  const { record, block } = located;
  const { engine, settings } = context;
  const seqno = present(state.seqnoOfTransaction(hash), 'a stored transaction has a version');
  const receipt = engine.encodeReceipt(receiptFields(located)).bytes;
  const digest = claimsDigest({
    salt: record.salt,
    chainId: settings.chainId,
    transactionHash: hash,
    receiptHash: engine.keccak256(receipt),
  });
  return {
    transactionId: formatTransactionId({ view: block.view, seqno }),
    chainId: toQuantity(settings.chainId),
    transactionHash: toData(hash),
    blockNumber: toQuantity(block.number),
    salt: toData(record.salt),
    receipt: toData(receipt),
    claimsDigest: toData(digest),
  };
}
