/**
 * A block's header as Ethereum encodes it since Prague (EIP-7685), for chains without uncles,
 * withdrawals, blobs and beacon chain: those fields have the values that say "none".
 */
import { fromHex } from '@coco/base';
import type { ExecutionEngine, HeaderFields } from './engine-types.ts';
import type { BlockRecord } from './state-codec.ts';

/** keccak256(rlp([])) */
export const emptyOmmersHash: Uint8Array = fromHex(
  '1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347',
);
/** Root of the empty trie: no transactions, no receipts, no withdrawals. */
export const emptyTrieRoot: Uint8Array = fromHex(
  '56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421',
);
/** sha256(''): no requests (EIP-7685). */
export const emptyRequestsHash: Uint8Array = fromHex(
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
);
export const zeroHash: Uint8Array = new Uint8Array(32);
export const zeroNonce: Uint8Array = new Uint8Array(8);

/** What a header holds beyond the fixed values. */
export type HeaderContent = Omit<
  BlockRecord,
  'view' | 'hash' | 'sizeBytes' | 'transactionHashes'
> & { readonly number: bigint };

function headerFields(content: HeaderContent): HeaderFields {
  return {
    parentHash: content.parentHash,
    ommersHash: emptyOmmersHash,
    beneficiary: content.beneficiary,
    stateRoot: content.stateRoot,
    transactionsRoot: content.transactionsRoot,
    receiptsRoot: content.receiptsRoot,
    logsBloom: content.logsBloom,
    difficulty: 0n,
    number: content.number,
    gasLimit: content.gasLimit,
    gasUsed: content.gasUsed,
    timestamp: content.timestamp,
    extraData: new Uint8Array(0),
    mixHash: content.prevrandao,
    nonce: zeroNonce,
    baseFeePerGas: content.baseFee,
    withdrawalsRoot: emptyTrieRoot,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: zeroHash,
    requestsHash: emptyRequestsHash,
  };
}

/** Encodes the header; gives the block's hash and the length of the whole block's RLP. */
export function concludeHeader(
  engine: ExecutionEngine,
  content: HeaderContent,
  transactions: readonly Uint8Array[],
): { readonly hash: Uint8Array; readonly sizeBytes: number } {
  const header = engine.encodeHeader(headerFields(content));
  let listBytes = 0;
  // Inside a block a typed transaction is a byte string around its bytes; a legacy one is a list.
  for (const raw of transactions) {
    listBytes += (raw[0] as number) >= 0xc0 ? raw.length : rlpLength(raw.length);
  }
  // Header, transactions, no uncles and no withdrawals (one byte each).
  const sizeBytes = rlpLength(header.bytes.length + rlpLength(listBytes) + 2);
  return { hash: header.hash, sizeBytes };
}

/** Length of an RLP item with a payload of more than one byte. */
function rlpLength(payloadBytes: number): number {
  if (payloadBytes <= 55) return payloadBytes + 1;
  let lengthBytes = 0;
  for (let rest = payloadBytes; rest > 0; rest = Math.floor(rest / 256)) lengthBytes++;
  return payloadBytes + 1 + lengthBytes;
}
