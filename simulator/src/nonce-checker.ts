/**
 * The nonce rule over the whole cluster: no (ledger secret, view, seqno) encrypts two contents, on
 * whichever nodes. Each node asks its own NonceGuard, as in production; this one sees all of them.
 */
import type { TransactionId } from '@coco/base';
import { type LedgerSecret, NonceGuard, type NonceRule } from '@coco/ledger';
import { check } from './errors.ts';

export class NonceChecker {
  readonly #used = new Map<string, string>();
  /** Encryptions seen. */
  get count(): number {
    return this.#used.size;
  }

  /** The guard of one node: its own, watched. */
  guardOf(who: string): NonceRule {
    const guard = new NonceGuard();
    return {
      use: (secret, id) => {
        this.#use(who, secret, id);
        guard.use(secret, id);
      },
      reserve: (secret, id) => guard.reserve(secret, id),
    };
  }

  #use(who: string, secret: LedgerSecret, { view, seqno }: TransactionId): void {
    const key = `${secret.fingerprint} ${view}.${seqno}`;
    const other = this.#used.get(key);
    check(other === undefined, `${view}.${seqno} is encrypted by ${other} and again by ${who}`);
    this.#used.set(key, who);
  }
}
