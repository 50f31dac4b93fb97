/**
 * Receipts that somebody kept, against the ledger: each must verify under an identity of the
 * ledger, and the ledger must hold exactly the entry that it proves.
 */
import {
  equalBytes,
  formatTransactionId,
  LedgerError,
  parseTransactionId,
  type Seqno,
  type TransactionId,
} from '@coco/base';
import type { VerifiedEntry } from '@coco/ledger';
import { parseReceipt, verifyReceipt } from '@coco/receipt';
import type { Finding } from './finding.ts';
import type { ServiceIdentity } from './story.ts';

export interface ReceiptToHold {
  /** How findings name it: its file. */
  readonly name: string;
  /** A COSE receipt. */
  readonly bytes: Uint8Array;
}

interface KeptReceipt extends ReceiptToHold {
  readonly keyId: string;
  readonly id: TransactionId;
}

export class ReceiptShelf {
  readonly #receipts: readonly KeptReceipt[];
  readonly #wanted: ReadonlySet<Seqno>;
  readonly #held = new Map<Seqno, VerifiedEntry['entry']>();

  /** Receipts of entries that are not in the files, which begin behind them. */
  readonly earlyNames: readonly string[];

  /** @throws ReceiptMalformed, ReceiptNotCanonical, InvalidInput */
  constructor(receipts: readonly ReceiptToHold[], beginsAfter: number = 0) {
    const kept = receipts.map((receipt) => {
      const { keyId, proofs } = parseReceipt(receipt.bytes);
      // Said by the receipt; verified with it when the identities are known.
      const [, id = ''] = proofs[0]?.commitEvidence.split(':') ?? [];
      return { ...receipt, keyId, id: parseTransactionId(id) };
    });
    this.#receipts = kept.filter(({ id }) => id.seqno > beginsAfter);
    this.earlyNames = kept.filter(({ id }) => id.seqno <= beginsAfter).map(({ name }) => name);
    this.#wanted = new Set(this.#receipts.map(({ id }) => id.seqno));
  }

  take(batch: readonly VerifiedEntry[]): void {
    if (this.#wanted.size === 0) return;
    for (const { entry } of batch) {
      if (this.#wanted.has(entry.id.seqno)) this.#held.set(entry.id.seqno, entry);
    }
  }

  async findings(identities: readonly ServiceIdentity[]): Promise<readonly Finding[]> {
    const findings: Finding[] = [];
    for (const receipt of this.#receipts) {
      const finding = await this.#check(receipt, identities);
      if (finding) findings.push(finding);
    }
    return findings;
  }

  async #check(
    { name, bytes, keyId, id }: KeptReceipt,
    identities: readonly ServiceIdentity[],
  ): Promise<Finding | undefined> {
    const at = { file: undefined, seqno: id.seqno };
    const identity = identities.find(({ certificate }) => certificate.keyId === keyId);
    if (!identity) {
      const sentence = `${name}: the receipt is by no service identity of this ledger.`;
      return { code: 'ReceiptInvalid', ...at, sentence };
    }
    try {
      const serviceIdentity = identity.certificatePem;
      const proven = await verifyReceipt({ receipt: bytes, serviceIdentity });
      const entry = this.#held.get(id.seqno);
      const isHeld =
        entry !== undefined &&
        entry.id.view === id.view &&
        equalBytes(entry.digest, proven.writeSetDigest) &&
        equalBytes(entry.claimsDigest, proven.claimsDigest);
      if (isHeld) return undefined;
      const what = entry ? 'holds another entry there' : 'does not reach it';
      const sentence = `${name} proves entry ${formatTransactionId(id)}, and the ledger ${what}.`;
      return { code: 'ReceiptNotHeld', ...at, sentence };
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return { code: 'ReceiptInvalid', ...at, sentence: `${name}: ${error.message}` };
    }
  }
}
