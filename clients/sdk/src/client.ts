/** A client of a verified service: requests, commits and receipts, with the memory kept up. */
import type { VerifiedEvidence } from '@coco/attestation';
import {
  type Clock,
  formatTransactionId,
  type JsonValue,
  LedgerError,
  parseJson,
  parseTransactionId,
  type TransactionId,
  utf8Encode,
} from '@coco/base';
import { parseReceipt, type VerifiedReceipt, verifyReceipt } from '@coco/receipt';
import type { Channel, ChannelAnswer } from './channel.ts';
import { pause, withDeadline } from './deadline.ts';
import { sdkError } from './errors.ts';
import {
  encodeMemory,
  type Memory,
  type MemoryStore,
  type RememberedIdentity,
  rememberCommitted,
  rememberReceipt,
} from './memory.ts';
import { ServiceApi, type ServiceRecovery } from './service-api.ts';
import { verifyContinuity } from './verify-continuity.ts';
import type { VerifiedService } from './verify-service.ts';

export interface ClientLimits {
  /** For each call of the client, waiting included. */
  readonly timeoutMs: number;
  readonly answerBytesMax: number;
  /** How long a service may lag behind what was seen committed before it counts as behind. */
  readonly behindGraceMs: number;
}

export const clientLimitsDefault: ClientLimits = {
  timeoutMs: 30_000,
  answerBytesMax: 16 * 1024 * 1024,
  behindGraceMs: 5_000,
};

export interface ClientRequest {
  /** GET where absent. */
  readonly method?: string;
  /** Begins with `/`. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, or a text sent as UTF-8. */
  readonly body?: Uint8Array | string;
  readonly signal?: AbortSignal;
}

export interface ClientAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** The transaction that was executed or read; absent where the endpoint touched no map. */
  readonly transactionId: TransactionId | undefined;
}

export interface ReceiptOptions {
  /** Where given, the receipt must be for these claims. */
  readonly claimsDigest?: Uint8Array;
  readonly signal?: AbortSignal;
}

export interface ServedReceipt extends VerifiedReceipt {
  /** The receipt itself: it verifies offline, wherever the service's certificate is known. */
  readonly bytes: Uint8Array;
}

const pollFirstMs = 20;
const pollLastMs = 1_000;

export class Client {
  /** PEM of the verified service certificate: what a receipt verifies with, offline. */
  readonly serviceCertificate: string;
  /** What the node's evidence says, verified. */
  readonly evidence: VerifiedEvidence;
  /**
   * What the service says of its last recovery: where it took the ledger up, and whether commits
   * may be missing. Undefined where there was none.
   */
  readonly recovery: ServiceRecovery | undefined;
  readonly #channel: Channel;
  readonly #service: VerifiedService;
  readonly #store: MemoryStore;
  readonly #clock: Clock;
  readonly #limits: ClientLimits;
  #memory: Memory;
  /** Invariant: settles when every save so far has; saves happen one after another. */
  #saved: Promise<void> = Promise.resolve();

  constructor(parts: {
    readonly channel: Channel;
    readonly service: VerifiedService;
    readonly memory: Memory;
    readonly store: MemoryStore;
    readonly clock: Clock;
    readonly limits: ClientLimits;
  }) {
    this.serviceCertificate = parts.service.serviceCertificate;
    this.evidence = parts.service.evidence;
    this.recovery = parts.service.recovery;
    this.#channel = parts.channel;
    this.#service = parts.service;
    this.#memory = parts.memory;
    this.#store = parts.store;
    this.#clock = parts.clock;
    this.#limits = parts.limits;
  }

  /** The identities that the service had, oldest first. */
  get identities(): readonly RememberedIdentity[] {
    return this.#memory.identities;
  }

  /** The newest transaction seen committed. */
  get lastCommitted(): TransactionId | undefined {
    return this.#memory.committed;
  }

  /**
   * Sends a request to the service. Any status is an answer, not an error; redirects are not
   * followed (a browser follows them).
   * @throws InvalidInput for a path that leads to another host, ServiceUnreachable, ServiceTimeout,
   *   RequestAborted, AnswerTooLarge, AnswerMalformed, ServiceCertificateInvalid
   */
  async request(request: ClientRequest): Promise<ClientAnswer> {
    const { method = 'GET', path, headers = {}, body } = request;
    const answer = await this.#within(request.signal, (signal) =>
      this.#channel.request({
        method,
        path,
        headers,
        ...(body !== undefined && { body: typeof body === 'string' ? utf8Encode(body) : body }),
        answerBytesMax: this.#limits.answerBytesMax,
        signal,
      }),
    );
    return { ...answer, transactionId: transactionIdOf(answer) };
  }

  /**
   * Waits until a transaction has committed, and remembers it.
   * @throws TransactionNotCommitted when it was rolled back, and what request throws
   */
  async committed(
    id: TransactionId | string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<TransactionId> {
    const wanted = typeof id === 'string' ? parseTransactionId(id) : id;
    await this.#within(options.signal, async (signal) => {
      const api = new ServiceApi(this.#channel, signal);
      for (let delayMs = pollFirstMs; ; delayMs = Math.min(2 * delayMs, pollLastMs)) {
        const status = await api.status(wanted);
        if (status === 'Committed') return;
        if (status === 'Invalid') {
          throw sdkError('TransactionNotCommitted', 'The transaction was rolled back.', {
            transactionId: formatTransactionId(wanted),
          });
        }
        await pause(this.#clock, delayMs, signal);
      }
    });
    await this.#remember((memory) => rememberCommitted(memory, wanted));
    return wanted;
  }

  /**
   * Fetches the receipt of a transaction, verifies it, and remembers what it proves. Waits while
   * the transaction has not committed.
   * @throws ReceiptNotServed, ServiceForked, ServiceTimeout, what verifyReceipt and request throw
   */
  async receipt(id: TransactionId | string, options: ReceiptOptions = {}): Promise<ServedReceipt> {
    const wanted = typeof id === 'string' ? parseTransactionId(id) : id;
    const served = await this.#within(options.signal, (signal) =>
      this.#fetchReceipt(wanted, options.claimsDigest, signal),
    );
    await this.#remember((memory) => rememberReceipt(memory, served));
    return served;
  }

  /**
   * Checks that the service still has all that this client saw; connect() does it, and a client
   * that lives long may repeat it.
   * @throws ServiceBehind, ServiceForked, and what receipt throws
   */
  async verifyContinuity(options: { readonly signal?: AbortSignal } = {}): Promise<TransactionId> {
    return this.#within(options.signal, async (signal) => {
      const api = new ServiceApi(this.#channel, signal);
      const untilMs = this.#clock.monotonicMs() + this.#limits.behindGraceMs;
      const now = await verifyContinuity(this.#memory, {
        commit: () => api.commit(),
        status: (id) => api.status(id),
        mayRetry: async () => {
          if (this.#clock.monotonicMs() >= untilMs) return false;
          await pause(this.#clock, pollLastMs / 4, signal);
          return true;
        },
      });
      const newest = this.#memory.receipts.at(-1);
      const again = newest && (await this.#fetchReceipt(newest.transactionId, undefined, signal));
      await this.#remember((memory) =>
        rememberCommitted(again ? rememberReceipt(memory, again) : memory, now),
      );
      return now;
    });
  }

  /** Ends the sessions. The memory is saved already. */
  close(): void {
    this.#channel.close();
  }

  async #fetchReceipt(
    id: TransactionId,
    claimsDigest: Uint8Array | undefined,
    signal: AbortSignal,
  ): Promise<ServedReceipt> {
    const api = new ServiceApi(this.#channel, signal);
    const bytes = await this.#pollReceipt(api, id, signal);
    const { identity } = this.#service;
    const isOlder = parseReceipt(bytes).keyId !== identity.id;
    const verified = await verifyReceipt({
      receipt: bytes,
      serviceIdentity: identity,
      ...(claimsDigest && { claimsDigest }),
      ...(isOlder && { endorsements: await api.endorsements() }),
    });
    if (formatTransactionId(verified.transactionId) !== formatTransactionId(id)) {
      throw sdkError('AnswerMalformed', 'The receipt is of another transaction.', {
        wanted: formatTransactionId(id),
        received: formatTransactionId(verified.transactionId),
      });
    }
    return { ...verified, bytes };
  }

  async #pollReceipt(api: ServiceApi, id: TransactionId, signal: AbortSignal): Promise<Uint8Array> {
    for (let delayMs = pollFirstMs; ; delayMs = Math.min(2 * delayMs, pollLastMs)) {
      const answer = await api.receipt(id);
      if (answer.kind === 'receipt') return answer.bytes;
      if (answer.kind === 'absent') {
        throw sdkError('ReceiptNotServed', 'The service has no receipt for the transaction.', {
          transactionId: formatTransactionId(id),
          serviceCode: answer.code,
        });
      }
      await pause(this.#clock, Math.max(delayMs, answer.retryAfterMs), signal);
    }
  }

  #within<Result>(
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    const limitMs = this.#limits.timeoutMs;
    return withDeadline({ clock: this.#clock, limitMs, ...(signal && { signal }) }, work);
  }

  /** Changes the memory in one synchronous step, then saves it. */
  #remember(change: (memory: Memory) => Memory): Promise<void> {
    const memory = change(this.#memory);
    this.#memory = memory;
    const text = encodeMemory(memory);
    this.#saved = this.#saved.then(() => this.#store.save(text));
    return this.#saved;
  }
}

const transactionHeader = 'x-ms-ccf-transaction-id';

function transactionIdOf(answer: ChannelAnswer): TransactionId | undefined {
  const text = answer.headers.get(transactionHeader);
  if (text === undefined) return undefined;
  try {
    return parseTransactionId(text);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw sdkError('AnswerMalformed', `The header ${transactionHeader} is no id.`, {}, cause);
  }
}

/** The JSON of an answer. @throws InvalidInput, NestingTooDeep */
export function answerJson(answer: ClientAnswer): JsonValue {
  return parseJson(answer.body, { bytesMax: answer.body.length, depthMax: answerDepthMax });
}

const answerDepthMax = 64;
