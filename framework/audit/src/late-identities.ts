/**
 * The service identities of a ledger whose older files are missing: the one that the snapshot at
 * its beginning names, and those that recovered it since. Who opened them, and what they endorsed,
 * is not followed: the governance that it would be compared with is not here.
 */
import { asView, formatTransactionId, type TransactionId, toHex } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import { serviceInfo } from '@coco/governance';
import type { LedgerBegin, VerifiedEntry } from '@coco/ledger';
import { identityCertificate } from './identity-certificate.ts';
import type { ServiceIdentity } from './story.ts';

interface Span {
  certificatePem: string;
  readonly keyId: string;
  readonly firstId: TransactionId;
  lastId: TransactionId;
}

export class LateIdentities {
  readonly #spans: Span[] = [];

  /** @throws GovernanceRowInvalid, InvalidCertificate */
  constructor(begin: LedgerBegin) {
    const { cert } = serviceInfo.decode(begin.serviceRow);
    this.#take(cert, { view: asView(begin.id.view), seqno: begin.id.seqno });
  }

  get identities(): readonly ServiceIdentity[] {
    return this.#spans.map(({ certificatePem, firstId, lastId }) => ({
      certificate: identityCertificate(certificatePem),
      certificatePem,
      firstId: formatTransactionId(firstId),
      lastId: formatTransactionId(lastId),
      isEndorsed: false,
      openedBy: undefined,
      declared: undefined,
    }));
  }

  /** @throws GovernanceRowInvalid, InvalidCertificate */
  take(batch: readonly VerifiedEntry[]): void {
    for (const { entry, writeSet } of batch) {
      const rows = writeSet.maps.find(({ name }) => name === serviceInfo.name)?.rows ?? [];
      for (const { value } of rows) {
        if (value) this.#take(serviceInfo.decode(value).cert, entry.id);
      }
      const current = this.#spans.at(-1);
      if (current) current.lastId = entry.id;
    }
  }

  #take(certificatePem: string, id: TransactionId): void {
    const keyId = toHex(sha256(parseCertificate(certificatePem).spki));
    const current = this.#spans.at(-1);
    // The identity is the key: a renewed certificate is of the same service.
    if (current?.keyId === keyId) current.certificatePem = certificatePem;
    else this.#spans.push({ certificatePem, keyId, firstId: id, lastId: id });
  }
}
