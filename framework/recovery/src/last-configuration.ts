/**
 * Who may have voted at the end of a ledger. The ledger says who is trusted, Raft's configuration
 * follows it, one difference after another, so at the end of a file the two may differ: a node that
 * was trusted last may not vote yet, one that was retired last may still. What is certain and what
 * is not is told apart by two facts that the ledger records only once they are so in Raft: a row of
 * `public:coco.internal.node_voters`, and `retired_committed`.
 * Why this is enough: docs/decisions/disaster-recovery.md.
 */
import { utf8Encode } from '@coco/base';
import {
  type NodeInfoRow,
  nodeInfos,
  nodeVoters,
  type Readable,
  serviceInfo,
} from '@coco/governance';

export interface ConfiguredNode {
  readonly nodeId: string;
  readonly status: 'Trusted' | 'Retired';
  /** host:port for other nodes, as its operator published it; '' when it states none. */
  readonly address: string;
  /** Whether it votes for certain; otherwise it may, or may not. */
  readonly isCertain: boolean;
}

/** The tables that `readLastConfiguration` reads. */
export const configurationTables: ReadonlySet<string> = new Set([
  nodeInfos.name,
  nodeVoters.name,
  serviceInfo.name,
]);

/** Every node that may have voted, by id. @throws GovernanceRowInvalid */
export function readLastConfiguration(state: Readable): readonly ConfiguredNode[] {
  const voters = new Set(nodeVoters.keys(state));
  const createdAt = Number(serviceInfo.get(state)?.current_service_create_txid?.split('.')[1]);
  const nodes: ConfiguredNode[] = [];
  for (const [nodeId, info] of nodeInfos.rows(state)) {
    const { status } = info;
    if (status === 'Pending' || isGone(state, nodeId, { info, createdAt })) continue;
    // Ledgers without such rows are of networks that had one node.
    const isVoter = voters.size === 0 || voters.has(nodeId);
    const isCertain = status === 'Trusted' && isVoter;
    nodes.push({ nodeId, status, address: addressOf(info), isCertain });
  }
  return nodes;
}

/** Whether a node is out of Raft's configuration, or of the service before a recovery. */
function isGone(
  state: Readable,
  nodeId: string,
  row: { readonly info: NodeInfoRow; readonly createdAt: number },
): boolean {
  if (row.info.status !== 'Retired') return false;
  const writtenAt = state.map(nodeInfos.name).versionOf(utf8Encode(nodeId));
  return row.info.retired_committed === true || writtenAt === row.createdAt;
}

function addressOf({ node_to_node_interface: row }: NodeInfoRow): string {
  const isObject = typeof row === 'object' && row !== null && !Array.isArray(row);
  const address = isObject
    ? (row as { readonly published_address?: unknown }).published_address
    : '';
  return typeof address === 'string' ? address : '';
}
