/** Actions on nodes. */
import { type Action, defineAction } from './action.ts';
import type { nodeActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import { checkArguments, checkEntityId, checkValidity, type Validity } from './check-arguments.ts';
import { endorseNode } from './node-certificate.ts';
import { refuse } from './refuse.ts';
import { jsonRows, readJson, removeRow, writeJson } from './rows.ts';
import { nodeInfoTable } from './tables.ts';

declare const ccf: CcfGlobal;

interface NodeInfo {
  readonly status?: string;
  readonly certificate_signing_request?: string;
}

function nodeInfo(id: string): NodeInfo | undefined {
  return readJson(nodeInfoTable, id) as NodeInfo | undefined;
}

function parseNodeId(args: unknown): string {
  return checkEntityId(checkArguments(args).node_id, 'node_id');
}

function parseNodeValidity(args: unknown): { readonly id: string; readonly validity: Validity } {
  return { id: parseNodeId(args), validity: checkValidity(checkArguments(args)) };
}

const setNodeData = defineAction(
  (args) => ({ id: parseNodeId(args), data: checkArguments(args).node_data }),
  ({ id, data }) => {
    const info = nodeInfo(id) ?? refuse(`Node ${id} does not exist`);
    writeJson(nodeInfoTable, { ...info, node_data: data }, id);
  },
);

const transitionNodeToTrusted = defineAction(parseNodeValidity, ({ id, validity }) => {
  const info = nodeInfo(id) ?? refuse(`No such node: ${id}`);
  if (info.status !== 'Pending') return;
  const seqno = ccf.network.getLatestLedgerSecretSeqno();
  writeJson(nodeInfoTable, { ...info, status: 'Trusted', ledger_secret_seqno: seqno }, id);
  ccf.node.shuffleSealedShares?.();
  const request = info.certificate_signing_request;
  if (request !== undefined) endorseNode(id, request, validity);
});

const removeNode = defineAction(parseNodeId, (id) => {
  const info = nodeInfo(id);
  if (info === undefined) return;
  if (info.status === 'Pending') removeRow(nodeInfoTable, id);
  else writeJson(nodeInfoTable, { ...info, status: 'Retired' }, id);
});

function renew(id: string, info: NodeInfo, validity: Validity): void {
  const request = info.certificate_signing_request;
  endorseNode(id, request ?? refuse(`Node ${id} has no certificate signing request`), validity);
}

const setNodeCertificateValidity = defineAction(parseNodeValidity, ({ id, validity }) => {
  const info = nodeInfo(id) ?? refuse(`No such node: ${id}`);
  if (info.status !== 'Trusted') refuse(`Node ${id} is not trusted`);
  renew(id, info, validity);
});

const setAllNodesCertificateValidity = defineAction(
  (args) => checkValidity(checkArguments(args)),
  (validity) => {
    for (const [id, value] of jsonRows(nodeInfoTable)) {
      const info = value as NodeInfo;
      if (info.status === 'Trusted') renew(id, info, validity);
    }
  },
);

export const nodeActions: Readonly<Record<(typeof nodeActionNames)[number], Action>> = {
  set_node_data: setNodeData,
  transition_node_to_trusted: transitionNodeToTrusted,
  remove_node: removeNode,
  set_node_certificate_validity: setNodeCertificateValidity,
  set_all_nodes_certificate_validity: setAllNodesCertificateValidity,
};
