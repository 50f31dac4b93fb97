/**
 * A service's governance as a member meets it: typed reads of /gov, and signed requests that are
 * followed until they have committed. The service was verified before (connect of @coco/sdk).
 */
import { formatTransactionId, isJsonObject, type JsonValue, LedgerError } from '@coco/base';
import { answerJson, type Client, type ClientAnswer } from '@coco/sdk';
import { memberError } from './errors.ts';
import type { SignedRequest } from './signing-request.ts';

/** A refusal may quote whole certificates. */
const reasonCharactersMax = 1000;
/** Elections take about a second; what three of them in a row undo is worth telling. */
const attemptsMax = 3;
const apiVersion = 'api-version=2024-07-01';

export type JsonObject = { readonly [key: string]: JsonValue };
/** What this file needs of a client. */
export type GovernanceClient = Pick<Client, 'request' | 'committed'>;

type ProposalState = 'Open' | 'Accepted' | 'Rejected' | 'Withdrawn' | 'Failed' | 'Dropped';

export interface ProposalInfo {
  readonly id: string;
  readonly proposerId: string;
  readonly state: ProposalState;
  readonly ballotCount: number;
  /** Who voted what, once it is decided. */
  readonly finalVotes: Readonly<Record<string, boolean>> | undefined;
  /** Ballots that failed, by member. */
  readonly voteFailures: Readonly<Record<string, string>>;
  readonly failure: string | undefined;
}

export interface Submitted {
  readonly answer: JsonValue;
  /** `view.seqno` of the committed transaction; undefined where the service changed nothing. */
  readonly transactionId: string | undefined;
}

export interface ServiceInfo {
  /** Opening, Open, Recovering or WaitingForRecoveryShares. */
  readonly status: string;
  /** PEM. */
  readonly certificate: string;
  readonly recoveryCount: number;
  /** The transaction that created this service: behind it stands what was recovered. */
  readonly createdBy: string;
  readonly recoveryThreshold: number;
  readonly configuration: JsonObject;
}

export class GovernanceService {
  readonly #client: GovernanceClient;

  constructor(client: GovernanceClient) {
    this.#client = client;
  }

  /** @throws GovernanceRefused, and what Client.request throws */
  async read(path: string): Promise<JsonValue> {
    return answered(await this.#client.request({ path: withVersion(path) }));
  }

  /** Undefined where the service has no such thing, or no such endpoint. */
  async readIfThere(path: string): Promise<JsonValue | undefined> {
    const answer = await this.#client.request({ path: withVersion(path) });
    return answer.status === 404 ? undefined : answered(answer);
  }

  async readText(path: string): Promise<string | undefined> {
    const answer = await this.#client.request({ path: withVersion(path) });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) answered(answer);
    return new TextDecoder().decode(answer.body);
  }

  /** The rows of a list endpoint. */
  async list(path: string): Promise<readonly JsonObject[]> {
    const { value } = objectOf(await this.read(path));
    return Array.isArray(value) ? value.map((row) => objectOf(row)) : [];
  }

  async info(): Promise<ServiceInfo> {
    const row = objectOf(await this.read('/gov/service/info'));
    const configuration = objectOf(row.configuration);
    return {
      status: String(row.status),
      certificate: String(row.certificate),
      recoveryCount: Number(row.recoveryCount ?? 0),
      createdBy: typeof row.creationTransactionId === 'string' ? row.creationTransactionId : '',
      recoveryThreshold: Number(configuration.recoveryThreshold ?? 0),
      configuration,
    };
  }

  async proposals(): Promise<readonly ProposalInfo[]> {
    return (await this.list('/gov/members/proposals')).map(proposalOf);
  }

  /** @throws ProposalForgotten when the service does not have it (any more) */
  async proposal(id: string): Promise<ProposalInfo> {
    const found = await this.readIfThere(`/gov/members/proposals/${id}`);
    if (found === undefined) throw forgotten(id);
    return proposalOf(objectOf(found));
  }

  /** The proposal as it was signed. @throws ProposalForgotten */
  async actions(id: string): Promise<Uint8Array> {
    const path = `/gov/members/proposals/${id}/actions`;
    const answer = await this.#client.request({ path: withVersion(path) });
    if (answer.status === 404) throw forgotten(id);
    if (answer.status !== 200) answered(answer);
    return answer.body;
  }

  /** The ballot's script; undefined when the member has not voted. */
  ballot(id: string, memberId: string): Promise<string | undefined> {
    return this.readText(`/gov/members/proposals/${id}/ballots/${memberId}`);
  }

  /**
   * Submits a signed request and waits until its transaction has committed. What a change of
   * primary took back is sent again: the service knows nothing of it, and it says the same.
   * @throws GovernanceRefused with the service's own code; TransactionNotCommitted
   */
  async submit(request: SignedRequest): Promise<Submitted> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#submitOnce(request);
      } catch (error) {
        const isTakenBack =
          error instanceof LedgerError && error.code === 'TransactionNotCommitted';
        if (!isTakenBack || attempt === attemptsMax) throw error;
      }
    }
  }

  async #submitOnce(request: SignedRequest): Promise<Submitted> {
    const response = await this.#send(request);
    const answer = answered(response);
    const { transactionId } = response;
    if (!transactionId) return { answer, transactionId: undefined };
    return { answer, transactionId: formatTransactionId(await this.#settled(transactionId)) };
  }

  /** Submits a signed request and does not wait: it may yet be rolled back. */
  async post(request: SignedRequest): Promise<JsonValue> {
    return answered(await this.#send(request));
  }

  #send(request: SignedRequest): Promise<ClientAnswer> {
    return this.#client.request({
      method: 'POST',
      path: withVersion(request.path),
      headers: { 'content-type': 'application/cose' },
      body: request.body,
    });
  }

  /** While a service recovers nothing commits: its members' requests are then settled at once. */
  async #settled(id: Parameters<GovernanceClient['committed']>[0] & object) {
    const { status } = await this.info();
    const isRecovering = status === 'Recovering' || status === 'WaitingForRecoveryShares';
    return isRecovering ? id : this.#client.committed(id);
  }
}

function withVersion(path: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${apiVersion}`;
}

/** The JSON of an answer; {} without a body. @throws GovernanceRefused */
function answered(answer: ClientAnswer): JsonValue {
  const { status, body } = answer;
  const isDone = status >= 200 && status < 300;
  const value = body.length === 0 ? {} : jsonOf(answer);
  if (isDone) return value;
  const { error } = objectOf(value);
  const { code, message, details } = objectOf(error);
  const [detail] = Array.isArray(details) ? details : [];
  const reason = objectOf(detail).message ?? message ?? `It answered with status ${status}.`;
  throw memberError('GovernanceRefused', oneSentence(String(reason)), {
    status,
    serviceCode: typeof code === 'string' ? code : undefined,
  });
}

/** Without line breaks, and without the trace of a script. */
function oneSentence(text: string): string {
  const lines = text.split('\n').filter((line) => !/^\s+at |^Trace: /.test(line));
  const sentence = lines.map((line) => line.trim()).join(' ');
  return sentence.length > reasonCharactersMax
    ? `${sentence.slice(0, reasonCharactersMax)}…`
    : sentence;
}

/** An error's body may be plain text: what stands between us and the service may answer too. */
function jsonOf(answer: ClientAnswer): JsonValue {
  try {
    return answerJson(answer);
  } catch (error) {
    if (!(error instanceof LedgerError) || answer.status < 400) throw error;
    return {};
  }
}

function forgotten(id: string): LedgerError {
  return memberError(
    'ProposalForgotten',
    `The service has no proposal ${id}: it never had it, or another one was decided since. ` +
      'The whole story stands in the ledger: coco audit.',
  );
}

const states: readonly string[] = [
  'Open',
  'Accepted',
  'Rejected',
  'Withdrawn',
  'Failed',
  'Dropped',
] satisfies readonly ProposalState[];

/** A proposal as the service describes it. @throws GovernanceRefused when it is in no known form */
export function proposalOf(row: JsonObject): ProposalInfo {
  const { proposalId: id, proposerId, proposalState: state, ballotCount, failure } = row;
  if (typeof id !== 'string' || typeof proposerId !== 'string' || !isProposalState(state)) {
    throw memberError('GovernanceRefused', 'The service described a proposal in no known form.');
  }
  const finalVotes = isJsonObject(row.finalVotes) ? booleansOf(row.finalVotes) : undefined;
  const failures = Object.entries(objectOf(row.voteFailures)).map(
    ([member, why]) => [member, String(objectOf(why).reason ?? '')] as const,
  );
  return {
    id,
    proposerId,
    state,
    ballotCount: Number(ballotCount ?? 0),
    finalVotes,
    voteFailures: Object.fromEntries(failures),
    failure: failure === undefined ? undefined : String(objectOf(failure).reason ?? failure),
  };
}

function isProposalState(state: JsonValue | undefined): state is ProposalState {
  return typeof state === 'string' && states.includes(state);
}

function booleansOf(row: JsonObject): Readonly<Record<string, boolean>> {
  return Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === true]));
}

/** The value as an object; an empty one where it is none. */
export function objectOf(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}
