/**
 * Verifies a member's signed request as it stands on the ledger, against the member's certificate
 * at that time. Nothing is believed of the service that recorded it.
 */
import { LedgerError, toHex } from '@coco/base';
import { parseCertificate, sha256, verifyCose } from '@coco/crypto';
import { parseGovernanceMessage } from '@coco/endpoint';
import { memberCertificates, memberInfos, type Readable } from '@coco/governance';

/** A request that verified. */
export interface SignedRequest {
  readonly memberId: string;
  readonly type: string | undefined;
  /** Unix seconds by the signer's clock. */
  readonly createdAt: number;
  readonly proposalId: string | undefined;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Hex SHA-256 of the signature: what replay protection goes by. */
  readonly signatureDigest: string;
}

export type RequestVerdict =
  | { readonly kind: 'verified'; readonly request: SignedRequest }
  | { readonly kind: 'refused'; readonly reason: string };

/** A signed bundle of an app fits. */
const requestBytesMax = 16 * 1024 * 1024;

/** @param memberId The member under whose name the ledger holds the request. */
export function verifyRequest(
  bytes: Uint8Array,
  signer: { readonly memberId: string; readonly state: Readable; readonly mustBeActive: boolean },
): RequestVerdict {
  const { memberId, state, mustBeActive } = signer;
  try {
    const certificate = memberCertificates.get(state, memberId);
    if (certificate === undefined) return refused('its signer was no member at that time');
    const isActive = memberInfos.get(state, memberId)?.status === 'Active';
    if (mustBeActive && !isActive) return refused('its signer was not active at that time');
    const { header, message } = parseGovernanceMessage(bytes);
    if (header.keyId !== memberId) return refused('it names another signer');
    const { spki } = parseCertificate(certificate);
    verifyCose({ bytes, spki, bytesMax: requestBytesMax });
    return {
      kind: 'verified',
      request: {
        memberId,
        type: header.type,
        createdAt: header.createdAt,
        proposalId: header.proposalId,
        payload: message.payload ?? new Uint8Array(0),
        signature: message.signature,
        signatureDigest: toHex(sha256(message.signature)),
      },
    };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return refused(error.message.replace(/\.$/, ''));
  }
}

function refused(reason: string): RequestVerdict {
  return { kind: 'refused', reason };
}
