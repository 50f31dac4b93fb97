/** The engine's messages about receipts, roots and headers. */
import { assert, refuse } from '@coco/base';
import type { EventLog, HeaderFields, ReceiptFields } from './engine-types.ts';
import type { EngineWriter } from './engine-writer.ts';

/** The message of `encode_receipt`. */
export function writeReceipt(writer: EngineWriter, receipt: ReceiptFields): void {
  writer.u8(receipt.type);
  writer.u8(receipt.isSuccess ? 1 : 0);
  writer.u64(receipt.cumulativeGasUsed);
  writer.u32(receipt.logs.length);
  for (const log of receipt.logs) writeLog(writer, log);
}

function writeLog(writer: EngineWriter, log: EventLog): void {
  assert(log.topics.length <= 4, 'A log has at most four topics.');
  writer.fixed(log.address, 20);
  writer.u32(log.topics.length);
  for (const topic of log.topics) writer.fixed(topic, 32);
  writer.sized(log.data);
}

/** The message of `block_roots`. */
export function writeBlock(
  writer: EngineWriter,
  transactions: readonly Uint8Array[],
  receipts: readonly ReceiptFields[],
): void {
  writer.u32(transactions.length);
  for (const transaction of transactions) writer.sized(transaction);
  writer.u32(receipts.length);
  for (const receipt of receipts) writeReceipt(writer, receipt);
}

/** The union of blooms of 256 bytes. */
export function uniteBlooms(blooms: readonly Uint8Array[]): Uint8Array {
  const united = new Uint8Array(256);
  for (const bloom of blooms) {
    for (let at = 0; at < united.length; at++) {
      united[at] = (united[at] as number) | (bloom[at] as number);
    }
  }
  return united;
}

/**
 * The message of `encode_header`.
 * @throws InvalidInput when an optional field follows a missing one.
 */
export function writeHeader(writer: EngineWriter, header: HeaderFields): void {
  writer.fixed(header.parentHash, 32);
  writer.fixed(header.ommersHash, 32);
  writer.fixed(header.beneficiary, 20);
  writer.fixed(header.stateRoot, 32);
  writer.fixed(header.transactionsRoot, 32);
  writer.fixed(header.receiptsRoot, 32);
  writer.fixed(header.logsBloom, 256);
  writer.u256(header.difficulty);
  writer.u64(header.number);
  writer.u64(header.gasLimit);
  writer.u64(header.gasUsed);
  writer.u64(header.timestamp);
  writer.sized(header.extraData);
  writer.fixed(header.mixHash, 32);
  writer.fixed(header.nonce, 8);
  writeOptionalFields(writer, header);
}

function writeOptionalFields(writer: EngineWriter, header: HeaderFields): void {
  const fields = [
    header.baseFeePerGas,
    header.withdrawalsRoot,
    header.blobGasUsed,
    header.excessBlobGas,
    header.parentBeaconBlockRoot,
    header.requestsHash,
  ];
  const firstMissing = fields.indexOf(undefined);
  const count = firstMissing === -1 ? fields.length : firstMissing;
  if (fields.slice(count).some((field) => field !== undefined)) {
    throw refuse('InvalidInput', 'A header field follows a missing one.', { count });
  }
  writer.u8(count);
  for (const field of fields.slice(0, count)) {
    if (typeof field === 'bigint') writer.u64(field);
    else if (field !== undefined) writer.fixed(field, 32);
  }
}
