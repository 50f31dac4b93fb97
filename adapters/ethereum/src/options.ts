/** What a network may configure of its Ethereum ledger, with the defaults and their reasons. */
import type { AdmissionPool } from './admission.ts';
import type { CallExecutor } from './call-executor.ts';
import type { Spec } from './engine-types.ts';
import type { Visibility } from './state-codec.ts';

/** Bounds on what callers can make the node do; geth's figures where geth has one. */
export interface EthereumLimits {
  /** Bytes of one JSON-RPC body (geth: 5 MiB). */
  readonly bodyBytesMax: number;
  /** Nesting of one JSON-RPC body: a filter in a call in a batch needs 6. */
  readonly bodyDepthMax: number;
  /** Calls in one batch (geth: 1000). */
  readonly batchCallsMax: number;
  /** Bytes of the answers to one body (geth: 25 MB for a batch). */
  readonly responseBytesMax: number;
  /** How long the calls of one batch may take; the rest is refused (geth: 30 s for a request). */
  readonly batchMsMax: number;
  /** Gas of an eth_call or of one try of eth_estimateGas (geth: 50 million). */
  readonly callGasMax: bigint;
  /** Time of one eth_call or of one try of eth_estimateGas (geth: 5 s). */
  readonly callMsMax: number;
  /** Time of one trace, of a transaction or of a whole block (geth: 5 s for a transaction). */
  readonly traceMsMax: number;
  /** What one trace records; as JSON it is about twice as much. */
  readonly traceBytesMax: number;
  /** Calls, traces and log queries that wait for their turn. */
  readonly waitingCallsMax: number;
  /** Of one caller; all strangers are one. */
  readonly waitingCallsPerCallerMax: number;
  /**
   * Transactions of one sender that wait (geth: 64). More than in geth: a business sends much with
   * one key over parallel connections, and what overtakes waits here.
   */
  readonly queuedPerSenderMax: number;
  /** Transactions that wait in all (geth: 1024 with a gap, 4096 without). */
  readonly queuedMax: number;
  /** Their raw bytes in all: each may have 128 KiB. */
  readonly queuedBytesMax: number;
  /** How long a transaction may wait for a lower nonce (geth: 3 hours). */
  readonly queuedMsMax: number;
  /** Blocks that one log query may span. */
  readonly logBlocksMax: bigint;
  /** Logs that one log query may find. */
  readonly logsMax: number;
  /** How long one log query may search, in steps between which others run. */
  readonly logQueryMsMax: number;
  /** Log queries that search at a time. */
  readonly logQueriesMax: number;
  /** Filters installed at a time. */
  readonly filtersMax: number;
  /** A filter that nobody asks for so long is removed (geth: 5 minutes). */
  readonly filterMsMax: number;
  /** Subscriptions of one connection. */
  readonly subscriptionsPerChannelMax: number;
  /** Subscriptions of all connections of this node. */
  readonly subscriptionsMax: number;
  /** Blocks of one eth_feeHistory (geth: 1024). */
  readonly feeHistoryBlocksMax: number;
  /** Committed states by block that stay readable; the store keeps no more either. */
  readonly statesMax: number;
  /** The longest that eth_sendRawTransactionSync waits for the commit. */
  readonly syncWaitMsMax: number;
}

const mebibyte = 1024 * 1024;

export const ethereumLimitsDefault: EthereumLimits = {
  bodyBytesMax: 5 * mebibyte,
  bodyDepthMax: 16,
  batchCallsMax: 1000,
  responseBytesMax: 25 * mebibyte,
  batchMsMax: 10_000,
  callGasMax: 50_000_000n,
  callMsMax: 1000,
  traceMsMax: 5000,
  traceBytesMax: 12 * mebibyte,
  waitingCallsMax: 2000,
  waitingCallsPerCallerMax: 1000,
  queuedPerSenderMax: 1024,
  queuedMax: 10_240,
  queuedBytesMax: 64 * mebibyte,
  queuedMsMax: 3 * 3_600_000,
  logBlocksMax: 50_000n,
  logsMax: 10_000,
  logQueryMsMax: 10_000,
  logQueriesMax: 4,
  filtersMax: 1000,
  filterMsMax: 300_000,
  subscriptionsPerChannelMax: 128,
  subscriptionsMax: 10_000,
  feeHistoryBlocksMax: 1024,
  statesMax: 128,
  syncWaitMsMax: 30_000,
};

/** An account that genesis creates. */
export interface PrefundedAccount {
  /** 20 bytes. */
  readonly address: Uint8Array;
  /** In wei. */
  readonly balance: bigint;
}

export interface EthereumOptions {
  /** Written by genesis; a recovered ledger keeps its own and refuses another. */
  readonly chainId: bigint;
  readonly prefunded?: readonly PrefundedAccount[];
  /** Who may read, for genesis; governance may change it. */
  readonly visibility?: Visibility;
  /** Where transactions are admitted; worker threads in production. */
  readonly admissionPool: AdmissionPool;
  /** Where calls and traces run; threads of their own in production. Absent: on this thread. */
  readonly calls?: CallExecutor;
  /** The compiled engine, to share it with the pool's threads. Absent: compiled here. */
  readonly engineModule?: WebAssembly.Module;
  /** The answer of eth_accounts. The node holds no keys of users: none by default. */
  readonly accounts?: readonly Uint8Array[];
  /** The rules of execution, for genesis. Osaka is mainnet's since December 2025. */
  readonly spec?: Spec;
  /**
   * Gas of one block, for genesis. A block is a batch, and a batch is as long as a commit takes:
   * mainnet's figure would slow the network down, so this is far above it.
   */
  readonly blockGasLimit?: bigint;
  /** Constant base fee in wei, for genesis; zero because a consortium shares its costs elsewhere. */
  readonly baseFee?: bigint;
  /** Who gets the tips, for genesis. */
  readonly beneficiary?: Uint8Array;
  /** The most gas of one transaction, for genesis. Absent: the spec's own cap (EIP-7825). */
  readonly transactionGasMax?: bigint;
  /** Seconds since 1970, for genesis. */
  readonly genesisTimestamp?: bigint;
  /** Whether legacy transactions without a chain id are taken: others could replay them. */
  readonly allowsUnprotected?: boolean;
  /** Pause before each empty block that lets waits for confirmations end. */
  readonly emptyBlockDelayMs?: number;
  /** Web origins beside loopback that may call the JSON-RPC port; `https://wallet.example`. */
  readonly allowedOrigins?: readonly string[];
  readonly limits?: Partial<EthereumLimits>;
}

export type EthereumSettings = Required<
  Omit<EthereumOptions, 'engineModule' | 'limits' | 'transactionGasMax' | 'calls'>
> & {
  readonly transactionGasMax: bigint | undefined;
  readonly limits: EthereumLimits;
};

/** Fills in the defaults. */
export function ethereumSettings(options: EthereumOptions): EthereumSettings {
  return {
    chainId: options.chainId,
    prefunded: options.prefunded ?? [],
    visibility: options.visibility ?? 'public',
    admissionPool: options.admissionPool,
    accounts: options.accounts ?? [],
    spec: options.spec ?? 'osaka',
    blockGasLimit: options.blockGasLimit ?? 1_000_000_000n,
    baseFee: options.baseFee ?? 0n,
    beneficiary: options.beneficiary ?? new Uint8Array(20),
    transactionGasMax: options.transactionGasMax,
    genesisTimestamp: options.genesisTimestamp ?? 0n,
    allowsUnprotected: options.allowsUnprotected ?? false,
    emptyBlockDelayMs: options.emptyBlockDelayMs ?? 500,
    allowedOrigins: options.allowedOrigins ?? [],
    limits: { ...ethereumLimitsDefault, ...options.limits },
  };
}
