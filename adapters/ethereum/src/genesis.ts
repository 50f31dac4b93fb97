/** The first state: what holds for the chain, the prefunded accounts, and block 0. */
import { asView, compareBytes, concatBytes } from '@coco/base';
import type { Transaction } from '@coco/kv';
import { concludeHeader, emptyTrieRoot, type HeaderContent, zeroHash } from './block-header.ts';
import { emptyCodeHash } from './engine-execution.ts';
import type { AccountChange, ExecutionEngine } from './engine-types.ts';
import { applyChanges, writeBlock, writeChain } from './ethereum-state.ts';
import type { EthereumSettings } from './options.ts';
import { type ChainRecord, encodeChain } from './state-codec.ts';
import { nextStateDigest } from './state-digest.ts';

/** Writes genesis. Its hash is a function of the settings alone. */
export function writeGenesis(
  transaction: Transaction,
  settings: EthereumSettings,
  engine: ExecutionEngine,
): void {
  const chain: ChainRecord = {
    chainId: settings.chainId,
    spec: settings.spec,
    blockGasLimit: settings.blockGasLimit,
    baseFee: settings.baseFee,
    beneficiary: settings.beneficiary,
    transactionGasMax: settings.transactionGasMax,
    visibility: settings.visibility,
  };
  const changes = prefundedChanges(settings);
  const keccak256 = (bytes: Uint8Array): Uint8Array => engine.keccak256(bytes);
  // The chain's record opens the hash chain, so that two chains never share a state root.
  const opening = keccak256(concatBytes(zeroHash, encodeChain(chain)));
  const content: HeaderContent = {
    number: 0n,
    parentHash: zeroHash,
    stateRoot: nextStateDigest(opening, changes, keccak256),
    transactionsRoot: emptyTrieRoot,
    receiptsRoot: emptyTrieRoot,
    prevrandao: zeroHash,
    beneficiary: chain.beneficiary,
    timestamp: settings.genesisTimestamp,
    gasLimit: chain.blockGasLimit,
    gasUsed: 0n,
    baseFee: chain.baseFee,
    logsBloom: new Uint8Array(256),
  };
  writeChain(transaction, chain);
  applyChanges(transaction, changes);
  writeBlock(transaction, {
    ...content,
    ...concludeHeader(engine, content, []),
    // The creating transaction stands before the first view's first batch is known.
    view: asView(0),
    transactionHashes: [],
  });
}

function prefundedChanges(settings: EthereumSettings): readonly AccountChange[] {
  return settings.prefunded
    .map(({ address, balance }) => ({
      address,
      isRemoved: false,
      isStorageReset: false,
      nonce: 0n,
      balance,
      codeHash: emptyCodeHash,
      code: undefined,
      storage: [],
    }))
    .sort((left, right) => compareBytes(left.address, right.address));
}
