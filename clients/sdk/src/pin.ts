/** What the caller trusts before the first connection. */
import type { EvidencePolicy } from '@coco/attestation';
import { VerificationKey } from '@coco/receipt';

export interface Pin {
  /**
   * PEM (certificate or key) or DER of the development root of a sandbox: accepts evidence of the
   * virtual platform that it signed. Leave it out where data is private.
   */
  readonly developmentRoot?: string | Uint8Array;
  /** Accepted measurements of the code; without them the root alone decides. */
  readonly measurements?: readonly string[];
  /** Accepted host data; without it the root alone decides. */
  readonly hostData?: readonly string[];
  /**
   * Service identities that the caller knows from elsewhere: PEM (certificate or key) or DER. The
   * service must have one of them, or a later one that an endorsement ties to one of them.
   */
  readonly identities?: readonly (string | Uint8Array)[];
}

/** The policy for evidence that a pin stands for. */
export function policyOf(pin: Pin): EvidencePolicy {
  if (!pin.developmentRoot) return {};
  return {
    virtual: {
      roots: [pin.developmentRoot],
      measurements: pin.measurements ?? 'any',
      hostData: pin.hostData ?? 'any',
    },
  };
}

/** Ids (hex of SHA-256 of the key) of the pinned identities. @throws ServiceIdentityInvalid */
export async function pinnedIds(pin: Pin): Promise<readonly string[]> {
  const keys = (pin.identities ?? []).map((identity) => VerificationKey.from(identity));
  return (await Promise.all(keys)).map(({ id }) => id);
}
