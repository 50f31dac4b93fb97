/**
 * Executes transactions into the open block and concludes the block when its batch is sealed.
 * Each transaction is one ledger entry; the block is one more. The primary's only: elsewhere the
 * host refuses to execute.
 */

import type { Executed, Host, OpenBatch } from '@coco/adapter';
import { assert, present, type Seqno } from '@coco/base';
import type { Transaction } from '@coco/kv';
import type { AdmittedTransaction } from './admission.ts';
import { concludeHeader, type HeaderContent, zeroHash } from './block-header.ts';
import { claimsDigest, saltBytes } from './claims.ts';
import type {
  BlockEnvironment,
  Execution,
  ExecutionEngine,
  ExecutionRequest,
  ReceiptFields,
} from './engine-types.ts';
import { ethereumError } from './errors.ts';
import { applyChanges, EthereumState, writeBlock, writeTransaction } from './ethereum-state.ts';
import { type BlockEntry, OpenBlock } from './open-block.ts';
import { nextStateDigest } from './state-digest.ts';

/** A block whose batch is sealed but not yet committed. */
interface SealedBlock {
  readonly sealSeqno: Seqno;
  readonly block: OpenBlock;
}

/** What executing a transaction gave, before its seqno is known. */
type Outcome = Omit<BlockEntry, 'seqno'>;

export class BlockBuilder {
  readonly #host: Host;
  readonly #engine: ExecutionEngine;
  #open: OpenBlock | undefined;
  /** In order; kept so that a rollback into a block can take it up again. */
  #sealed: SealedBlock[] = [];
  #isEmptyBlockWanted = false;

  constructor(host: Host, engine: ExecutionEngine) {
    this.#host = host;
    this.#engine = engine;
  }

  /** The block being filled; `undefined` while no transaction waits for its seal. */
  get open(): OpenBlock | undefined {
    return this.#open;
  }

  /**
   * The environment of the block that the next transaction would be in, without its randomness: a
   * caller who could read it would choose what to send into the same block.
   */
  nextEnvironment(state: EthereumState): BlockEnvironment {
    const block = this.#open ?? this.#newBlock(state, zeroHash);
    return { ...block.environment, prevrandao: zeroHash };
  }

  /**
   * Executes one transaction as one ledger entry.
   * @throws BlockFull, the engine's refusals, EngineTrapped, and what Host.execute throws; then
   * nothing is written
   */
  execute(transaction: AdmittedTransaction): Executed<BlockEntry> {
    const block = this.#open ?? this.#newBlock(this.#executed(), this.#host.random.bytes(32));
    if (block.gasUsed + transaction.decoded.gasLimit > block.environment.gasLimit) {
      throw ethereumError('BlockFull', 'The open block has too little gas left.');
    }
    const { result, id } = this.#host.execute((writes) => this.#run(writes, block, transaction));
    const written = present(id, 'an executed transaction writes its record');
    const entry = { ...result, seqno: written.seqno };
    block.add(entry);
    this.#open = block;
    return { result: entry, id };
  }

  /** Makes the next seal write a block even if it is empty. */
  wantEmptyBlock(): void {
    this.#isEmptyBlockWanted = true;
  }

  /** Writes the block of a batch, if there is one to write. */
  seal(writes: Transaction, batch: OpenBatch): void {
    const isWanted = this.#isEmptyBlockWanted;
    this.#isEmptyBlockWanted = false;
    if (!this.#open && !isWanted) return;
    const block =
      this.#open ?? this.#newBlock(new EthereumState(writes), this.#host.random.bytes(32));
    this.#open = undefined;
    this.#conclude(writes, batch, block);
    this.#sealed.push({ sealSeqno: batch.sealSeqno, block });
  }

  committed(lastSeqno: Seqno): void {
    this.#sealed = this.#sealed.filter(({ sealSeqno }) => sealSeqno > lastSeqno);
  }

  rolledBack(to: Seqno): void {
    this.#isEmptyBlockWanted = false;
    const undone = this.#sealed.filter(({ sealSeqno }) => sealSeqno > to);
    this.#sealed = this.#sealed.filter(({ sealSeqno }) => sealSeqno <= to);
    // Only the lowest of the undone blocks can have entries that stay.
    const lowest = undone[0]?.block ?? this.#open;
    lowest?.truncate(to);
    this.#open = lowest && lowest.entries.length > 0 ? lowest : undefined;
  }

  #executed(): EthereumState {
    return new EthereumState(this.#host.executed());
  }

  #newBlock(state: EthereumState, prevrandao: Uint8Array): OpenBlock {
    const parent = state.head();
    const chain = state.chain();
    const now = BigInt(Math.floor(this.#host.clock.nowMs() / 1000));
    const environment: BlockEnvironment = {
      number: parent.number + 1n,
      // The host sets the clock: it may go back, block time never does.
      timestamp: now > parent.timestamp ? now : parent.timestamp,
      gasLimit: chain.blockGasLimit,
      baseFee: chain.baseFee,
      beneficiary: chain.beneficiary,
      prevrandao,
    };
    return new OpenBlock(environment, parent, chain);
  }

  #run(
    writes: Transaction,
    block: OpenBlock,
    transaction: AdmittedTransaction,
  ): { result: Outcome; claimsDigest: Uint8Array } {
    const { decoded, raw, sender } = transaction;
    const request = executionRequest(transaction, block);
    const execution = this.#engine.execute(request, new EthereumState(writes));
    const receipt = receiptOf(transaction, block, execution);
    const salt = this.#host.random.bytes(saltBytes);
    applyChanges(writes, execution.changes);
    writeTransaction(writes, decoded.hash, {
      blockNumber: block.environment.number,
      index: block.entries.length,
      isSuccess: receipt.isSuccess,
      gasUsed: execution.gasUsed,
      cumulativeGasUsed: receipt.cumulativeGasUsed,
      effectiveGasPrice: effectiveGasPrice(transaction, block.environment.baseFee),
      firstLogIndex: block.logCount,
      sender,
      salt,
      raw,
      logs: execution.logs,
    });
    const keccak256 = (bytes: Uint8Array): Uint8Array => this.#engine.keccak256(bytes);
    const stateDigest = nextStateDigest(block.stateDigest, execution.changes, keccak256);
    const encodedReceipt = this.#engine.encodeReceipt(receipt);
    const claim = claimsDigest({
      salt,
      chainId: block.chain.chainId,
      transactionHash: decoded.hash,
      receiptHash: keccak256(encodedReceipt.bytes),
    });
    const result = { hash: decoded.hash, raw, receipt, encodedReceipt, stateDigest };
    return { result, claimsDigest: claim };
  }

  #conclude(writes: Transaction, batch: OpenBatch, block: OpenBlock): void {
    const { entries, environment, parent } = block;
    const raws = entries.map((entry) => entry.raw);
    const roots = this.#engine.encodedBlockRoots(
      raws,
      entries.map((entry) => entry.encodedReceipt),
    );
    const content: HeaderContent = {
      ...environment,
      ...roots,
      parentHash: parent.hash,
      stateRoot: block.stateDigest,
      gasUsed: block.gasUsed,
    };
    const { hash, sizeBytes } = concludeHeader(this.#engine, content, raws);
    assert(new EthereumState(writes).headNumber() === parent.number, 'blocks are written in order');
    writeBlock(writes, {
      ...content,
      hash,
      sizeBytes,
      view: batch.view,
      transactionHashes: entries.map((entry) => entry.hash),
    });
  }
}

function executionRequest(
  { decoded, sender, authorizations }: AdmittedTransaction,
  { environment, chain }: OpenBlock,
): ExecutionRequest {
  const { chainId, spec, transactionGasMax } = chain;
  return {
    mode: 'transaction',
    transaction: { ...decoded, sender, authorizationList: authorizations },
    block: environment,
    config:
      transactionGasMax === undefined ? { chainId, spec } : { chainId, spec, transactionGasMax },
  };
}

function receiptOf(
  { decoded }: AdmittedTransaction,
  block: OpenBlock,
  execution: Execution,
): ReceiptFields {
  return {
    type: decoded.type,
    isSuccess: execution.status === 'success',
    cumulativeGasUsed: block.gasUsed + execution.gasUsed,
    logs: execution.logs,
  };
}

/** What the sender pays per gas (EIP-1559). */
export function effectiveGasPrice(
  { decoded }: Pick<AdmittedTransaction, 'decoded'>,
  baseFee: bigint,
): bigint {
  const { maxFeePerGas, maxPriorityFeePerGas } = decoded;
  if (maxPriorityFeePerGas === undefined) return maxFeePerGas;
  const wished = baseFee + maxPriorityFeePerGas;
  return wished < maxFeePerGas ? wished : maxFeePerGas;
}
