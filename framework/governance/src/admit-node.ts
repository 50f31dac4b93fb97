/**
 * What the primary does with a node that asks to join, as one transaction: Pending in an open
 * service, until the members decide; Trusted at once in one that is not open yet, or where it takes
 * the place of a node that is gone and the members permitted that once and for all. The checks and
 * their words are CCF's.
 */
import { equalBytes, isJsonObject, type JsonValue, refuse, toBase64, toHex } from '@coco/base';
import { encryptTo, parseCertificate, sha256, signingRequestKey } from '@coco/crypto';
import { endpointError } from '@coco/endpoint';
import { endorseNode, longestValidity } from './certificates.ts';
import { governanceError } from './errors.ts';
import { codeOf, type NodeCode, verifyJoiner } from './join-policy.ts';
import type { JoinRequest } from './join-request.ts';
import { nodeJoins, raftIdOf, recordJoin } from './node-joins.ts';
import type { GovernancePorts } from './ports.ts';
import { nodeReplacement } from './standing-permissions.ts';
import { json, type Readable, Table, type Writable } from './table.ts';
import { type NodeInfoRow, nodeCertificates, nodeInfos, serviceInfo } from './tables.ts';

/**
 * Nodes that may wait for the members' decision at once, or be trusted before the service is open.
 * Evidence does not say whose machine it is of: who has the code can make many keys, and each
 * leaves a row on the ledger.
 */
const undecidedNodesMax = 32;
/** Certificates begin a little in the past: clocks of clients differ. */
const backdatingMs = 60_000;
const minuteMs = 60_000;

/** New node's id to why it was trusted without a ballot. No script can write it. */
export const nodeReplacements: Table<JsonValue> = new Table(
  'public:coco.internal.node_replacements',
  json,
);

export interface Joiner {
  /** DER of the certificate by which the node proved its key to this TLS connection. */
  readonly certificate: Uint8Array | undefined;
  readonly request: JoinRequest;
}

export interface JoinPorts extends Pick<GovernancePorts, 'clock' | 'serviceKey' | 'ledgerSecrets'> {
  /** Keys that sign the virtual platform's evidence here. */
  readonly developmentRoots: readonly Uint8Array[];
  /** For how long a new node's first certificate holds. */
  readonly nodeCertificateDays: number;
  /** How long nothing was heard of a node, by its id in Raft; 0 while it is connected. */
  silentMs(raftId: number): number;
}

export interface Admission {
  readonly nodeId: string;
  /** The key that it proved. */
  readonly nodeSpki: Uint8Array;
  /** As it stands after the transaction. */
  readonly status: 'Pending' | 'Trusted';
  /** Whether this request added the node. */
  readonly isNew: boolean;
  /** The node that it takes the place of. */
  readonly replacedId: string | undefined;
}

/**
 * Adds the node, or tells how one stands that asked before. Depends on the state, the clock and
 * what is silent alone, so it may run again.
 * @throws InvalidAuthenticationInfo, InvalidQuote, EvidenceMalformed, UnsupportedEvidenceFormat,
 *   CSRPublicKeyInvalid, InvalidSigningRequest, InvalidKey, NodeAlreadyExists, InvalidNodeState,
 *   TooManyPendingNodes, ServiceRecovering
 */
export async function admitNode(
  transaction: Writable,
  joiner: Joiner,
  ports: JoinPorts,
): Promise<Admission> {
  const spki = keyOf(joiner.certificate);
  const nodeId = toHex(sha256(spki));
  const { request } = joiner;
  const { status } = serviceInfo.require(transaction);
  if (status !== 'Opening' && status !== 'Open') {
    const message = 'The service is being recovered: nodes join when it is open.';
    throw governanceError('ServiceRecovering', message);
  }
  const known = nodeInfos.get(transaction, nodeId);
  if (known) return { nodeSpki: spki, ...standing(nodeId, known, request) };
  assertNotRemoved(transaction, nodeId);
  const code = await verifyJoiner(
    transaction,
    { quoteInfo: request.quoteInfo, nodeSpki: spki },
    ports.developmentRoots,
  );
  await assertOwnRequest(request.signingRequestPem, spki);
  // Encrypting once proves that the text is an RSA key.
  encryptTo(request.encryptionPublicKeyPem, new Uint8Array(1));
  const replacedId = status === 'Open' ? replaced(transaction, request, code, ports) : undefined;
  assertFreeAddress(transaction, request, replacedId);
  const isTrusted = status === 'Opening' || replacedId !== undefined;
  if (replacedId === undefined) assertRoom(transaction, status === 'Open' ? 'Pending' : 'Trusted');
  if (replacedId !== undefined) retire(transaction, replacedId, nodeId);
  await add(transaction, { nodeId, publicKeyPem: pemOf(spki), request, isTrusted }, ports);
  const outcome = isTrusted ? 'Trusted' : 'Pending';
  return { nodeId, nodeSpki: spki, status: outcome, isNew: true, replacedId };
}

function keyOf(certificate: Uint8Array | undefined): Uint8Array {
  if (certificate !== undefined) return parseCertificate(certificate).spki;
  throw endpointError(
    'InvalidAuthenticationInfo',
    'A node joins over TLS with its own certificate; this connection has none.',
  );
}

function pemOf(spki: Uint8Array): string {
  const lines = toBase64(spki).match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
}

/** A node that asks again is told how it stands. */
function standing(
  nodeId: string,
  known: NodeInfoRow,
  request: JoinRequest,
): Omit<Admission, 'nodeSpki'> {
  const { status } = known;
  if (status === 'Retired') {
    throw governanceError('InvalidNodeState', `Joining node is not in expected state (${status})`, {
      nodeId,
    });
  }
  if (known.encryption_pub_key !== request.encryptionPublicKeyPem) {
    throw refuse('InvalidInput', 'The node asked before with another encryption key.', { nodeId });
  }
  return { nodeId, status, isNew: false, replacedId: undefined };
}

function assertNotRemoved(state: Readable, nodeId: string): void {
  if (!nodeJoins.has(state, nodeId)) return;
  throw governanceError(
    'InvalidNodeState',
    'Joining node is not in expected state (removed): it has to start anew, with new keys.',
    { nodeId },
  );
}

async function assertOwnRequest(signingRequest: string, spki: Uint8Array): Promise<void> {
  if (equalBytes(await signingRequestKey(signingRequest), spki)) return;
  throw governanceError(
    'CSRPublicKeyInvalid',
    'Public key in CSR does not match TLS client identity.',
  );
}

function publishedAddress(info: NodeInfoRow): string | undefined {
  const { node_to_node_interface: described } = info;
  const address = isJsonObject(described) ? described.published_address : undefined;
  return typeof address === 'string' ? address : undefined;
}

function assertFreeAddress(
  state: Readable,
  { nodeToNodeInterface }: JoinRequest,
  replacedId: string | undefined,
): void {
  const address = nodeToNodeInterface.publishedAddress;
  const other = nodeInfos
    .rows(state)
    .find(
      ([id, info]) =>
        id !== replacedId && info.status !== 'Retired' && publishedAddress(info) === address,
    );
  if (!other) return;
  throw governanceError(
    'NodeAlreadyExists',
    `A node with the same published node address ${address} already exists (node id: ${other[0]}).`,
  );
}

/** Of those that nobody decided on there are few, before the service is open and after. */
function assertRoom(state: Readable, status: 'Pending' | 'Trusted'): void {
  const count = nodeInfos.rows(state).filter(([, info]) => info.status === status).length;
  if (count < undecidedNodesMax) return;
  throw governanceError(
    'TooManyPendingNodes',
    status === 'Pending'
      ? `${count} nodes wait for the members' decision already; ask again later.`
      : `${count} nodes joined before the service was opened; ask again when it is open.`,
  );
}

/**
 * The node whose place the joiner may take without a ballot: trusted, of the same code, in the same
 * slot, and silent for as long as the permission says.
 */
function replaced(
  state: Readable,
  request: JoinRequest,
  code: NodeCode,
  ports: JoinPorts,
): string | undefined {
  const permission = nodeReplacement(state);
  if (!permission) return undefined;
  const slot = slotOf(request.nodeData, request.nodeToNodeInterface.publishedAddress);
  const found = nodeInfos.rows(state).find(([id, info]) => {
    if (info.status !== 'Trusted') return false;
    const raftId = raftIdOf(state, id);
    const before = codeOf(info.quote_info);
    return (
      slotOf(info.node_data, publishedAddress(info)) === slot &&
      before?.measurement === code.measurement &&
      before.hostData === code.hostData &&
      raftId !== undefined &&
      ports.silentMs(raftId) >= permission.silent_minutes * minuteMs
    );
  });
  return found?.[0];
}

/** `node_data.slot` where the operator named one, otherwise the published address between nodes. */
function slotOf(nodeData: JsonValue | undefined, address: string | undefined): string {
  const slot = isJsonObject(nodeData) ? nodeData.slot : undefined;
  return typeof slot === 'string' ? `slot ${slot}` : `address ${address}`;
}

function retire(transaction: Writable, oldId: string, newId: string): void {
  const info = nodeInfos.get(transaction, oldId);
  if (info) nodeInfos.put(transaction, oldId, { ...info, status: 'Retired' });
  nodeReplacements.put(transaction, newId, {
    reason: 'node_replacement',
    permission: { ...nodeReplacement(transaction) },
    replaced: oldId,
  });
}

async function add(
  transaction: Writable,
  node: {
    readonly nodeId: string;
    readonly publicKeyPem: string;
    readonly request: JoinRequest;
    readonly isTrusted: boolean;
  },
  ports: JoinPorts,
): Promise<void> {
  const { nodeId, publicKeyPem, request, isTrusted } = node;
  const { bindAddress, publishedAddress: address } = request.nodeToNodeInterface;
  if (isTrusted) {
    const validity = {
      notBeforeMs: ports.clock.nowMs() - backdatingMs,
      days: Math.min(ports.nodeCertificateDays, longestValidity(transaction, 'node')),
    };
    const endorsed = await endorseNode(transaction, request.signingRequestPem, validity, ports);
    nodeCertificates.put(transaction, nodeId, endorsed);
  }
  recordJoin(transaction, nodeId);
  nodeInfos.put(transaction, nodeId, {
    node_to_node_interface: { bind_address: bindAddress, published_address: address },
    rpc_interfaces: request.rpcInterfaces,
    quote_info: request.quoteInfo,
    encryption_pub_key: request.encryptionPublicKeyPem,
    status: isTrusted ? 'Trusted' : 'Pending',
    node_data: request.nodeData,
    certificate_signing_request: request.signingRequestPem,
    public_key: publicKeyPem,
    ...(isTrusted && { ledger_secret_seqno: ports.ledgerSecrets().at(-1)?.version }),
  });
}
