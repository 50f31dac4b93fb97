/**
 * A receipt that proves an Ethereum transaction without the network: the COSE receipt of its ledger
 * entry, and what opens the entry's salted claim (docs/formats/ethereum-claims.md). A bundle is one
 * JSON document that can be handed on; who verifies it needs nothing but the service's certificate.
 */
import {
  formatTransactionId,
  fromBase64,
  fromHex,
  isJsonObject,
  type JsonValue,
  parseJson,
  toBase64,
} from '@coco/base';
import { claimsDigest } from '@coco/ethereum';
import { type VerifiedReceipt, verifyReceipt } from '@coco/receipt';
import { answerJson, type Client } from '@coco/sdk';
import { fromRlp, keccak256 } from 'viem';
import { cliError } from './errors.ts';
import { callRpc } from './json-rpc-client.ts';

/** A receipt with many logs; each log is bounded by its transaction's gas. */
const bundleBytesMax = 8 * 1024 * 1024;

export interface ReceiptBundle {
  readonly transactionHash: string;
  readonly chainId: string;
  /** As the node says: unlike all the others, nothing in the receipt proves it. */
  readonly blockNumber: string;
  readonly salt: string;
  /** EIP-2718 bytes of the Ethereum receipt, in hex. */
  readonly receipt: string;
  /** The COSE receipt in base64. */
  readonly coseReceipt: string;
  /** `view.seqno` of the ledger entry. */
  readonly transactionId: string;
  /** Base64: by which a recovered service endorses its earlier identities, newest first. */
  readonly endorsements: readonly string[];
}

export interface VerifiedBundle {
  readonly receipt: VerifiedReceipt;
  readonly isSuccess: boolean;
  readonly logCount: number;
}

const quantity = /^0x(0|[1-9a-f][0-9a-f]{0,15})$/;
const hash = /^0x[0-9a-f]{64}$/;
const forms = {
  transactionHash: hash,
  chainId: quantity,
  blockNumber: quantity,
  salt: hash,
  receipt: /^0x([0-9a-f]{2})+$/,
  transactionId: /^\d+\.\d+$/,
} as const;

/**
 * Asks the node for everything; nothing of it is believed yet.
 * @throws UnknownTransaction, BundleMismatch, WrongUsage
 */
export async function fetchBundle(
  client: Client,
  rpcUrls: Parameters<typeof callRpc>[0],
  transactionHash: string,
): Promise<ReceiptBundle> {
  if (!/^0x[0-9a-fA-F]{64}$/.test(transactionHash)) {
    throw cliError('WrongUsage', 'A transaction hash is 0x and 64 hex digits.');
  }
  const opening = await callRpc(rpcUrls, 'coco_getTransactionId', [transactionHash]);
  if (opening === null) {
    throw cliError(
      'UnknownTransaction',
      `No committed transaction has the hash ${transactionHash}.`,
    );
  }
  const parts = textFields(opening, forms);
  if (parts.transactionHash !== transactionHash.toLowerCase()) {
    throw cliError('BundleMismatch', 'The node answered with the proof of another transaction.');
  }
  const { bytes } = await client.receipt(parts.transactionId);
  const endorsements = await fetchEndorsements(client);
  return { ...parts, coseReceipt: toBase64(bytes), endorsements };
}

async function fetchEndorsements(client: Client): Promise<readonly string[]> {
  const answer = await client.request({ path: '/node/service/previous_identity' });
  if (answer.status !== 200) return [];
  const value = answerJson(answer);
  const rows = isJsonObject(value) && Array.isArray(value.endorsements) ? value.endorsements : [];
  return rows.map((row) => textFields(row, { endorsement: base64 }).endorsement);
}

/** @throws WrongUsage */
export function parseBundle(bytes: Uint8Array): ReceiptBundle {
  const value = parseJson(bytes, { bytesMax: bundleBytesMax, depthMax: 4 });
  const list = isJsonObject(value) ? value.endorsements : undefined;
  const endorsements = Array.isArray(list) ? list : [];
  return {
    ...textFields(value, { ...forms, coseReceipt: base64 }),
    endorsements: endorsements.map(
      (endorsement) => textFields({ endorsement }, { endorsement: base64 }).endorsement,
    ),
  };
}

/** The COSE receipt in a file: the file itself, or the bundle's part. @throws WrongUsage */
export function coseReceiptIn(bytes: Uint8Array): Uint8Array {
  const isBundle = bytes[0] === 0x7b;
  return isBundle ? fromBase64(parseBundle(bytes).coseReceipt) : bytes;
}

const base64 = /^(?=(?:.{4})+$)[A-Za-z0-9+/]+={0,2}$/;

function textFields<Name extends string>(
  value: JsonValue,
  formOf: Readonly<Record<Name, RegExp>>,
): Record<Name, string> {
  const object = isJsonObject(value) ? value : {};
  return Object.fromEntries(
    Object.entries<RegExp>(formOf).map(([name, form]) => {
      const text = object[name];
      if (typeof text === 'string' && form.test(text)) return [name, text];
      const what = text === undefined ? 'lacks' : 'has no well-formed';
      throw cliError('WrongUsage', `The receipt bundle ${what} "${name}".`);
    }),
  ) as Record<Name, string>;
}

/**
 * Verifies a bundle offline, against the certificate of a service that the caller trusts.
 * @throws ReceiptInvalid and its kin of @coco/receipt; BundleMismatch
 */
export async function verifyBundle(
  bundle: ReceiptBundle,
  serviceCertificate: string,
): Promise<VerifiedBundle> {
  const ethereumReceipt = fromHex(bundle.receipt);
  const transactionHash = fromHex(bundle.transactionHash);
  const salt = fromHex(bundle.salt);
  const claimed = claimsDigest({
    salt,
    chainId: BigInt(bundle.chainId),
    transactionHash,
    receiptHash: fromHex(keccak256(ethereumReceipt)),
  });
  const receipt = await verifyReceipt({
    receipt: fromBase64(bundle.coseReceipt),
    serviceIdentity: serviceCertificate,
    claimsDigest: claimed,
    endorsements: bundle.endorsements.map(fromBase64),
  });
  if (formatTransactionId(receipt.transactionId) !== bundle.transactionId) {
    throw cliError(
      'BundleMismatch',
      'The receipt is of another ledger entry than the bundle says.',
    );
  }
  return { receipt, ...outcomeOf(ethereumReceipt) };
}

/** Status and logs of an EIP-2718 receipt: a type byte before the list, but for type 0. */
function outcomeOf(receipt: Uint8Array): { isSuccess: boolean; logCount: number } {
  const isTyped = (receipt[0] ?? 0) < 0xc0;
  const [status, , , logs] = fromRlp(isTyped ? receipt.subarray(1) : receipt, 'bytes');
  const isSuccess = status instanceof Uint8Array && status.length === 1 && status[0] === 1;
  return { isSuccess, logCount: Array.isArray(logs) ? logs.length : 0 };
}
