/**
 * The refusals and faults of the Ethereum adapter beside those of its engine (engine-errors.ts).
 * Messages are geth's words where geth has some, because wallets and libraries match on them.
 */
import { defineErrors, type ErrorMetadata, type ErrorRow, type LedgerError } from '@coco/base';

export type EthereumErrorCode =
  | 'JsonRpcParseError'
  | 'JsonRpcInvalidRequest'
  | 'JsonRpcMethodNotFound'
  | 'JsonRpcInvalidParameters'
  | 'JsonRpcResponseTooLarge'
  | 'JsonRpcTimeout'
  | 'JsonRpcUnsupportedMediaType'
  | 'OriginNotAllowed'
  | 'TransactionKnown'
  | 'TransactionUnprotected'
  | 'ReplacementUnderpriced'
  | 'PoolFull'
  | 'SenderQueueFull'
  | 'BlockFull'
  | 'HeaderNotFound'
  | 'StateNotAvailable'
  | 'CallFailed'
  | 'CallTimeout'
  | 'GasRequiredExceedsAllowance'
  | 'LogQueryTooLarge'
  | 'InvalidBlockRange'
  | 'FilterNotFound'
  | 'TooManyFilters'
  | 'TransactionUnknown'
  | 'GenesisNotTraceable'
  | 'TraceDiverged'
  | 'TooManyCalls'
  | 'MethodRefused'
  | 'SubscriptionsUnsupported'
  | 'SubscriptionUnknown'
  | 'SubscriptionNotFound'
  | 'TooManySubscriptions'
  | 'ItemNotVisible'
  | 'SettingsInvalid'
  | 'ChainMismatch'
  | 'EthereumStateInvalid'
  | 'AdmissionStopped';

const refusal = (meaning: string, status: number = 400): ErrorRow => ({
  kind: 'refusal',
  status,
  meaning,
});
const fault = (meaning: string, status: number = 500): ErrorRow => ({
  kind: 'fault',
  status,
  meaning,
});

const table: Readonly<Record<EthereumErrorCode, ErrorRow>> = {
  JsonRpcParseError: refusal('The body is not JSON, or exceeds the limits of size or nesting.'),
  JsonRpcInvalidRequest: refusal('The JSON is not a JSON-RPC 2.0 request, or the batch too long.'),
  JsonRpcMethodNotFound: refusal('The JSON-RPC method is not served.', 404),
  JsonRpcInvalidParameters: refusal('A parameter of a JSON-RPC call is missing or does not parse.'),
  JsonRpcResponseTooLarge: refusal('The answers of one JSON-RPC body exceed their limit.', 413),
  JsonRpcTimeout: refusal('The calls of one JSON-RPC batch took longer than their limit.', 408),
  JsonRpcUnsupportedMediaType: refusal('A JSON-RPC body was not sent as application/json.', 415),
  OriginNotAllowed: refusal('A web page that is not on loopback called the JSON-RPC port.', 403),
  TransactionKnown: refusal('The transaction was sent before.', 409),
  TransactionUnprotected: refusal('A legacy transaction is not bound to a chain id (EIP-155).'),
  ReplacementUnderpriced: refusal('A queued transaction is replaced only at 10 % higher fees.'),
  PoolFull: refusal('Too many transactions wait for admission or for a lower nonce.', 503),
  SenderQueueFull: refusal('Too many transactions of one sender wait for a lower nonce.', 503),
  BlockFull: refusal('The gas of the open block does not suffice; the next block takes it.', 503),
  HeaderNotFound: refusal('There is no such block.', 404),
  StateNotAvailable: refusal('The state of that block is not kept any more.', 410),
  CallFailed: refusal('The EVM halted a call without return data.'),
  CallTimeout: refusal('A call or estimate ran longer than its limit.', 408),
  GasRequiredExceedsAllowance: refusal('No gas limit within the allowance lets the call succeed.'),
  LogQueryTooLarge: refusal('A log query spans more blocks, or finds more logs, than its limit.'),
  InvalidBlockRange: refusal('The end of a range of blocks lies before its begin.'),
  FilterNotFound: refusal('The filter does not exist or was not asked for too long.', 404),
  TooManyFilters: refusal('No more filters can be installed.', 503),
  TransactionUnknown: refusal('There is no such transaction to trace.', 404),
  GenesisNotTraceable: refusal('The first block executes nothing that could be traced.'),
  TraceDiverged: refusal('A block does not replay to its receipts, so that it is not traced.', 409),
  TooManyCalls: refusal(
    'Too many calls, traces and log queries of the caller, or in all, wait.',
    503,
  ),
  MethodRefused: refusal('Other nodes have the method and this one does not; it says why.', 501),
  SubscriptionsUnsupported: refusal('Over HTTP nothing can be told later: use WebSocket.'),
  SubscriptionUnknown: refusal('There is no subscription of that name.', 404),
  SubscriptionNotFound: refusal('The connection has no such subscription.', 404),
  TooManySubscriptions: refusal('The connection, or the node, takes no more subscriptions.', 503),
  ItemNotVisible: refusal('The rules of the ledger do not let the caller see this.', 403),
  SettingsInvalid: refusal(
    'A setting that members propose for the chain has no such name or value.',
  ),
  ChainMismatch: refusal('The configured chain id is not that of the recovered ledger.'),
  EthereumStateInvalid: fault('A stored record of the Ethereum state does not decode.'),
  AdmissionStopped: fault('The admission pool is stopped or lost its worker.', 503),
};

/** Makes an error of the adapter's table. */
export const ethereumError: (
  code: EthereumErrorCode,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors(table);
