/**
 * The ledger secrets from members' recovery keys: as many as a recovery needs open what the ledger
 * holds for it, offline. For members who want to see that the private parts are whole too.
 */
import { refuse } from '@coco/base';
import type { EncryptionKey } from '@coco/crypto';
import {
  combineShares,
  decodeShare,
  decryptShare,
  type HistoricalSecretRow,
  isFullKey,
  memberEncryptionKeys,
  type Readable,
  recoveryShares,
  restoreLedgerSecrets,
  type Share,
  serviceConfig,
  serviceInfo,
} from '@coco/governance';
import { LedgerSecrets } from '@coco/ledger';

/**
 * @param rows Every value of `historicalSecret`, oldest first.
 * @throws InvalidInput when the service is not open or the keys do not suffice, DecryptionFailed,
 *   RecoveryShareInvalid, GovernanceRowInvalid
 */
export function openLedgerSecrets(
  state: Readable,
  rows: readonly HistoricalSecretRow[],
  keys: readonly EncryptionKey[],
): LedgerSecrets {
  if (serviceInfo.get(state)?.status !== 'Open') {
    throw refuse('InvalidInput', 'Recovery keys open the secrets of an open service alone.');
  }
  const shares = sharesOf(state, keys);
  const threshold = serviceConfig.require(state).recovery_threshold;
  if (!shares.some(isFullKey) && shares.length < threshold) {
    const text = `The keys open ${shares.length} of the ${threshold} recovery shares needed.`;
    throw refuse('InvalidInput', text);
  }
  const restored = restoreLedgerSecrets(state, combineShares(shares, threshold), rows);
  return new LedgerSecrets(
    restored.map(({ version, secret }) => ({ fromSeqno: version, key: secret })),
  );
}

/** The shares that the ledger holds for the keys. */
function sharesOf(state: Readable, keys: readonly EncryptionKey[]): readonly Share[] {
  const encrypted = recoveryShares.get(state)?.encrypted_shares ?? {};
  const byKey = new Map(keys.map((key) => [bare(key.publicPem), key]));
  return Object.entries(encrypted).flatMap(([memberId, share]) => {
    const pem = memberEncryptionKeys.get(state, memberId);
    const key = pem === undefined ? undefined : byKey.get(bare(pem));
    return key ? [decodeShare(decryptShare(share, key))] : [];
  });
}

/** Tools break the lines of a PEM text as they like. */
function bare(pem: string): string {
  return pem.replace(/\s/g, '');
}
