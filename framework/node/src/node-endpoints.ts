/**
 * The /node endpoints (CCF's public node API) of a node: what it is, what runs here, and how far
 * the ledger has come. They hold nothing private and need no authentication.
 */

import { encodeQuoteAnswer, parseQuoteInfo } from '@coco/attestation';
import { type JsonValue, toHex, utf8Encode } from '@coco/base';
import {
  bytesResponse,
  type Call,
  type CommandEndpoint,
  type Endpoint,
  emptyResponse,
  endpointError,
  jsonResponse,
  openApiDocument,
  type ReadEndpoint,
  type Response,
} from '@coco/endpoint';
import {
  type EndorsementRow,
  type NodeInfoRow,
  nodeInfos,
  previousServiceIdentity,
  recoveryRecord,
  serviceConfig,
  serviceInfo,
} from '@coco/governance';
import type { ReadView } from '@coco/kv';
import { prometheusContentType } from '@coco/monitor';
import type { Leadership } from '@coco/replication';
import type { NodeState, RecoveryProgress } from './service-runtime.ts';

/** What the endpoints show of the running node. */
export interface NodeStatus {
  readonly nodeId: string;
  readonly measurement: string;
  readonly version: string;
  selfSignedPem(): string;
  state(): NodeState;
  /** Whether applications are served: the service's opening is committed. */
  isOpen(): boolean;
  startupSeqno(): number;
  /** While a recovered service is not open yet. */
  recovery(): Pick<RecoveryProgress, 'targetSeqno' | 'recoveredSeqno'> | undefined;
  lastSignedSeqno(): number;
  readonly leadership: Leadership;
  /** Endorsements of earlier service identities, newest first. */
  endorsements(): readonly EndorsementRow[];
  metrics(): JsonValue;
  /** The same as text. */
  prometheus(): string;
  /** How the refreshes of token issuers' keys went. */
  tokenKeyRefreshes(): JsonValue;
  /** Every endpoint of the node, for the API documents. */
  endpoints(): readonly Endpoint[];
}

type Read = (state: ReadView, call: Call) => Response;

const base = { method: 'GET', authentication: [] } as const;

/** A node tells of the network as it knows it, whoever else was asked before. */
function read(path: string, summary: string, handle: Read): ReadEndpoint {
  return { ...base, path, summary, mode: 'read', forwardingRequired: 'never', handle };
}

function command(
  path: string,
  summary: string,
  handle: CommandEndpoint['handle'],
): CommandEndpoint {
  return { ...base, path, summary, mode: 'command', isSessionExempt: true, handle };
}

export function nodeEndpoints(node: NodeStatus): readonly Endpoint[] {
  return [
    read('/node/state', 'State of this node', () => jsonResponse(stateBody(node))),
    read('/node/network', 'The service', (state) => jsonResponse(networkBody(node, state))),
    read('/node/network/nodes', 'The nodes of the service', (state, call) =>
      jsonResponse({ nodes: listNodes(node, state, call.request.query) }),
    ),
    read('/node/network/nodes/{nodeId}', 'One node of the service', (state, call) =>
      jsonResponse(oneNode(node, state, call.parameters.get('nodeId') ?? '')),
    ),
    read('/node/quotes/self', 'Evidence of this node', (state) =>
      jsonResponse(quoteBody(node, state)),
    ),
    read('/node/attestations/self', 'Evidence of this node', (state) =>
      jsonResponse(quoteBody(node, state)),
    ),
    read('/node/service/configuration', 'Configuration of the service', (state) =>
      jsonResponse(compact(serviceConfig.require(state))),
    ),
    read('/node/service/previous_identity', 'Identities before a recovery', (state) =>
      jsonResponse(previousIdentityBody(node, state)),
    ),
    command('/node/self_signed_certificate', 'Certificate of this node by itself', () =>
      jsonResponse({ self_signed_certificate: node.selfSignedPem() }),
    ),
    command('/node/version', 'Versions', () =>
      jsonResponse({ ccf_version: `coco-${node.version}`, quickjs_version: '', unsafe: true }),
    ),
    command('/node/metrics', 'Metrics', () => jsonResponse(node.metrics())),
    command('/node/metrics/prometheus', 'Metrics for Prometheus', () => prometheus(node)),
    command('/node/jwt_keys/refresh/metrics', 'Refreshes of the keys of token issuers', () =>
      jsonResponse(node.tokenKeyRefreshes()),
    ),
    command('/node/ready/app', 'Whether the application is open', () =>
      emptyResponse(node.isOpen() ? 204 : 503),
    ),
    command('/node/ready/gov', 'Whether governance is open', () =>
      emptyResponse(node.state() === 'Initialized' ? 503 : 204),
    ),
    command('/node/api', 'OpenAPI document of this frontend', () => api(node, '/node')),
    command('/app/api', 'OpenAPI document of this frontend', () => api(node, '/app')),
  ];
}

function api(node: NodeStatus, prefix: '/node' | '/app'): Response {
  const title = prefix === '/node' ? 'Coco public node API' : 'Coco application API';
  const description = 'Endpoints of a node of a Coco network.';
  const { version } = node;
  const endpoints = node.endpoints();
  return jsonResponse(openApiDocument({ title, description, version, prefix, endpoints }));
}

function stateBody(node: NodeStatus): JsonValue {
  const recovery = node.recovery();
  return {
    node_id: node.nodeId,
    state: node.state(),
    last_signed_seqno: node.lastSignedSeqno(),
    startup_seqno: node.startupSeqno(),
    ...(recovery && {
      last_recovered_seqno: recovery.recoveredSeqno,
      recovery_target_seqno: recovery.targetSeqno,
    }),
    stop_notice: false,
  };
}

function networkBody(node: NodeStatus, state: ReadView): JsonValue {
  const info = serviceInfo.require(state);
  const record = recoveryRecord.get(state);
  return {
    service_status: info.status,
    service_certificate: info.cert,
    current_view: node.leadership.view(),
    primary_id: node.leadership.primaryId() ?? null,
    recovery_count: info.recovery_count ?? 0,
    service_data: info.service_data ?? null,
    current_service_create_txid: info.current_service_create_txid ?? null,
    // Coco's own; in CCF nothing says so.
    ...(record && { recovered_to: record.recovered_to, may_lack_commits: record.may_lack_commits }),
  };
}

const nodeStatuses: ReadonlySet<string> = new Set(['Pending', 'Trusted', 'Retired']);

function listNodes(
  node: NodeStatus,
  state: ReadView,
  query: ReadonlyMap<string, string>,
): readonly JsonValue[] {
  const status = query.get('status');
  if (status !== undefined && !nodeStatuses.has(status)) {
    const message = `Query parameter '${status}' is not a valid node status`;
    throw endpointError('InvalidQueryParameterValue', message);
  }
  return nodeInfos
    .rows(state)
    .filter(([, info]) => status === undefined || info.status === status)
    .filter(([, info]) => matchesAddress(info, query.get('host'), query.get('port')))
    .map(([id, info]) => nodeBody(node, state, [id, info]));
}

function matchesAddress(
  info: NodeInfoRow,
  host: string | undefined,
  port: string | undefined,
): boolean {
  if (host === undefined && port === undefined) return true;
  const interfaces = Object.values((info.rpc_interfaces ?? {}) as Record<string, JsonValue>);
  return interfaces.some((one) => {
    const address = String((one as { published_address?: JsonValue }).published_address ?? '');
    const at = address.lastIndexOf(':');
    const [ownHost, ownPort] = [address.slice(0, at), address.slice(at + 1)];
    return (host ?? ownHost) === ownHost && (port ?? ownPort) === ownPort;
  });
}

function oneNode(node: NodeStatus, state: ReadView, name: string): JsonValue {
  const named = { self: node.nodeId, primary: node.leadership.primaryId() ?? '' };
  const id = name === 'self' || name === 'primary' ? named[name] : name;
  const info = nodeInfos.get(state, id);
  if (!info) throw endpointError('ResourceNotFound', 'Node not found');
  return nodeBody(node, state, [id, info]);
}

export function nodeBody(
  node: Pick<NodeStatus, 'leadership'>,
  state: ReadView,
  [id, info]: readonly [string, NodeInfoRow],
): JsonValue {
  return {
    node_id: id,
    status: info.status,
    primary: id === node.leadership.primaryId(),
    rpc_interfaces: info.rpc_interfaces,
    node_data: info.node_data ?? null,
    last_written: state.map(nodeInfos.name).versionOf(utf8Encode(id)) ?? 0,
  };
}

/** The evidence as the ledger holds it: what the consortium admitted. */
function quoteBody(node: NodeStatus, state: ReadView): JsonValue {
  const info = nodeInfos.get(state, node.nodeId);
  if (!info) throw endpointError('ResourceNotFound', 'Could not find node quote.');
  const { format, quote, endorsements } = info.quote_info;
  return encodeQuoteAnswer({
    nodeId: node.nodeId,
    evidence: parseQuoteInfo({ format, quote, endorsements }),
    measurement: toHex(utf8Encode(node.measurement)),
  });
}

function previousIdentityBody(node: NodeStatus, state: ReadView): JsonValue {
  const previous = previousServiceIdentity.get(state);
  if (previous === undefined) {
    const message = 'This service is not a recovery of a previous service.';
    throw endpointError('ResourceNotFound', message);
  }
  return {
    previous_service_identity: previous,
    endorsements: node.endorsements().map((row) => compact(row)),
  };
}

function prometheus(node: NodeStatus): Response {
  return bytesResponse(utf8Encode(node.prometheus()), prometheusContentType);
}

/** Without the fields that have no value. */
function compact(row: object): JsonValue {
  return Object.fromEntries(
    Object.entries(row).filter(([, value]) => value !== undefined),
  ) as JsonValue;
}
