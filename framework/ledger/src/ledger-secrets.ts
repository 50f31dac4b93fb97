/**
 * The ledger secrets: AES-256 keys, each in force from a seqno on until the next one begins. Kept
 * in memory only. A rekey or a recovery adds one; a rollback below its start takes it away.
 */
import { assert, type Seqno, toHex, utf8Encode } from '@coco/base';
import { hmacSha256, SecretKey, sha256, TagKey } from '@coco/crypto';

/** Bytes of a ledger secret. */
export const ledgerSecretBytes = 32;
/** CCF means "Commit Secret Label" but writes its first eight bytes only (docs/formats/ledger.md). */
const commitLabel = utf8Encode('Commit S');
const fingerprintLabel = utf8Encode('coco ledger secret fingerprint');

export interface LedgerSecret {
  /** The first seqno that it encrypts. */
  readonly fromSeqno: Seqno;
  readonly key: Uint8Array;
  /** The same key, prepared once for all entries. */
  readonly sealingKey: SecretKey;
  /** Derived from the key: what makes the commit evidence unguessable. */
  readonly commitKey: TagKey;
  /** Names the key without revealing it, for the nonce guard; lower-case hex. */
  readonly fingerprint: string;
}

/** The key of the commit evidence under a ledger secret. */
export function commitKeyOf(secret: Uint8Array): TagKey {
  return new TagKey(hmacSha256(secret, commitLabel));
}

function secretOf(fromSeqno: Seqno, key: Uint8Array): LedgerSecret {
  assert(key.length === ledgerSecretBytes, 'a ledger secret has 32 bytes');
  return {
    fromSeqno,
    key: new Uint8Array(key),
    sealingKey: new SecretKey(key),
    commitKey: commitKeyOf(key),
    fingerprint: toHex(sha256(fingerprintLabel, key)),
  };
}

/** The chain of secrets of one ledger. */
export class LedgerSecrets {
  /** Invariant: ascending by fromSeqno, without doubles of seqno. */
  #chain: LedgerSecret[] = [];

  constructor(chain: readonly { readonly fromSeqno: Seqno; readonly key: Uint8Array }[] = []) {
    for (const { fromSeqno, key } of chain) this.add(fromSeqno, key);
  }

  /** All secrets, the oldest first. */
  get chain(): readonly LedgerSecret[] {
    return this.#chain;
  }

  /** A new secret in force from `fromSeqno` on. The key is copied. */
  add(fromSeqno: Seqno, key: Uint8Array): void {
    const last = this.#chain.at(-1);
    assert(!last || last.fromSeqno < fromSeqno, 'a new secret starts after the last one');
    this.#chain.push(secretOf(fromSeqno, key));
  }

  /**
   * A secret of the ledger's past, wherever in the chain it belongs; one that is known already
   * changes nothing.
   */
  learn(fromSeqno: Seqno, key: Uint8Array): void {
    const known = this.#chain.find((secret) => secret.fromSeqno === fromSeqno);
    const learnt = secretOf(fromSeqno, key);
    if (known) {
      assert(known.fingerprint === learnt.fingerprint, 'a seqno has one secret');
      return;
    }
    const at = this.#chain.findIndex((secret) => secret.fromSeqno > fromSeqno);
    this.#chain = this.#chain.toSpliced(at < 0 ? this.#chain.length : at, 0, learnt);
  }

  /** The secrets of the time before, once a recovery has them; ascending. */
  prepend(chain: readonly { readonly fromSeqno: Seqno; readonly key: Uint8Array }[]): void {
    const older = new LedgerSecrets(chain);
    const last = older.#chain.at(-1);
    const first = this.#chain[0];
    assert(!last || !first || last.fromSeqno < first.fromSeqno, 'what is prepended is older');
    this.#chain = [...older.#chain, ...this.#chain];
  }

  /** The secret that encrypts the entry with `seqno`. */
  secretFor(seqno: Seqno): LedgerSecret {
    const secret = this.#find(seqno);
    assert(secret !== undefined, 'a secret is in force for every seqno that is asked for');
    return secret;
  }

  /** Those of the ledger up to an entry: a rekey behind it may yet be rolled back. */
  until(seqno: Seqno): readonly LedgerSecret[] {
    return this.#chain.filter(({ fromSeqno }) => fromSeqno <= seqno + 1);
  }

  /** Whether a secret in force at `seqno` is known. */
  has(seqno: Seqno): boolean {
    return this.#find(seqno) !== undefined;
  }

  /** Forgets secrets that would start after the entry after `to`: their rekey was rolled back. */
  rollback(to: Seqno): void {
    this.#chain = this.#chain.filter((secret) => secret.fromSeqno <= to + 1);
  }

  #find(seqno: Seqno): LedgerSecret | undefined {
    const last = this.#chain.at(-1);
    if (last && last.fromSeqno <= seqno) return last;
    return this.#chain.findLast((secret) => secret.fromSeqno <= seqno);
  }
}
