/**
 * The nonce rule (ARCHITECTURE.md): no (secret, view, seqno) ever encrypts two different contents.
 * It is key and nonce of AES-GCM, where one repetition reveals the plaintexts' difference and lets
 * anybody forge. Every encryption of an entry asks the guard first; a repetition is a bug that
 * stops the process. The guard outlives rollbacks and views: keep one per process.
 *
 * It remembers a high-water mark per secret instead of every id: within a view seqnos only rise,
 * and after a rollback the view must have risen. A seqno that is set aside for a signature entry
 * may be used once below the mark. Snapshots have nonces and a guard of their own (bit 31 of the
 * view): under one secret each is of a higher seqno than the one before.
 */
import { assert, type Seqno, type TransactionId } from '@coco/base';
import type { LedgerSecret } from './ledger-secrets.ts';

interface Mark {
  view: number;
  seqno: number;
  /** Seqnos of this view, below the mark, set aside and not used yet. */
  readonly reserved: Set<number>;
}

/** One signature is in the making at a time; a second is set aside only after a lost view. */
const reservedMax = 16;

/** Whom every encryption of an entry asks first. */
export interface NonceRule {
  /** Takes the id for one encryption. */
  use(secret: LedgerSecret, id: TransactionId): void;
  /** Sets an id aside: one later `use` of it is allowed although others came in between. */
  reserve(secret: LedgerSecret, id: TransactionId): void;
}

/** Whom every encryption of a snapshot asks first. */
export interface SnapshotNonceRule {
  /** Takes the nonce of the snapshot at `seqno` for one encryption. */
  useSnapshot(secret: LedgerSecret, seqno: Seqno): void;
}

export class NonceGuard implements NonceRule {
  readonly #marks = new Map<string, Mark>();

  /** Takes the id for one encryption. @throws BugError when it could have been used before. */
  use(secret: LedgerSecret, id: TransactionId): void {
    const mark = this.#marks.get(secret.fingerprint);
    if (mark && mark.view === id.view && mark.reserved.delete(id.seqno)) return;
    this.#raise(secret, id);
  }

  /** Sets an id aside: one later `use` of it is allowed although others came in between. */
  reserve(secret: LedgerSecret, id: TransactionId): void {
    const { reserved } = this.#raise(secret, id);
    assert(reserved.size < reservedMax, 'few ids are set aside at once');
    reserved.add(id.seqno);
  }

  /**
   * Forbids all ids up to and including this one: what a ledger that was read back has used,
   * also in a tail that was cut off.
   */
  forbid(secret: LedgerSecret, upTo: TransactionId): void {
    const mark = this.#marks.get(secret.fingerprint);
    if (!mark || mark.view < upTo.view || (mark.view === upTo.view && mark.seqno < upTo.seqno)) {
      this.#set(secret, upTo);
    }
  }

  #raise(secret: LedgerSecret, id: TransactionId): Mark {
    const mark = this.#marks.get(secret.fingerprint);
    if (!mark || id.view > mark.view) return this.#set(secret, id);
    assert(
      id.view === mark.view && id.seqno > mark.seqno,
      'a (ledger secret, view, seqno) encrypts one content only',
    );
    mark.seqno = id.seqno;
    return mark;
  }

  #set(secret: LedgerSecret, id: TransactionId): Mark {
    const mark = { view: id.view, seqno: id.seqno, reserved: new Set<number>() };
    this.#marks.set(secret.fingerprint, mark);
    return mark;
  }
}

/** Keep one per process, too. */
export class SnapshotNonceGuard implements SnapshotNonceRule {
  /** The last snapshot under each secret. */
  readonly #last = new Map<string, Seqno>();

  /** @throws BugError when the nonce could have been used before */
  useSnapshot(secret: LedgerSecret, seqno: Seqno): void {
    const last = this.#last.get(secret.fingerprint) ?? 0;
    assert(seqno > last, 'a (ledger secret, seqno) encrypts one snapshot only');
    this.#last.set(secret.fingerprint, seqno);
  }
}
