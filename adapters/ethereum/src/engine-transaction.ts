/** The engine's messages about transactions: what it decodes and what it executes. */
import type { EngineReader } from './engine-reader.ts';
import type {
  AccessListItem,
  Authorization,
  DecodedTransaction,
  ExecutableTransaction,
  ExecutionMode,
  ExecutionRequest,
  Spec,
  TransactionType,
} from './engine-types.ts';
import type { EngineWriter } from './engine-writer.ts';

const hasTo = 1;
const hasChainId = 2;
const hasTip = 4;
const hasGasCap = 8;

const modeCodes: Readonly<Record<ExecutionMode, number>> = { transaction: 0, call: 1, system: 2 };
const specCodes: Readonly<Record<Spec, number>> = { prague: 0, osaka: 1 };

/** The result of `decode_transaction`. */
export function readTransaction(reader: EngineReader): DecodedTransaction {
  // The engine gives no other type; it refuses the rest.
  const type = reader.u8() as TransactionType;
  const flags = reader.u8();
  const yParity = reader.u8() === 1 ? 1 : 0;
  const chainId = reader.u64();
  const nonce = reader.u64();
  const gasLimit = reader.u64();
  const maxFeePerGas = reader.u128();
  const maxPriorityFeePerGas = reader.u128();
  const to = reader.fixed(20);
  const transaction: DecodedTransaction = {
    type,
    chainId: (flags & hasChainId) !== 0 ? chainId : undefined,
    nonce,
    gasLimit,
    maxFeePerGas,
    maxPriorityFeePerGas: (flags & hasTip) !== 0 ? maxPriorityFeePerGas : undefined,
    to: (flags & hasTo) !== 0 ? to : undefined,
    value: reader.u256(),
    yParity,
    r: reader.fixed(32),
    s: reader.fixed(32),
    hash: reader.fixed(32),
    signingHash: reader.fixed(32),
    input: reader.sized(),
    accessList: reader.list(() => readAccessListItem(reader)),
    authorizationList: reader.list(() => readAuthorization(reader)),
  };
  reader.end();
  return transaction;
}

function readAccessListItem(reader: EngineReader): AccessListItem {
  return { address: reader.fixed(20), storageKeys: reader.list(() => reader.fixed(32)) };
}

function readAuthorization(reader: EngineReader): Authorization {
  return {
    chainId: reader.u256(),
    address: reader.fixed(20),
    nonce: reader.u64(),
    yParity: reader.u8(),
    r: reader.fixed(32),
    s: reader.fixed(32),
    signingHash: reader.fixed(32),
  };
}

/** The message of `execute`. @throws TransactionRuleBroken when a figure does not fit its field. */
export function writeRequest(writer: EngineWriter, request: ExecutionRequest): void {
  const { mode, transaction, block, config } = request;
  writer.u8(modeCodes[mode]);
  writer.u8(specCodes[config.spec]);
  writer.u8(
    (transaction.to === undefined ? 0 : hasTo) |
      (transaction.chainId === undefined ? 0 : hasChainId) |
      (transaction.maxPriorityFeePerGas === undefined ? 0 : hasTip) |
      (config.transactionGasMax === undefined ? 0 : hasGasCap),
  );
  writer.u64(config.chainId);
  writer.u64(config.transactionGasMax ?? 0n);
  writer.u64(block.number);
  writer.u64(block.timestamp);
  writer.u64(block.gasLimit);
  writer.u64(block.baseFee);
  writer.fixed(block.beneficiary, 20);
  writer.fixed(block.prevrandao, 32);
  writeTransaction(writer, transaction);
}

function writeTransaction(writer: EngineWriter, transaction: ExecutableTransaction): void {
  writer.u8(transaction.type);
  writer.fixed(transaction.sender, 20);
  writer.fixedOrZero(transaction.to, 20);
  writer.u64(transaction.chainId ?? 0n);
  writer.u64(transaction.nonce);
  writer.u64(transaction.gasLimit);
  writer.u128(transaction.maxFeePerGas);
  writer.u128(transaction.maxPriorityFeePerGas ?? 0n);
  writer.u256(transaction.value);
  writer.sized(transaction.input);
  writer.u32(transaction.accessList.length);
  for (const item of transaction.accessList) {
    writer.fixed(item.address, 20);
    writer.u32(item.storageKeys.length);
    for (const key of item.storageKeys) writer.fixed(key, 32);
  }
  writer.u32(transaction.authorizationList.length);
  for (const authorization of transaction.authorizationList) {
    writer.u256(authorization.chainId);
    writer.fixed(authorization.address, 20);
    writer.u64(authorization.nonce);
    writer.u8(authorization.authority === undefined ? 0 : 1);
    writer.fixedOrZero(authorization.authority, 20);
  }
}
