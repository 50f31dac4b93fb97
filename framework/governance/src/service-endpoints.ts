/** What governance says of the service to anybody: identity, nodes, who may join. */
import {
  formatTransactionId,
  fromBase64,
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
} from '@coco/base';
import {
  type CommandEndpoint,
  type Endpoint,
  endpointError,
  jsonResponse,
  parseApiVersion,
  parseRequestedId,
  type TransactionStatusTracker,
  textResponse,
} from '@coco/endpoint';
import { certificateDaysDefault } from './certificates.ts';
import { governanceRead, pathId } from './governance-endpoint.ts';
import type { GovernancePorts } from './ports.ts';
import { proposalWindowDefault } from './replay-window.ts';
import type { Readable, Table } from './table.ts';
import {
  constitution,
  type NodeInfoRow,
  nodeCertificates,
  nodeInfos,
  type QuoteInfoRow,
  serviceConfig,
  serviceInfo,
  snpHostData,
  snpMeasurements,
  snpTcbVersions,
  snpUvmEndorsements,
  virtualHostData,
  virtualMeasurements,
} from './tables.ts';

export function serviceEndpoints(ports: GovernancePorts): readonly Endpoint[] {
  return [
    governanceRead(
      '/service/info',
      { summary: 'The service: identity, status, configuration' },
      (view) => jsonResponse(describeService(view)),
    ),
    governanceRead('/service/constitution', { summary: 'The constitution in force' }, (view) => {
      const text = constitution.get(view);
      if (text === undefined) throw endpointError('ResourceNotFound', 'Constitution not found');
      return textResponse(text, { type: 'text/javascript' });
    }),
    governanceRead('/service/nodes', { summary: 'All nodes' }, (view) =>
      jsonResponse({
        value: nodeInfos.rows(view).map(([id, info]) => describeNode(view, id, info)),
      }),
    ),
    governanceRead('/service/nodes/{nodeId}', { summary: 'One node' }, (view, call) => {
      const id = pathId(call, 'nodeId');
      const info = nodeInfos.get(view, id);
      if (!info) throw endpointError('ResourceNotFound', `Node n[${id}] does not exist.`);
      return jsonResponse(describeNode(view, id, info));
    }),
    governanceRead('/service/join-policy', { summary: 'What a node must prove to join' }, (view) =>
      jsonResponse(describeJoinPolicy(view)),
    ),
    ...transactionReads(ports.transactions),
  ];
}

function transactionReads(tracker: TransactionStatusTracker): readonly CommandEndpoint[] {
  const base = { method: 'GET', authentication: [], mode: 'command' } as const;
  const path = '/gov/service/transactions';
  return [
    {
      ...base,
      path: `${path}/commit`,
      handle: ({ request }) => {
        parseApiVersion(request);
        const transactionId = formatTransactionId(tracker.committedId);
        return jsonResponse({ status: 'Committed', transactionId });
      },
    },
    {
      ...base,
      path: `${path}/{transactionId}`,
      handle: ({ request, parameters }) => {
        parseApiVersion(request);
        const text = parameters.get('transactionId') ?? '';
        const id = parseRequestedId(text, 'parameter', 'transactionId');
        const transactionId = formatTransactionId(id);
        return jsonResponse({ status: tracker.status(id), transactionId });
      },
    },
  ];
}

function describeService(view: Readable): JsonValue {
  const info = serviceInfo.require(view);
  const config = serviceConfig.get(view);
  const createId = info.current_service_create_txid;
  return {
    status: info.status,
    certificate: info.cert,
    recoveryCount: info.recovery_count ?? 0,
    serviceData: info.service_data ?? null,
    ...(createId === undefined ? {} : { creationTransactionId: createId }),
    ...(config && {
      configuration: {
        recoveryThreshold: config.recovery_threshold,
        maximumNodeCertificateValidityDays:
          config.maximum_node_certificate_validity_days ?? certificateDaysDefault,
        maximumServiceCertificateValidityDays:
          config.maximum_service_certificate_validity_days ?? certificateDaysDefault,
        recentCoseProposalsWindowSize:
          config.recent_cose_proposals_window_size ?? proposalWindowDefault,
      },
    }),
  };
}

function describeNode(view: Readable, id: string, info: NodeInfoRow): JsonValue {
  const certificate = nodeCertificates.get(view, id);
  return {
    nodeId: id,
    status: info.status,
    nodeData: info.node_data ?? null,
    retiredCommitted: info.retired_committed ?? false,
    quoteInfo: describeQuote(info.quote_info),
    rpcInterfaces: describeInterfaces(info.rpc_interfaces),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

function describeInterfaces(interfaces: JsonValue): JsonValue {
  if (!isJsonObject(interfaces)) return {};
  const described = Object.entries(interfaces).map(([name, value]) => {
    const row = isJsonObject(value) ? value : {};
    const protocol = row.app_protocol === undefined ? {} : { protocol: row.app_protocol };
    return [name, { publishedAddress: row.published_address ?? '', ...protocol }];
  });
  return Object.fromEntries(described) as JsonValue;
}

function describeQuote(quote: QuoteInfoRow): JsonValue {
  if (quote.format === 'Insecure_Virtual') {
    const details = virtualDetails(quote.quote);
    return { format: quote.format, rawQuote: quote.quote, ...(details && { details }) };
  }
  return {
    format: quote.format,
    ...(quote.uvm_endorsements === undefined ? {} : { uvmEndorsements: quote.uvm_endorsements }),
    ...(quote.endorsed_tcb === undefined ? {} : { endorsedTcb: quote.endorsed_tcb }),
  };
}

/** What virtual evidence claims; undefined when it is not in CCF's form. */
function virtualDetails(quote: string): JsonValue | undefined {
  try {
    const value = parseJson(fromBase64(quote));
    if (!isJsonObject(value)) return undefined;
    return {
      measurement: value.measurement ?? null,
      reportData: value.report_data ?? null,
      hostData: value.host_data ?? null,
    };
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

function describeJoinPolicy(view: Readable): JsonValue {
  const allowed = (table: Table<JsonValue>): readonly string[] =>
    table.rows(view).flatMap(([key, value]) => (value === 'AllowedToJoin' ? [key] : []));
  const all = (table: Table<JsonValue>): JsonValue => Object.fromEntries(table.rows(view));
  return {
    // No Coco node runs in SGX; the field is there because CCF's clients read it.
    sgx: { measurements: [] },
    snp: {
      measurements: allowed(snpMeasurements),
      hostData: all(snpHostData),
      uvmEndorsements: all(snpUvmEndorsements),
      tcbVersions: all(snpTcbVersions),
    },
    virtual: {
      measurements: allowed(virtualMeasurements),
      hostData: virtualHostData.keys(view),
    },
  };
}
