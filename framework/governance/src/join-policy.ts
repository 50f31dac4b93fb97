/** What the ledger accepts as evidence of a node that wants to join. */
import {
  type EvidencePolicy,
  parseQuoteInfo,
  parseVirtualQuote,
  type VerifiedEvidence,
  verifyEvidence,
  virtualFormat,
} from '@coco/attestation';
import { LedgerError } from '@coco/base';
import type { Readable } from './table.ts';
import { type QuoteInfoRow, virtualHostData, virtualMeasurements } from './tables.ts';

/** What a node runs, as its evidence says. */
export interface NodeCode {
  readonly measurement: string;
  readonly hostData: string;
}

/**
 * Verifies evidence by the tables as they stand. `roots` are the development roots that this node
 * itself was started under: which root counts is no rule of the ledger.
 * @throws InvalidQuote, EvidenceMalformed, UnsupportedEvidenceFormat
 */
export function verifyJoiner(
  state: Readable,
  joiner: { readonly quoteInfo: QuoteInfoRow; readonly nodeSpki: Uint8Array },
  roots: readonly Uint8Array[],
): Promise<VerifiedEvidence> {
  const { format, quote, endorsements, uvm_endorsements } = joiner.quoteInfo;
  const evidence = parseQuoteInfo({
    format,
    quote,
    endorsements,
    ...(uvm_endorsements !== undefined && { uvm_endorsements }),
  });
  const policy: EvidencePolicy = {
    virtual: {
      roots,
      measurements: virtualMeasurements.keys(state),
      hostData: virtualHostData.keys(state),
    },
  };
  return verifyEvidence({ evidence, policy, nodeSpki: joiner.nodeSpki });
}

/** What a node of the ledger ran when it was admitted; undefined where its row does not say. */
export function codeOf({ format, quote, endorsements }: QuoteInfoRow): NodeCode | undefined {
  if (format !== virtualFormat) return undefined;
  try {
    const evidence = parseQuoteInfo({ format, quote, endorsements });
    const { measurement, hostData } = parseVirtualQuote(evidence.quote);
    return { measurement, hostData };
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
