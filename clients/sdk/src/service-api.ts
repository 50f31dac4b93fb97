/**
 * The endpoints that the client reads, and their documents as typed values. Shapes are CCF's; every
 * answer is parsed with limits, because it comes from outside.
 */
import { type Evidence, parseQuoteAnswer } from '@coco/attestation';
import {
  formatTransactionId,
  fromBase64,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
  parseTransactionId,
  type TransactionId,
} from '@coco/base';
import { endorsementsMax, receiptBytesMax } from '@coco/receipt';
import type { Channel, ChannelAnswer } from './channel.ts';
import { sdkError } from './errors.ts';

/** Certificates, evidence, or 64 endorsements of 4 KiB: all stay below. */
const documentBytesMax = 512 * 1024;
const documentDepthMax = 8;

export interface NetworkDocument {
  /** Open, or what it does before it is. */
  readonly serviceStatus: string;
  /** PEM. */
  readonly serviceCertificate: string;
  /** Absent where the service was never recovered, or by a version that records nothing. */
  readonly recovery: ServiceRecovery | undefined;
}

/** What a recovered service says of its recovery. */
export interface ServiceRecovery {
  /** The last signed transaction that it took over. */
  readonly recoveredTo: TransactionId;
  /** Whether it declares that commits may be missing behind it. */
  readonly mayLackCommits: boolean;
}

export type TransactionStatus = 'Unknown' | 'Pending' | 'Committed' | 'Invalid';

/** A receipt's bytes, or how long the service asks to wait for them. */
export type ReceiptAnswer =
  | { readonly kind: 'receipt'; readonly bytes: Uint8Array }
  | { readonly kind: 'pending'; readonly retryAfterMs: number }
  | { readonly kind: 'absent'; readonly code: string };

export class ServiceApi {
  readonly #channel: Channel;
  readonly #signal: AbortSignal;

  constructor(channel: Channel, signal: AbortSignal) {
    this.#channel = channel;
    this.#signal = signal;
  }

  /** GET /node/network */
  async network(): Promise<NetworkDocument> {
    const path = '/node/network';
    const document = await this.#document(path);
    return {
      serviceStatus: textField(document, 'service_status', path),
      serviceCertificate: textField(document, 'service_certificate', path),
      recovery: recoveryOf(document, path),
    };
  }

  /** GET /node/quotes/self */
  async quote(): Promise<{ readonly nodeId: string; readonly evidence: Evidence }> {
    return parseQuoteAnswer(await this.#document('/node/quotes/self'));
  }

  /** GET /node/self_signed_certificate: PEM. */
  async selfSignedCertificate(): Promise<string> {
    const path = '/node/self_signed_certificate';
    return textField(await this.#document(path), 'self_signed_certificate', path);
  }

  /** GET /node/commit: the newest committed transaction. */
  async commit(): Promise<TransactionId> {
    const path = '/node/commit';
    return idOf(textField(await this.#document(path), 'transaction_id', path), path);
  }

  /** GET /node/tx */
  async status(id: TransactionId): Promise<TransactionStatus> {
    const path = `/node/tx?transaction_id=${formatTransactionId(id)}`;
    const status = textField(await this.#document(path), 'status', path);
    switch (status) {
      case 'Unknown':
      case 'Pending':
      case 'Committed':
      case 'Invalid':
        return status;
      default:
        throw malformed(path, 'The status is none that a transaction has.');
    }
  }

  /** GET /app/receipt/cose */
  async receipt(id: TransactionId): Promise<ReceiptAnswer> {
    const path = `/app/receipt/cose?transaction_id=${formatTransactionId(id)}`;
    const answer = await this.#get(path, Math.max(receiptBytesMax, documentBytesMax));
    if (answer.status === 200) return { kind: 'receipt', bytes: answer.body };
    if (answer.status === 202) {
      return { kind: 'pending', retryAfterMs: 1000 * retryAfterSeconds(answer) };
    }
    const code = errorCode(answer);
    if (answer.status === 404 && code === 'TransactionPendingOrUnknown') {
      return { kind: 'pending', retryAfterMs: 0 };
    }
    if (answer.status === 404) return { kind: 'absent', code };
    throw unexpected(path, answer);
  }

  /** GET /node/service/previous_identity: endorsements of earlier identities, newest first. */
  async endorsements(): Promise<readonly Uint8Array[]> {
    const path = '/node/service/previous_identity';
    const answer = await this.#get(path, documentBytesMax);
    // A service that was never recovered has no previous identity.
    if (answer.status === 404) return [];
    if (answer.status !== 200) throw unexpected(path, answer);
    const document = parseDocument(answer, path);
    const list = isJsonObject(document) ? document.endorsements : undefined;
    if (!Array.isArray(list) || list.length > endorsementsMax) {
      throw malformed(path, 'The endorsements are not a list within the limit.');
    }
    return list.map((row: JsonValue) => bytesOf(textField(row, 'endorsement', path), path));
  }

  async #document(path: string): Promise<JsonValue> {
    const answer = await this.#get(path, documentBytesMax);
    if (answer.status !== 200) throw unexpected(path, answer);
    return parseDocument(answer, path);
  }

  #get(path: string, answerBytesMax: number): Promise<ChannelAnswer> {
    return this.#channel.request({ method: 'GET', path, answerBytesMax, signal: this.#signal });
  }
}

/** The longest that a service may ask to wait between two tries. */
const retryAfterSecondsMax = 10;

function retryAfterSeconds(answer: ChannelAnswer): number {
  const seconds = Number(answer.headers.get('retry-after') ?? '1');
  return seconds >= 0 ? Math.min(seconds, retryAfterSecondsMax) : 1;
}

function parseDocument(answer: ChannelAnswer, path: string): JsonValue {
  try {
    return parseJson(answer.body, { bytesMax: documentBytesMax, depthMax: documentDepthMax });
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw malformed(path, 'The answer is not JSON.', cause);
  }
}

function textField(document: JsonValue, name: string, path: string): string {
  const value = isJsonObject(document) ? document[name] : undefined;
  if (typeof value === 'string') return value;
  throw malformed(path, `The answer has no text ${name}.`);
}

function recoveryOf(document: JsonValue, path: string): ServiceRecovery | undefined {
  if (!isJsonObject(document) || document.recovered_to === undefined) return undefined;
  const recoveredTo = idOf(textField(document, 'recovered_to', path), path);
  // Whoever says where it was recovered and not whether something is missing says neither.
  return { recoveredTo, mayLackCommits: document.may_lack_commits !== false };
}

function idOf(text: string, path: string): TransactionId {
  try {
    return parseTransactionId(text);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw malformed(path, 'The answer names no transaction.', cause);
  }
}

function bytesOf(text: string, path: string): Uint8Array {
  try {
    return fromBase64(text);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw malformed(path, 'A part of the answer is not base64.', cause);
  }
}

const errorCodeMax = 64;

/** The `error.code` of an answer; 'none' where the body has none. */
function errorCode(answer: ChannelAnswer): string {
  try {
    const document = parseJson(answer.body, {
      bytesMax: documentBytesMax,
      depthMax: documentDepthMax,
    });
    const error = isJsonObject(document) ? document.error : undefined;
    const code = isJsonObject(error) ? error.code : undefined;
    return typeof code === 'string' ? code.slice(0, errorCodeMax) : 'none';
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    return 'none';
  }
}

function unexpected(path: string, answer: ChannelAnswer): LedgerError {
  return sdkError('AnswerMalformed', `GET ${path} answered with status ${answer.status}.`, {
    path,
    status: answer.status,
    serviceCode: errorCode(answer),
  });
}

function malformed(path: string, sentence: string, cause?: unknown): LedgerError {
  return sdkError('AnswerMalformed', sentence, { path }, cause);
}
