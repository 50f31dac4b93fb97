/**
 * The values that cross the engine's boundary (engine.ts): what a caller gives and what it gets.
 * Bytes are Uint8Array (addresses 20, hashes and slots 32 bytes); every u64 and u256 is a bigint;
 * codes, lengths and parities are numbers. Results are copies: they stay valid after later calls.
 */

/** The forks that the engine knows, by their name in the Ethereum execution specification. */
export type Spec = 'prague' | 'osaka';

/** The transaction types that can be executed; 3 (blobs) is recognised and refused. */
export type TransactionType = 0 | 1 | 2 | 4;

/** An account as the state holds it. `codeHash` of an account without code is keccak256(''). */
export interface AccountState {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly codeHash: Uint8Array;
}

/**
 * Where an execution reads its state, synchronously. An error that a method throws ends the
 * execution and comes out of `execute` unchanged. State overrides are a StateSource around another.
 */
export interface StateSource {
  /** `undefined` when the account does not exist. */
  getAccount(address: Uint8Array): AccountState | undefined;
  /**
   * The code whose keccak256 is `codeHash`: any other is a bug. Asked only for hashes that
   * getAccount gave and that the engine has not cached.
   */
  getCode(codeHash: Uint8Array): Uint8Array;
  /** 32 bytes, big-endian; `undefined` is zero. */
  getStorage(address: Uint8Array, slot: Uint8Array): Uint8Array | undefined;
  /** The hash of one of the last 256 blocks; `undefined` is zero. */
  getBlockHash(number: bigint): Uint8Array | undefined;
}

/** EIP-2930. */
export interface AccessListItem {
  readonly address: Uint8Array;
  readonly storageKeys: readonly Uint8Array[];
}

/** An EIP-7702 authorization as it stands in a transaction; `signingHash` is what was signed. */
export interface Authorization {
  readonly chainId: bigint;
  readonly address: Uint8Array;
  readonly nonce: bigint;
  readonly yParity: number;
  readonly r: Uint8Array;
  readonly s: Uint8Array;
  readonly signingHash: Uint8Array;
}

/** A signed transaction, decoded strictly (EIP-2718). Nothing is recovered or executed yet. */
export interface DecodedTransaction {
  readonly type: TransactionType;
  /** `undefined` for a legacy transaction without replay protection (before EIP-155). */
  readonly chainId: bigint | undefined;
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  /** gasPrice of types 0 and 1. */
  readonly maxFeePerGas: bigint;
  /** `undefined` for types 0 and 1. */
  readonly maxPriorityFeePerGas: bigint | undefined;
  /** `undefined` creates a contract. */
  readonly to: Uint8Array | undefined;
  readonly value: bigint;
  readonly input: Uint8Array;
  readonly accessList: readonly AccessListItem[];
  readonly authorizationList: readonly Authorization[];
  readonly yParity: 0 | 1;
  /** 32 bytes, big-endian, with leading zeroes. */
  readonly r: Uint8Array;
  readonly s: Uint8Array;
  readonly hash: Uint8Array;
  readonly signingHash: Uint8Array;
}

/** An authorization with the address that signed it; `undefined` when the signature is invalid. */
export interface RecoveredAuthorization {
  readonly chainId: bigint;
  readonly address: Uint8Array;
  readonly nonce: bigint;
  readonly authority: Uint8Array | undefined;
}

/** What is executed: a transaction whose signatures have been recovered, or a call. */
export interface ExecutableTransaction {
  readonly type: TransactionType;
  readonly sender: Uint8Array;
  readonly chainId: bigint | undefined;
  /** Ignored in mode `call`. */
  readonly nonce: bigint;
  readonly gasLimit: bigint;
  /** gasPrice of types 0 and 1. */
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint | undefined;
  readonly to: Uint8Array | undefined;
  readonly value: bigint;
  readonly input: Uint8Array;
  readonly accessList: readonly AccessListItem[];
  readonly authorizationList: readonly RecoveredAuthorization[];
}

/** The block in which a transaction executes. */
export interface BlockEnvironment {
  readonly number: bigint;
  /** Seconds. */
  readonly timestamp: bigint;
  readonly gasLimit: bigint;
  readonly baseFee: bigint;
  readonly beneficiary: Uint8Array;
  readonly prevrandao: Uint8Array;
}

export interface ExecutionConfig {
  readonly chainId: bigint;
  readonly spec: Spec;
  /**
   * The most gas a transaction may ask for. `undefined`: the spec's own rule (2^24 from Osaka on,
   * EIP-7825; none in Prague). 2^64-1 lifts it. Not applied in mode `call`.
   */
  readonly transactionGasMax?: bigint;
}

/**
 * `transaction`: every check of consensus. `call` (eth_call, eth_estimateGas): as geth does it,
 * nonce, sender's code, block gas limit and transaction gas cap are not checked, and with a fee of
 * zero the base fee counts as zero; the balance must cover value and fee.
 * `system` (EIP-2935, EIP-4788): a call by the protocol itself with 30 million gas; the sender is
 * `systemSender`, nothing is checked or charged, and only `to` and `input` count.
 */
export type ExecutionMode = 'transaction' | 'call' | 'system';

export interface ExecutionRequest {
  readonly mode: ExecutionMode;
  readonly transaction: ExecutableTransaction;
  readonly block: BlockEnvironment;
  readonly config: ExecutionConfig;
}

export interface EventLog {
  readonly address: Uint8Array;
  /** At most 4, of 32 bytes. */
  readonly topics: readonly Uint8Array[];
  readonly data: Uint8Array;
}

export interface StorageChange {
  readonly slot: Uint8Array;
  /** 32 bytes; all zero removes the slot. */
  readonly value: Uint8Array;
}

/** What an account is after the transaction. Only accounts and slots that differ are listed. */
export interface AccountChange {
  readonly address: Uint8Array;
  /**
   * The account is gone, with all its storage (EIP-161, EIP-6780): nonce, balance and codeHash are
   * those of an empty account, `storage` is empty.
   */
  readonly isRemoved: boolean;
  /** Any storage held under the address before is void; `storage` lists all that there is now. */
  readonly isStorageReset: boolean;
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly codeHash: Uint8Array;
  /** Code set by this transaction (creation or EIP-7702); empty when a delegation was cleared. */
  readonly code: Uint8Array | undefined;
  readonly storage: readonly StorageChange[];
}

/** Why an execution halted; `engine-execution.ts` gives geth's words for each. */
export type HaltReason =
  | 'OutOfGas'
  | 'OutOfMemory'
  | 'InvalidOpcode'
  | 'InvalidJump'
  | 'StackUnderflow'
  | 'StackOverflow'
  | 'ReturnDataOutOfBounds'
  | 'CreateCollision'
  | 'PrecompileFailed'
  | 'NonceOverflow'
  | 'CodeTooLarge'
  | 'InitCodeTooLarge'
  | 'CodeStartsWithEf'
  | 'WriteProtection'
  | 'CallTooDeep'
  | 'OutOfFunds'
  | 'Other';

interface ExecutionCommon {
  /** Gas that the sender pays for, refund deducted: the receipt's figure. */
  readonly gasUsed: bigint;
  readonly gasRefunded: bigint;
  /**
   * Gas consumed before the refund (and at least EIP-7623's floor): a lower bound for the gas limit
   * with which this execution ends the same way; eth_estimateGas begins here.
   */
  readonly gasSpent: bigint;
  /** Return data; the revert's data when `status` is `revert`; empty for `halt`. */
  readonly output: Uint8Array;
  /** In the order of emission; empty unless `status` is `success`. */
  readonly logs: readonly EventLog[];
  /** In byte order of addresses, slots in byte order. */
  readonly changes: readonly AccountChange[];
}

interface ExecutionSuccess extends ExecutionCommon {
  readonly status: 'success';
  /** Set when the transaction created a contract. */
  readonly createdAddress: Uint8Array | undefined;
}

interface ExecutionRevert extends ExecutionCommon {
  readonly status: 'revert';
}

interface ExecutionHalt extends ExecutionCommon {
  readonly status: 'halt';
  readonly reason: HaltReason;
  /** As geth words it, such as `out of gas` or `invalid opcode: INVALID`. */
  readonly message: string;
}

export type Execution = ExecutionSuccess | ExecutionRevert | ExecutionHalt;

/** One transaction's receipt before encoding. */
export interface ReceiptFields {
  readonly type: TransactionType;
  readonly isSuccess: boolean;
  readonly cumulativeGasUsed: bigint;
  readonly logs: readonly EventLog[];
}

export interface EncodedReceipt {
  /** EIP-2718: the type's byte (none for type 0), then RLP(status, gas, bloom, logs). */
  readonly bytes: Uint8Array;
  /** 256 bytes. */
  readonly logsBloom: Uint8Array;
}

export interface BlockRoots {
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  /** The union of the receipts' blooms, 256 bytes. */
  readonly logsBloom: Uint8Array;
}

/** A block header, all fields up to Prague. The optional ones are a prefix: none after a gap. */
export interface HeaderFields {
  readonly parentHash: Uint8Array;
  readonly ommersHash: Uint8Array;
  readonly beneficiary: Uint8Array;
  readonly stateRoot: Uint8Array;
  readonly transactionsRoot: Uint8Array;
  readonly receiptsRoot: Uint8Array;
  readonly logsBloom: Uint8Array;
  readonly difficulty: bigint;
  readonly number: bigint;
  readonly gasLimit: bigint;
  readonly gasUsed: bigint;
  readonly timestamp: bigint;
  readonly extraData: Uint8Array;
  /** prevrandao since the merge. */
  readonly mixHash: Uint8Array;
  /** 8 bytes. */
  readonly nonce: Uint8Array;
  readonly baseFeePerGas?: bigint;
  readonly withdrawalsRoot?: Uint8Array;
  readonly blobGasUsed?: bigint;
  readonly excessBlobGas?: bigint;
  readonly parentBeaconBlockRoot?: Uint8Array;
  readonly requestsHash?: Uint8Array;
}

export interface EncodedHeader {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
}

/**
 * The engine: one instance per thread, every call synchronous. It holds no state between calls but
 * a cache of contract code by hash.
 */
export interface ExecutionEngine {
  /**
   * Decodes a signed transaction strictly.
   * @throws TransactionTooLarge, TransactionMalformed, TransactionTypeUnsupported,
   * BlobTransactionUnsupported, SignatureInvalid
   */
  decodeTransaction(raw: Uint8Array): DecodedTransaction;
  /** The address that signed a transaction. @throws SignatureInvalid */
  recoverSender(transaction: DecodedTransaction): Uint8Array;
  /** The authorizations with their signers, ready for `execute`. An invalid one has none. */
  recoverAuthorizations(transaction: DecodedTransaction): readonly RecoveredAuthorization[];
  /**
   * Executes against `source` and returns the outcome with its state changes; applies nothing.
   * @throws the validation refusals of engine-errors.ts (NonceTooLow, InsufficientFunds, ...) in
   * geth's words; EngineTrapped (the instance has been replaced, later calls work)
   */
  execute(request: ExecutionRequest, source: StateSource): Execution;
  /** Roots and bloom of a block; `transactions` are raw EIP-2718 bytes. */
  blockRoots(transactions: readonly Uint8Array[], receipts: readonly ReceiptFields[]): BlockRoots;
  /** As `blockRoots`, at half the cost where `encodeReceipt` was called for each already. */
  encodedBlockRoots(
    transactions: readonly Uint8Array[],
    receipts: readonly EncodedReceipt[],
  ): BlockRoots;
  encodeReceipt(receipt: ReceiptFields): EncodedReceipt;
  /** @throws InvalidInput when an optional field follows a missing one. */
  encodeHeader(header: HeaderFields): EncodedHeader;
  keccak256(bytes: Uint8Array): Uint8Array;
}
