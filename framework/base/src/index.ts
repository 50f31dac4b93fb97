/** The door of @coco/base. */
export { assert, BugError, present, unreachable } from './assert.ts';
export { ByteReader } from './byte-reader.ts';
export { ByteWriter } from './byte-writer.ts';
export {
  compareBytes,
  concatBytes,
  cutBytes,
  cutCopy,
  emptyBytes,
  equalBytes,
  fromBase64,
  fromHex,
  toBase64,
  toHex,
  utf8Decode,
  utf8Encode,
} from './bytes.ts';
export type { CborKey, CborValue } from './cbor.ts';
export { CborTag, decodeCbor, encodeCbor } from './cbor.ts';
export type { SignOne } from './cose.ts';
export {
  coseAlgorithm,
  coseHeader,
  decodeSignOne,
  encodeSignOne,
  signatureInput,
} from './cose.ts';
export type { ErrorKind, ErrorMetadata, ErrorRow } from './errors.ts';
export { defineErrors, diskFault, LedgerError, refuse, registeredErrors } from './errors.ts';
export type { JsonLimits, JsonValue } from './json.ts';
export {
  canonicalJson,
  encodeJson,
  isJsonObject,
  jsonLimitsDefault,
  parseJson,
} from './json.ts';
export { ManualClock } from './manual-clock.ts';
export { MemoryDisk } from './memory-disk.ts';
export type { Clock, Disk, DiskFile, Log, LogFields, LogLevel, Random } from './ports.ts';
export { printable } from './printable.ts';
export { SeededRandom } from './seeded-random.ts';
export type { RaftIndex, Seqno, TransactionId, View } from './transaction-id.ts';
export {
  asRaftIndex,
  asSeqno,
  asView,
  compareTransactionIds,
  formatTransactionId,
  parseTransactionId,
  viewMax,
} from './transaction-id.ts';
