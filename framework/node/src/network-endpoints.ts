/**
 * The /node endpoints about the other nodes: who is primary, who is backup, how consensus sees the
 * network, and the end of a retired node's row. What says "this is the primary" of this node claims
 * to hold now: it passes a round of ReadIndex, so that a deposed or isolated one does not say it.
 */

import type { JsonValue } from '@coco/base';
import {
  type Call,
  type CommandEndpoint,
  type Endpoint,
  emptyResponse,
  endpointError,
  jsonResponse,
  type Response,
} from '@coco/endpoint';
import { type NodeInfoRow, nodeInfos } from '@coco/governance';
import type { ReadView, Transaction } from '@coco/kv';
import type { Leadership } from '@coco/replication';
import { nodeError } from './errors.ts';
import { nodesOfService, peerAddressText, urlOfNode } from './node-addresses.ts';

export interface NetworkStatus {
  readonly leadership: Leadership;
  /** Raft's name of this node's part; undefined before it has one. */
  role(): 'leader' | 'follower' | 'candidate' | undefined;
  committedState(): ReadView;
  /** @throws ReadIndexUnavailable */
  becomeCurrent(): Promise<void>;
  describe(state: ReadView, row: readonly [id: string, info: NodeInfoRow]): JsonValue;
}

export function networkEndpoints(node: NetworkStatus): readonly Endpoint[] {
  const command = (
    method: 'GET' | 'HEAD',
    path: string,
    summary: string,
    handle: CommandEndpoint['handle'],
  ): CommandEndpoint => ({
    method,
    path,
    summary,
    authentication: [],
    mode: 'command',
    isSessionExempt: true,
    handle,
  });
  return [
    command('GET', '/node/primary', 'Whether this node is the primary', async () => {
      if (await isPrimary(node)) return emptyResponse(200);
      throw endpointError('ResourceNotFound', 'Node is not primary');
    }),
    command('HEAD', '/node/primary', 'This node, or the way to the primary', async (call) => {
      if (await isPrimary(node)) return emptyResponse(200);
      return pointTo(node, call, node.leadership.primaryId());
    }),
    command('GET', '/node/backup', 'Whether this node is a backup', () => {
      if (isBackup(node)) return emptyResponse(200);
      throw endpointError('ResourceNotFound', 'Node is not backup');
    }),
    command('HEAD', '/node/backup', 'This node, or the way to a backup', (call) =>
      isBackup(node) ? emptyResponse(200) : pointTo(node, call, someBackup(node)),
    ),
    command('GET', '/node/config', 'The nodes that take part in consensus', () =>
      jsonResponse(members(node)),
    ),
    command('GET', '/node/consensus', 'How consensus stands here', () =>
      jsonResponse({ details: consensusDetails(node) }),
    ),
    {
      method: 'GET',
      path: '/node/network/removable_nodes',
      summary: 'Retired nodes that can be shut down and whose rows can be deleted',
      authentication: [],
      mode: 'command',
      handle: () => {
        // Of a retirement that may yet be rolled back nobody should hear.
        const state = node.committedState();
        const rows = nodeInfos.rows(state).filter(([, info]) => isRemovable(info));
        return jsonResponse({ nodes: rows.map((row) => node.describe(state, row)) });
      },
    },
    {
      method: 'DELETE',
      path: '/node/network/nodes/{nodeId}',
      summary: 'Deletes the row of a node that is retired for good',
      authentication: [],
      mode: 'write',
      handle: (transaction, call) => ({ response: deleteNode(transaction, call) }),
    },
  ];
}

/** @throws ReadIndexUnavailable */
async function isPrimary({ leadership, becomeCurrent }: NetworkStatus): Promise<boolean> {
  if (!leadership.isExecuting()) return false;
  await becomeCurrent();
  return leadership.isExecuting();
}

function isBackup({ leadership }: NetworkStatus): boolean {
  const primaryId = leadership.primaryId();
  return primaryId !== undefined && primaryId !== leadership.nodeId;
}

function someBackup({ leadership, committedState }: NetworkStatus): string | undefined {
  const isOther = (id: string): boolean => id !== leadership.nodeId;
  return nodesOfService(committedState()).find(
    ({ id, info }) => info.status === 'Trusted' && isOther(id),
  )?.id;
}

function pointTo(
  { committedState }: NetworkStatus,
  { request }: Call,
  nodeId: string | undefined,
): Response {
  const url = nodeId === undefined ? undefined : urlOfNode(committedState(), nodeId);
  if (url === undefined) throw endpointError('PrimaryNotFound', 'No such node is known.');
  return { ...emptyResponse(308), headers: { location: `${url}${request.path}` } };
}

/** Node id to its address for other nodes. */
function members({ committedState }: NetworkStatus): Record<string, JsonValue> {
  return Object.fromEntries(
    nodesOfService(committedState()).flatMap(({ id, info }) =>
      info.status === 'Trusted' ? [[id, { address: peerAddressText(info) ?? '' }]] : [],
    ),
  );
}

const leadershipStates = { leader: 'Leader', follower: 'Follower', candidate: 'Candidate' };

function consensusDetails(node: NetworkStatus): JsonValue {
  const { leadership } = node;
  const role = node.role();
  const isMember = nodeInfos.get(node.committedState(), leadership.nodeId)?.status === 'Trusted';
  return {
    configs: [{ idx: node.committedState().seqno, rid: 0, nodes: members(node) }],
    acks: {},
    membership_state: isMember ? 'Active' : 'Retired',
    ...(role && { leadership_state: leadershipStates[role] }),
    primary_id: leadership.primaryId() ?? null,
    current_view: leadership.view(),
    ticking: true,
  };
}

function isRemovable(info: NodeInfoRow): boolean {
  return info.status === 'Retired' && info.retired_committed === true;
}

function deleteNode(transaction: Transaction, { parameters }: Call): Response {
  const id = parameters.get('nodeId') ?? '';
  const info = nodeInfos.get(transaction, id);
  if (!info) throw endpointError('ResourceNotFound', 'No such node');
  if (!isRemovable(info)) {
    throw nodeError('NodeNotRetiredCommitted', 'Node is not completely retired');
  }
  nodeInfos.delete(transaction, id);
  return jsonResponse(true);
}
