/**
 * The virtual platform: the whole flow of attestation without a trusted execution environment, for
 * development. A development root, made per sandbox and pinned by the SDK, signs each quote; so a
 * client notices when it talks to another sandbox. It keeps nothing secret from its machine's
 * owner, and is accepted only where a policy says so.
 *
 * The signature is a COSE_Sign1 over the quote (detached) and travels as the evidence's
 * endorsements, which leaves CCF's format valid (docs/formats/evidence.md).
 */
import {
  type CborKey,
  type CborValue,
  coseHeader,
  encodeCbor,
  encodeSignOne,
  signatureInput,
  utf8Encode,
} from '@coco/base';
import { VerificationKey } from '@coco/receipt';
import type { Evidence, Platform } from './evidence.ts';
import { encodeVirtualQuote, virtualFormat } from './virtual-quote.ts';

/** Label 3 of COSE: no signature that the root makes for another purpose counts as evidence. */
export const virtualContentType = 'application/vnd.coco.virtual-quote+json';
export const contentTypeLabel = 3;

/** The private key of a development root, e.g. a SigningKey of @coco/crypto. */
export interface DevelopmentRoot {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** r || s with the hash of the curve. */
  sign(input: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

export class VirtualPlatform implements Platform {
  readonly name = 'virtual';
  readonly #root: DevelopmentRoot;
  readonly #measurement: string;
  readonly #hostData: string;

  /**
   * @param options.measurement digest of the code that runs, as hex: the node computes it
   * @param options.hostData SHA-256 of the launcher, 64 lower-case hex digits
   */
  constructor(options: {
    readonly root: DevelopmentRoot;
    readonly measurement: string;
    readonly hostData: string;
  }) {
    this.#root = options.root;
    this.#measurement = options.measurement;
    this.#hostData = options.hostData;
  }

  /** @throws EvidenceMalformed when measurement, host data or report data are out of form. */
  async evidenceFor(reportData: Uint8Array): Promise<Evidence> {
    const quote = encodeVirtualQuote({
      measurement: this.#measurement,
      hostData: this.#hostData,
      reportData,
    });
    const root = await VerificationKey.fromSpki(this.#root.spki);
    const protectedBytes = encodeCbor(
      new Map<CborKey, CborValue>([
        [coseHeader.algorithm, root.algorithm],
        [contentTypeLabel, virtualContentType],
        [coseHeader.keyId, utf8Encode(root.id)],
      ]),
    );
    const signature = await this.#root.sign(signatureInput(protectedBytes, quote));
    const endorsements = encodeSignOne({ protectedBytes, payload: null, signature });
    return { format: virtualFormat, quote, endorsements };
  }
}
