/** JSON-RPC methods that submit transactions, and the one that leads to their ledger entries. */
import { formatTransactionId, present } from '@coco/base';
import type { Caller } from '@coco/endpoint';
import type { AdmittedTransaction } from './admission.ts';
import { claimsDigest } from './claims.ts';
import { ethereumError } from './errors.ts';
import { type RpcAnswer, RpcFailure, type RpcMethod } from './json-rpc.ts';
import { toData, toQuantity } from './numbers.ts';
import type { RelayRefusal } from './relay-message.ts';
import { locateTransaction, type MethodTable, type RpcContext } from './rpc-context.ts';
import { receiptFields, receiptJson } from './rpc-format.ts';
import type { RpcParameters } from './rpc-parameters.ts';
import type { Outcome } from './submission.ts';

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
  const wished = parameters.at(1) === undefined ? syncWaitMsMax : Number(parameters.quantity(1));
  const waitMs = Math.min(wished, syncWaitMsMax);
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
    if (outcome !== 'committed') throw waitedTooLong(hash, waitMs);
  } finally {
    cancel();
    endWait();
  }
  const found = locateTransaction(context, caller, hash, 'receipt');
  return found ? receiptJson(found.located, engine) : null;
}

function waitedTooLong(hash: Uint8Array, waitMs: number): Error {
  return ethereumError(
    'CallTimeout',
    `the transaction ${toData(hash)} was added to the transaction pool but not committed within ${waitMs} ms`,
  );
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
