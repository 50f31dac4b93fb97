/** A service that answers what a test says, and keeps what it was asked. */
import { type JsonValue, LedgerError, parseTransactionId, utf8Encode } from '@coco/base';
import type { ClientAnswer, ClientRequest } from '@coco/sdk';
import { type GovernanceClient, GovernanceService } from '../src/governance-service.ts';

const meaning = 'A change of primary rolled it back.';
const takenBack = new LedgerError(
  'TransactionNotCommitted',
  { kind: 'fault', status: 503, meaning },
  meaning,
  {},
  undefined,
);

export interface ScriptedAnswer {
  readonly status?: number;
  readonly json?: JsonValue;
  readonly text?: string;
  readonly transactionId?: string;
}

export class ScriptedService implements GovernanceClient {
  /** By method and path without the query. */
  readonly answers: Map<string, ScriptedAnswer> = new Map();
  readonly requests: ClientRequest[] = [];
  readonly awaited: string[] = [];
  readonly governance: GovernanceService = new GovernanceService(this);

  /** How many of the next transactions a change of primary takes back. */
  takenBack = 0;

  answer(place: string, answer: ScriptedAnswer): void {
    this.answers.set(place, answer);
  }

  request = async (request: ClientRequest): Promise<ClientAnswer> => {
    this.requests.push(request);
    const place = `${request.method ?? 'GET'} ${request.path.split('?')[0]}`;
    const known = this.answers.get(place);
    const {
      status = 200,
      json,
      text,
      transactionId,
    } = known ?? {
      status: 404,
      json: { error: { code: 'ResourceNotFound', message: `Unknown path: ${place}.` } },
    };
    return {
      status,
      headers: new Map(),
      body: utf8Encode(text ?? (json === undefined ? '' : JSON.stringify(json))),
      transactionId: transactionId === undefined ? undefined : parseTransactionId(transactionId),
    };
  };

  committed: GovernanceClient['committed'] = async (id) => {
    const wanted = typeof id === 'string' ? parseTransactionId(id) : id;
    this.awaited.push(`${wanted.view}.${wanted.seqno}`);
    if (this.takenBack-- > 0) throw takenBack;
    return wanted;
  };
}
