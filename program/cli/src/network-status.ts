/**
 * How a network stands, node by node: one verified client gives the list of nodes, then each node
 * is asked itself, over a session that proves its key and that it is of the same service.
 */
import { isJsonObject, type JsonValue, LedgerError } from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import { GovernanceService, type JsonObject, objectOf, shortId } from '@coco/member';
import { answerJson, type Client } from '@coco/sdk';
import { type NodeReading, type ReadingClient, readNode } from './node-reading.ts';

const msPerDay = 86_400_000;

/** What this file needs of a client. */
export type StatusClient = ReadingClient &
  Pick<Client, 'serviceCertificate' | 'evidence' | 'close' | 'committed'>;

export interface AskedNode extends NodeReading {
  readonly version: string;
  /** Of its code, as its verified evidence says. */
  readonly measurement: string;
}

export interface ListedNode {
  readonly nodeId: string;
  /** Pending, Trusted or Retired, as the ledger has it. */
  readonly status: string;
  /** https://host:port; undefined where the ledger names no address to ask. */
  readonly url: string | undefined;
  readonly certificateDays: number | undefined;
  /** What it said; undefined when it was not asked, or `failure` says why it did not answer. */
  readonly asked: AskedNode | undefined;
  readonly failure: { readonly code: string; readonly message: string } | undefined;
}

export interface NetworkStatus {
  readonly serviceStatus: string;
  /** Hex SHA-256 of the service's certificate. */
  readonly serviceId: string;
  readonly serviceCertificateDays: number;
  readonly recoveryCount: number;
  readonly isConfidential: boolean;
  readonly nodes: readonly ListedNode[];
  readonly memberCount: number;
  readonly activeMemberCount: number;
  /** Ids of proposals that are not decided. */
  readonly openProposals: readonly string[];
}

export async function readNetworkStatus(
  client: StatusClient,
  options: {
    /** Connects to one node; @throws what connect of @coco/sdk throws */
    readonly visit: (url: string) => Promise<StatusClient>;
    readonly nowMs: number;
  },
): Promise<NetworkStatus> {
  const governance = new GovernanceService(client);
  const [service, members, rows, certified, proposals] = await Promise.all([
    governance.info(),
    governance.list('/gov/service/members'),
    listNodes(client),
    governance.list('/gov/service/nodes'),
    governance.proposals(),
  ]);
  const daysOf = (pem: JsonValue | undefined) => daysLeft(pem, options.nowMs);
  const certificates = new Map(certified.map((row) => [String(row.nodeId), row.certificate]));
  const nodes = rows.map(async (row): Promise<ListedNode> => {
    const nodeId = String(row.node_id);
    const status = String(row.status);
    const url = urlOf(row);
    const asked =
      status === 'Trusted' && url !== undefined ? await ask({ nodeId, url }, options.visit) : {};
    const certificateDays = daysOf(certificates.get(nodeId));
    return { nodeId, status, url, certificateDays, asked: undefined, failure: undefined, ...asked };
  });
  const { id } = parseCertificate(service.certificate);
  return {
    serviceStatus: service.status,
    serviceId: id,
    serviceCertificateDays: daysOf(service.certificate) ?? 0,
    recoveryCount: service.recoveryCount,
    isConfidential: client.evidence.isConfidential,
    nodes: await Promise.all(nodes),
    memberCount: members.length,
    activeMemberCount: members.filter(({ status }) => status === 'Active').length,
    openProposals: proposals.filter(({ state }) => state === 'Open').map(({ id: one }) => one),
  };
}

async function listNodes(client: ReadingClient): Promise<readonly JsonObject[]> {
  const { nodes } = objectOf(answerJson(await client.request({ path: '/node/network/nodes' })));
  return Array.isArray(nodes) ? nodes.map((row) => objectOf(row)) : [];
}

/** The first interface that shows a certificate by the service. */
function urlOf(row: JsonObject): string | undefined {
  const interfaces = Object.values(isJsonObject(row.rpc_interfaces) ? row.rpc_interfaces : {});
  for (const one of interfaces.map((value) => objectOf(value))) {
    const { authority = 'Service' } = objectOf(one.endorsement);
    const address = one.published_address;
    if (authority !== 'Service' || typeof address !== 'string') continue;
    const url = `https://${address}`;
    if (URL.canParse(url) && !address.endsWith(':0')) return url;
  }
  return undefined;
}

async function ask(
  { nodeId, url }: { readonly nodeId: string; readonly url: string },
  visit: (url: string) => Promise<StatusClient>,
): Promise<Pick<ListedNode, 'asked' | 'failure'>> {
  try {
    const client = await visit(url);
    try {
      const reading = await readNode(client);
      // A node that is lost may have left its address to the one in its place.
      if (reading.nodeId !== nodeId) return { asked: undefined, failure: replacedBy(reading) };
      const answer = await client.request({ path: '/node/version' });
      const version = objectOf(answerJson(answer)).ccf_version;
      const { measurement } = client.evidence;
      return { asked: { ...reading, version: String(version), measurement }, failure: undefined };
    } finally {
      client.close();
    }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { asked: undefined, failure: { code: error.code, message: error.message } };
  }
}

function replacedBy({ nodeId }: NodeReading): NonNullable<ListedNode['failure']> {
  const message = `Another node, ${shortId(nodeId)}, answers at its address.`;
  return { code: 'OtherNodeAnswers', message };
}

/** Whole days that a certificate is still valid; negative when it is not any more. */
function daysLeft(pem: JsonValue | undefined, nowMs: number): number | undefined {
  if (typeof pem !== 'string') return undefined;
  return Math.floor((parseCertificate(pem).notAfterMs - nowMs) / msPerDay);
}
