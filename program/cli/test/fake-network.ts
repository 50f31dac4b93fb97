/** Nodes that answer as real ones do, for tests of what reads them. */
import { encodeJson, type JsonValue, LedgerError, present } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import type { StatusClient } from '../src/network-status.ts';

export const nowMs = 1_780_000_000_000;

export interface FakeNode {
  readonly nodeId: string;
  readonly port: number;
  readonly status?: 'Pending' | 'Trusted' | 'Retired';
  readonly days?: number;
  /** Undefined: a backup of the first node. */
  readonly primaryId?: string | null;
  readonly view?: number;
  readonly seqno?: number;
  readonly state?: string;
  readonly measurement?: string;
  /** Beside its memory. */
  readonly metrics?: Readonly<Record<string, JsonValue>>;
  /** The code with which connecting to it fails. */
  readonly failure?: 'ServiceUnreachable' | 'ServiceNotPinned';
}

export const nodeIds: readonly string[] = ['a', 'b', 'c', 'd'].map((digit) => digit.repeat(64));

/** A healthy network of three; the first is primary. */
export function threeNodes(
  ...changes: readonly Partial<FakeNode>[]
): readonly [FakeNode, FakeNode, FakeNode] {
  const node = (at: number): FakeNode => {
    const basis = { nodeId: nodeIds[at] ?? '', port: 8000 + at, seqno: 120 - at, view: 2 };
    return { ...basis, ...changes[at] };
  };
  return [node(0), node(1), node(2)];
}

async function certificate(subject: string, days: number): Promise<string> {
  const key = SigningKey.generate('P-256');
  return createCertificate({ subject, key, isAuthority: true, notBeforeMs: nowMs - 60_000, days });
}

/** Clients of a network: any, and of one node by its address. */
export async function fakeNetwork(
  nodes: readonly FakeNode[],
  service: { readonly status?: string; readonly days?: number; readonly open?: string[] } = {},
): Promise<{ client: StatusClient; visit: (url: string) => Promise<StatusClient> }> {
  const { status = 'Open', days = 300, open = [] } = service;
  const serviceCertificate = await certificate('service', days);
  const certificates = await Promise.all(nodes.map((node) => certificate('node', node.days ?? 90)));
  const shared: Readonly<Record<string, JsonValue>> = {
    '/gov/service/info': {
      status,
      certificate: serviceCertificate,
      recoveryCount: 1,
      configuration: { recoveryThreshold: 2 },
    },
    '/gov/service/members': { value: [{ status: 'Active' }, { status: 'Accepted' }] },
    '/gov/service/nodes': {
      value: nodes.map(({ nodeId }, at) => ({ nodeId, certificate: certificates[at] ?? '' })),
    },
    '/gov/members/proposals': {
      value: [['e'.repeat(64), 'Accepted'], ...open.map((id) => [id, 'Open'])].map(
        ([proposalId = '', proposalState = '']) => ({
          proposalId,
          proposerId: 'f'.repeat(64),
          proposalState,
          ballotCount: 0,
        }),
      ),
    },
    '/node/network/nodes': { nodes: nodes.map(describe) },
  };
  const clientOf = (node: FakeNode): StatusClient =>
    fakeClient(serviceCertificate, node.measurement, { ...shared, ...documentsOf(node, nodes) });
  return {
    client: clientOf(present(nodes[0], 'a network has nodes')),
    visit: async (url) => {
      const node = present(
        nodes.find(({ port }) => url === `https://127.0.0.1:${port}`),
        'only nodes of the network are visited',
      );
      if (!node.failure) return clientOf(node);
      const row = { kind: 'fault', status: 503, meaning: 'of a test' } as const;
      throw new LedgerError(node.failure, row, 'It said no.', {}, undefined);
    },
  };
}

function describe({ nodeId, port, status = 'Trusted' }: FakeNode): JsonValue {
  const ethereum = { published_address: '127.0.0.1:1', endorsement: { authority: 'Unsecured' } };
  const https = { published_address: `127.0.0.1:${port}`, endorsement: { authority: 'Service' } };
  return { node_id: nodeId, status, rpc_interfaces: { ethereum, https } };
}

function documentsOf(
  node: FakeNode,
  nodes: readonly FakeNode[],
): Readonly<Record<string, JsonValue>> {
  const { nodeId, view = 2, seqno = 0, state = 'PartOfNetwork' } = node;
  const primary = node.primaryId === undefined ? (nodes[0]?.nodeId ?? null) : node.primaryId;
  return {
    '/node/state': { node_id: nodeId, state },
    '/node/network': { service_status: 'Open', current_view: view, primary_id: primary },
    '/node/commit': { transaction_id: `${view}.${seqno}` },
    '/node/metrics': { memory_rss_bytes: 200 * 2 ** 20, ...node.metrics },
    '/node/version': { ccf_version: 'coco-1' },
  };
}

function fakeClient(
  serviceCertificate: string,
  measurement: string | undefined,
  documents: Readonly<Record<string, JsonValue>>,
): StatusClient {
  const evidence = { format: 'Insecure_Virtual', hostData: '', nodeId: '', rootId: '' };
  return {
    serviceCertificate,
    evidence: { ...evidence, measurement: measurement ?? '1'.repeat(64), isConfidential: false },
    request: async ({ path }) => {
      const document = documents[path.replace(/\?.*$/, '')];
      const [status, body] = document === undefined ? [404, {}] : [200, document];
      return { status, headers: new Map(), body: encodeJson(body), transactionId: undefined };
    },
    committed: (id) => Promise.reject(new RangeError(`nobody waits for ${String(id)} here`)),
    close: () => undefined,
  };
}
