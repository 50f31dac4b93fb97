/**
 * Methods that other nodes have and this one does not, each with a sentence that names what to do
 * instead: a tool's user reads the sentence, not our documentation.
 */
import { ethereumError } from './errors.ts';
import type { RpcMethod } from './json-rpc.ts';
import type { MethodTable } from './rpc-context.ts';

const signing =
  'this node holds no keys of users: sign with your wallet or library and send with eth_sendRawTransaction (the sandbox has its accounts and their keys in members/accounts.json)';
const mining =
  'blocks are made as soon as there are transactions, and nobody mines: send a transaction, or wait, for up to five empty blocks follow each one';
const time =
  'block time is that of the consortium and cannot be set: pass block overrides to eth_call, eth_estimateGas or debug_traceCall';
const state =
  'the state changes by transactions alone: pass state overrides to eth_call, eth_estimateGas or debug_traceCall, or prefund accounts when the network begins';
const rewind =
  'what is committed is final: start a new sandbox in another folder, or use state overrides';
const impersonation =
  'nobody may send in the name of another: pass "from" to eth_call, eth_estimateGas or debug_traceCall';

/** By name; a name that ends with an asterisk stands for all that begin so. */
const sentences: Readonly<Record<string, string>> = {
  eth_getProof:
    'the state has no Merkle-Patricia trie to prove from: coco_getTransactionId leads from a transaction to its ledger receipt, which proves its Ethereum receipt offline',
  eth_sendTransaction: signing,
  eth_signTransaction: signing,
  eth_sign: signing,
  eth_signTypedData: signing,
  eth_signTypedData_v4: signing,
  eth_fillTransaction: signing,
  personal_sign: signing,
  'personal_*': signing,
  evm_mine: mining,
  evm_setAutomine: mining,
  evm_setIntervalMining: mining,
  hardhat_mine: mining,
  anvil_mine: mining,
  eth_getWork: mining,
  eth_submitWork: mining,
  evm_increaseTime: time,
  evm_setNextBlockTimestamp: time,
  evm_setTime: time,
  evm_snapshot: rewind,
  evm_revert: rewind,
  hardhat_reset: rewind,
  anvil_reset: rewind,
  hardhat_impersonateAccount: impersonation,
  hardhat_stopImpersonatingAccount: impersonation,
  anvil_impersonateAccount: impersonation,
  'evm_*': state,
  'hardhat_*': state,
  'anvil_*': state,
  'debug_*':
    'this trace is not served: there are debug_traceTransaction, debug_traceCall, debug_traceBlockByNumber and debug_traceBlockByHash',
  'trace_*':
    'there are debug_traceTransaction, debug_traceCall and debug_traceBlockByNumber with callTracer instead',
  'admin_*': 'nodes are governed by the members: see /gov and /node on the HTTPS interface',
  'miner_*': mining,
  'engine_*': 'there is no consensus client: the network agrees by itself',
};

/** The method that refuses a name; undefined when the name says nothing to this node. */
export function refusedMethod(name: string): RpcMethod | undefined {
  const sentence = sentenceOf(name);
  if (sentence === undefined) return undefined;
  const refuse = (): never => {
    throw ethereumError('MethodRefused', `the method ${name} is not served: ${sentence}`);
  };
  return { arity: [0, Number.MAX_SAFE_INTEGER], handle: refuse };
}

function sentenceOf(name: string): string | undefined {
  if (name.length > 64) return undefined;
  if (Object.hasOwn(sentences, name)) return sentences[name];
  const family = `${name.split('_', 1)[0]}_*`;
  return Object.hasOwn(sentences, family) ? sentences[family] : undefined;
}

/** rpc_modules: the families of methods, with geth's version of each. */
export function moduleMethods(names: Iterable<string>): MethodTable {
  const families = new Set([...names, 'rpc_modules'].map((name) => name.split('_', 1)[0] ?? ''));
  const modules = Object.fromEntries([...families].sort().map((family) => [family, '1.0']));
  return [['rpc_modules', { arity: [0, 0], handle: () => modules }]];
}
