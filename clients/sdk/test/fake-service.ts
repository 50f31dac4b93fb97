/**
 * An HTTPS service with real keys, certificates, evidence and receipts, which tests can make lie.
 * It answers the endpoints that the client reads, in CCF's shapes.
 */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  type Evidence,
  encodeQuoteAnswer,
  parseVirtualQuote,
  reportDataOf,
  VirtualPlatform,
  virtualMeasurementHex,
} from '@coco/attestation';
import {
  formatTransactionId,
  type JsonValue,
  parseTransactionId,
  toBase64,
  toHex,
} from '@coco/base';
import { createCertificate, SigningKey, sha256 } from '@coco/crypto';
import { FakeLedger } from './fake-ledger.ts';

export const measurement: string = toHex(sha256(new Uint8Array([1])));
const hostData = toHex(sha256(new Uint8Array([2])));
const subject = 'Coco Service';

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body: Uint8Array | string;
  /** Never ends the answer. */
  readonly isEndless?: boolean;
}

type Responder = (query: URLSearchParams) => FakeAnswer | undefined;

/** Everything that a test may exchange for a lie. */
export interface FakeParts {
  readonly root: SigningKey;
  readonly serviceKey: SigningKey;
  readonly nodeKey: SigningKey;
  readonly serviceCertificate: string;
  readonly nodeCertificate: string;
  readonly evidence: Evidence;
}

export async function makeParts(changes: Partial<FakeParts> = {}): Promise<FakeParts> {
  const root = changes.root ?? SigningKey.generate('P-256');
  const serviceKey = changes.serviceKey ?? SigningKey.generate('P-256');
  const nodeKey = changes.nodeKey ?? SigningKey.generate('P-256');
  const time = { notBeforeMs: Date.now() - 60_000, days: 30 };
  const serviceCertificate =
    changes.serviceCertificate ??
    (await createCertificate({ subject, key: serviceKey, isAuthority: true, ...time }));
  const nodeCertificate =
    changes.nodeCertificate ??
    (await createCertificate({
      subject: 'Coco Node',
      key: nodeKey,
      issuer: { subject, key: serviceKey },
      isAuthority: false,
      hosts: ['127.0.0.1', 'localhost'],
      ...time,
    }));
  const platform = new VirtualPlatform({ root, measurement, hostData });
  const evidence =
    changes.evidence ?? (await platform.evidenceFor(await reportDataOf(nodeKey.spki)));
  return { root, serviceKey, nodeKey, serviceCertificate, nodeCertificate, evidence };
}

export class FakeService {
  readonly parts: FakeParts;
  ledger: FakeLedger;
  status = 'Open';
  url = '';
  endorsements: readonly Uint8Array[] = [];
  /** Answers instead of the honest ones, by path. */
  readonly lies: Map<string, Responder> = new Map();
  readonly requests: string[] = [];
  readonly #server: ReturnType<typeof createServer>;

  private constructor(parts: FakeParts, ledger: FakeLedger) {
    this.parts = parts;
    this.ledger = ledger;
    this.#server = createServer(
      { cert: parts.nodeCertificate, key: parts.nodeKey.privatePem() },
      (request, response) => {
        const url = new URL(request.url ?? '/', 'https://service');
        this.requests.push(`${request.method} ${url.pathname}`);
        const answer = this.respond(url);
        response.writeHead(answer.status, answer.headers);
        response.write(answer.body);
        if (!answer.isEndless) response.end();
      },
    );
  }

  static async start(
    options: {
      readonly parts?: FakeParts;
      readonly ledger?: FakeLedger;
      readonly port?: number;
    } = {},
  ): Promise<FakeService> {
    const parts = options.parts ?? (await makeParts());
    const service = new FakeService(parts, options.ledger ?? sampleLedger(parts.serviceKey));
    service.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(service.#server, 'listening');
    service.url = `https://127.0.0.1:${(service.#server.address() as AddressInfo).port}`;
    return service;
  }

  /** Lets a path answer with JSON. */
  lie(path: string, document: JsonValue, status = 200): void {
    this.lies.set(path, () => json(document, status));
  }

  /** Breaks every session, whatever is under way on it. */
  drop(): void {
    this.#server.closeAllConnections();
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    if (!this.#server.listening) return Promise.resolve();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The answer to a GET, without the socket. */
  respond(url: URL): FakeAnswer {
    const lie = this.lies.get(url.pathname)?.(url.searchParams);
    return lie ?? this.#honest(url);
  }

  #honest(url: URL): FakeAnswer {
    const { parts, ledger } = this;
    const id = url.searchParams.get('transaction_id') ?? '';
    switch (url.pathname) {
      case '/node/network':
        return json({
          service_status: this.status,
          service_certificate: parts.serviceCertificate,
          recovery_count: 0,
        });
      case '/node/quotes/self':
        return json(
          encodeQuoteAnswer({
            nodeId: parts.nodeKey.id,
            evidence: parts.evidence,
            measurement: virtualMeasurementHex(parseVirtualQuote(parts.evidence.quote)),
          }),
        );
      case '/node/self_signed_certificate':
        return json({ self_signed_certificate: parts.nodeCertificate });
      case '/node/commit':
        return json({ transaction_id: formatTransactionId(ledger.committed) });
      case '/node/tx':
        return json({ transaction_id: id, status: ledger.status(parseTransactionId(id)) });
      case '/app/receipt/cose':
        return this.#receipt(id);
      case '/node/service/previous_identity':
        if (this.endorsements.length === 0) return failure(404, 'ResourceNotFound');
        return json({
          endorsements: this.endorsements.map((bytes) => ({ endorsement: toBase64(bytes) })),
        });
      default:
        return { status: 200, body: `at ${url.pathname}`, headers: { [idHeader]: '2.3' } };
    }
  }

  #receipt(text: string): FakeAnswer {
    const id = parseTransactionId(text);
    if (this.ledger.status(id) !== 'Committed') return failure(404, 'TransactionPendingOrUnknown');
    const body = this.ledger.receipt(id.seqno);
    if (!body) return failure(404, 'TransactionNotFound');
    return { status: 200, body, headers: { 'content-type': 'application/cose' } };
  }
}

const idHeader = 'x-ms-ccf-transaction-id';

/** Transactions 2.1 to 2.3, signed by 2.4; 2.5 to 2.7, signed by 2.8. */
export function sampleLedger(key: SigningKey): FakeLedger {
  const ledger = new FakeLedger();
  for (const batch of [1, 2]) {
    for (let item = 0; item < 3; item++) ledger.append(`${batch} ${item}`);
    ledger.sign(key);
  }
  return ledger;
}

export function json(document: JsonValue, status = 200): FakeAnswer {
  return {
    status,
    body: JSON.stringify(document),
    headers: { 'content-type': 'application/json' },
  };
}

export function failure(status: number, code: string): FakeAnswer {
  return json({ error: { code, message: 'refused' } }, status);
}
