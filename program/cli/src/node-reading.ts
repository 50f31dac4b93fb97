/** What one node says of itself and of the network, read over a verified client. */
import { type JsonValue, parseTransactionId, type TransactionId } from '@coco/base';
import { answerJson, type Client } from '@coco/sdk';
import { cliError } from './errors.ts';

type JsonObject = { readonly [key: string]: JsonValue };
/** What this file needs of a client. */
export type ReadingClient = Pick<Client, 'request'>;

export interface NodeReading {
  readonly nodeId: string;
  /** CCF's name of the node's state, such as PartOfNetwork. */
  readonly state: string;
  /** Opening, Open, Recovering or WaitingForRecoveryShares. */
  readonly serviceStatus: string;
  readonly view: number;
  /** Undefined while the node knows of none. */
  readonly primaryId: string | undefined;
  /** The last transaction that the node knows to be committed; undefined before the first. */
  readonly commit: TransactionId | undefined;
  /** The numbers of GET /node/metrics. */
  readonly metrics: JsonObject;
}

/** @throws SandboxUnreachable when an answer is not a node's, and what Client.request throws */
export async function readNode(client: ReadingClient): Promise<NodeReading> {
  const [state, network, commit, metrics] = await Promise.all([
    document(client, '/node/state'),
    document(client, '/node/network'),
    document(client, '/node/commit'),
    document(client, '/node/metrics'),
  ]);
  return {
    nodeId: String(state.node_id),
    state: String(state.state),
    serviceStatus: String(network.service_status),
    view: Number(network.current_view),
    primaryId: typeof network.primary_id === 'string' ? network.primary_id : undefined,
    commit: transactionOf(commit.transaction_id),
    metrics,
  };
}

function transactionOf(value: JsonValue | undefined): TransactionId | undefined {
  return typeof value === 'string' && /^\d+\.\d+$/.test(value) && !value.endsWith('.0')
    ? parseTransactionId(value)
    : undefined;
}

async function document(client: ReadingClient, path: string): Promise<JsonObject> {
  const answer = await client.request({ path });
  const value = answer.status === 200 ? answerJson(answer) : undefined;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  const message = `GET ${path} was answered with status ${answer.status}: no node answers so.`;
  throw cliError('SandboxUnreachable', message);
}
