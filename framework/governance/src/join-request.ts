/**
 * What a node asks with to join (POST /node/join): CCF's fields, in JSON. It comes from a stranger:
 * every field has a limit, and nothing of it counts before the evidence in it was verified. Format:
 * docs/formats/join.md.
 */
import { isJsonObject, type JsonValue, parseJson, refuse, utf8Encode } from '@coco/base';
import { JsonFields } from './json-fields.ts';
import type { QuoteInfoRow } from './tables.ts';

/** Evidence with a vendor's chain of certificates has some 15 kB, the rest less than 8 kB. */
export const joinRequestBytesMax: number = 64 * 1024;
const depthMax = 8;
/** What a request may leave on the ledger besides evidence. */
const textMax = { key: 4096, signingRequest: 8192, quote: 48 * 1024 } as const;
const interfacesBytesMax = 8192;
const nodeDataBytesMax = 4096;
const addressTextMax = 300;

export interface JoinRequest {
  readonly nodeToNodeInterface: { readonly bindAddress: string; readonly publishedAddress: string };
  /** As nodes.info has them. */
  readonly rpcInterfaces: JsonValue;
  readonly quoteInfo: QuoteInfoRow;
  /** PEM of the node's RSA key. */
  readonly encryptionPublicKeyPem: string;
  /** PKCS#10 in PEM. */
  readonly signingRequestPem: string;
  /** What the operator says of the node. */
  readonly nodeData: JsonValue | undefined;
}

export function encodeJoinRequest(request: JoinRequest): JsonValue {
  const { nodeToNodeInterface, quoteInfo, nodeData } = request;
  return {
    node_info_network: {
      node_to_node_interface: {
        bind_address: nodeToNodeInterface.bindAddress,
        published_address: nodeToNodeInterface.publishedAddress,
      },
      rpc_interfaces: request.rpcInterfaces,
    },
    quote_info: Object.fromEntries(
      Object.entries(quoteInfo).filter(([, value]) => value !== undefined),
    ),
    public_encryption_key: request.encryptionPublicKeyPem,
    certificate_signing_request: request.signingRequestPem,
    ...(nodeData !== undefined && { node_data: nodeData }),
  };
}

/** @throws InvalidInput, RequestBodyTooLarge */
export function parseJoinRequest(body: Uint8Array): JoinRequest {
  if (body.length > joinRequestBytesMax) {
    const message = `A request to join is limited to ${joinRequestBytesMax} bytes.`;
    throw refuse('RequestBodyTooLarge', message, { limit: joinRequestBytesMax });
  }
  const fields = new JsonFields(
    parseJson(body, { bytesMax: joinRequestBytesMax, depthMax }),
    'The request',
  );
  const network = fields.object('node_info_network');
  const node = network.object('node_to_node_interface');
  return {
    nodeToNodeInterface: {
      bindAddress: limited(node.optionalText('bind_address') ?? '', 'bind_address', addressTextMax),
      publishedAddress: address(node.text('published_address')),
    },
    rpcInterfaces: interfaces(network.json('rpc_interfaces')),
    quoteInfo: quote(fields.object('quote_info')),
    encryptionPublicKeyPem: limited(
      fields.text('public_encryption_key'),
      'public_encryption_key',
      textMax.key,
    ),
    signingRequestPem: limited(
      fields.text('certificate_signing_request'),
      'certificate_signing_request',
      textMax.signingRequest,
    ),
    nodeData: sized(fields.json('node_data'), 'node_data', nodeDataBytesMax),
  };
}

function quote(fields: JsonFields): QuoteInfoRow {
  const text = (name: string): string => limited(fields.text(name), name, textMax.quote);
  const optional = (name: string): string | undefined => {
    const value = fields.optionalText(name);
    return value === undefined ? undefined : limited(value, name, textMax.quote);
  };
  return {
    format: text('format'),
    quote: text('quote'),
    endorsements: text('endorsements'),
    uvm_endorsements: optional('uvm_endorsements'),
    endorsed_tcb: optional('endorsed_tcb'),
  };
}

function interfaces(value: JsonValue | undefined): JsonValue {
  if (!isJsonObject(value)) {
    throw refuse('InvalidInput', 'The request.node_info_network.rpc_interfaces is no object.');
  }
  sized(value, 'rpc_interfaces', interfacesBytesMax);
  for (const [name, one] of Object.entries(value)) {
    const published = isJsonObject(one) ? one.published_address : undefined;
    if (typeof published !== 'string') {
      throw refuse('InvalidInput', 'An interface of the request has no published_address.', {
        interface: name.slice(0, 64),
      });
    }
    address(published);
  }
  return value;
}

/** host:port; the host is a name or an address, IPv6 in brackets. */
function address(text: string): string {
  const port = Number(/^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(text)?.[1]);
  if (text.length <= addressTextMax && port >= 1 && port <= 65_535) return text;
  throw refuse('InvalidInput', 'A published address of the request is not host:port.');
}

function limited(text: string, field: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  throw refuse('InvalidInput', `The request's ${field} has more than ${lengthMax} characters.`);
}

function sized(
  value: JsonValue | undefined,
  field: string,
  bytesMax: number,
): JsonValue | undefined {
  if (value === undefined || utf8Encode(JSON.stringify(value)).length <= bytesMax) return value;
  throw refuse('InvalidInput', `The request's ${field} has more than ${bytesMax} bytes.`);
}
