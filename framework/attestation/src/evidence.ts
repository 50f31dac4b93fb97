/**
 * Evidence: what a trusted execution environment says of itself. Its JSON forms are CCF's:
 * `quote_info` (tables and /node/join) and the answer of GET /node/quotes/self and
 * /node/attestations/self. Byte tables in docs/formats/evidence.md.
 */
import { fromBase64, isJsonObject, type JsonValue, LedgerError, toBase64 } from '@coco/base';
import { refuseEvidence } from './errors.ts';

/** A VCEK chain in PEM has some 7 KiB, a TDX quote with its collateral some 30 KiB. */
const partBytesMax = 64 * 1024;
const formatTextMax = 64;

export interface Evidence {
  /** CCF's name of the format: Insecure_Virtual for the virtual platform. */
  readonly format: string;
  /** What the platform measured and signed: a report, or for the virtual platform JSON. */
  readonly quote: Uint8Array;
  /** Who vouches for it: the vendor's certificates, or the development root's signature. */
  readonly endorsements: Uint8Array;
  /** Who vouches for the virtual machine's firmware, where the platform has that. */
  readonly uvmEndorsements?: Uint8Array;
}

/** How a node gets evidence of itself. */
export interface Platform {
  readonly name: string;
  /** @param reportData 32 or 64 bytes that the evidence shall bind: see reportDataOf. */
  evidenceFor(reportData: Uint8Array): Promise<Evidence>;
}

/** CCF's `quote_info`. */
export function encodeQuoteInfo(evidence: Evidence): { readonly [key: string]: JsonValue } {
  const { format, quote, endorsements, uvmEndorsements } = evidence;
  return {
    format,
    quote: toBase64(quote),
    endorsements: toBase64(endorsements),
    ...(uvmEndorsements && { uvm_endorsements: toBase64(uvmEndorsements) }),
  };
}

/** @throws EvidenceMalformed */
export function parseQuoteInfo(value: JsonValue): Evidence {
  return readEvidence(value, 'quote');
}

/**
 * The answer of GET /node/quotes/self. `measurement` is hex; it is a convenience for people:
 * who verifies reads the measurement from the quote.
 */
export function encodeQuoteAnswer(options: {
  readonly nodeId: string;
  readonly evidence: Evidence;
  readonly measurement: string;
}): { readonly [key: string]: JsonValue } {
  const { quote, ...rest } = encodeQuoteInfo(options.evidence);
  const { nodeId, measurement } = options;
  return { node_id: nodeId, raw: quote ?? '', ...rest, measurement };
}

/** @throws EvidenceMalformed */
export function parseQuoteAnswer(value: JsonValue): {
  readonly nodeId: string;
  readonly evidence: Evidence;
} {
  const evidence = readEvidence(value, 'raw');
  const nodeId = isJsonObject(value) ? value.node_id : undefined;
  if (typeof nodeId !== 'string' || !/^[0-9a-f]{64}$/.test(nodeId)) {
    throw refuseEvidence('EvidenceMalformed', 'The id of the node is not 64 hex digits.');
  }
  return { nodeId, evidence };
}

function readEvidence(value: JsonValue, quoteField: 'quote' | 'raw'): Evidence {
  if (!isJsonObject(value)) {
    throw refuseEvidence('EvidenceMalformed', 'The evidence is not a JSON object.');
  }
  const { format, endorsements, uvm_endorsements: uvmEndorsements } = value;
  if (typeof format !== 'string' || format.length > formatTextMax) {
    throw refuseEvidence('EvidenceMalformed', 'The format of the evidence is not a name.');
  }
  return {
    format,
    quote: readPart(value[quoteField], quoteField),
    endorsements: readPart(endorsements, 'endorsements'),
    ...(typeof uvmEndorsements === 'string' && {
      uvmEndorsements: readPart(uvmEndorsements, 'uvm_endorsements'),
    }),
  };
}

function readPart(value: JsonValue | undefined, field: string): Uint8Array {
  if (typeof value !== 'string' || value.length > (partBytesMax / 3) * 4) {
    throw refuseEvidence('EvidenceMalformed', 'A part of the evidence is absent or too large.', {
      field,
    });
  }
  try {
    return fromBase64(value);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw refuseEvidence('EvidenceMalformed', 'A part of the evidence is not base64.', { field });
  }
}
