/**
 * Issues recovery shares: a fresh wrapping secret wraps the newest ledger secret, and each active
 * recovery member gets a share (or, as an Owner, the whole) under its own RSA key. On opening, the
 * secret before the newest is stored under the newest, so that one key opens the whole history.
 */
import { asSeqno, fromBase64, present, type Random, type Seqno, toBase64 } from '@coco/base';
import { encryptTo } from '@coco/crypto';
import { blobIvBytes, openBlob, sealBlob } from './encrypted-blob.ts';
import { governanceError } from './errors.ts';
import { activeRecoveryMembers } from './members.ts';
import {
  createShares,
  encodeShare,
  unwrapLedgerSecret,
  type WrappingSecret,
  wrapLedgerSecret,
} from './recovery-share.ts';
import type { Readable, Writable } from './table.ts';
import {
  type HistoricalSecretRow,
  historicalSecret,
  recoveryShares,
  serviceConfig,
} from './tables.ts';

/** A ledger secret: it encrypts entries from seqno `version` up to the next secret's. */
export interface LedgerSecret {
  readonly version: Seqno;
  /** 32 bytes. */
  readonly secret: Uint8Array;
}

/**
 * Writes fresh shares of `latest` for the members who are active now; the shares issued before
 * become useless.
 * @throws RecoverySharesImpossible when the threshold does not fit the active recovery members
 */
export function shuffleRecoveryShares(
  transaction: Writable,
  latest: Uint8Array,
  random: Random,
): void {
  const participants = activeRecoveryMembers(transaction, 'Participant');
  const owners = activeRecoveryMembers(transaction, 'Owner');
  const threshold = serviceConfig.require(transaction).recovery_threshold;
  assertThreshold(threshold, participants.length, owners.length);
  const count = participants.length;
  const { secret, fullKey, shares } = createShares({ count, threshold, random });
  const encrypted: Record<string, string> = {};
  participants.forEach(({ id, encryptionKeyPem }, at) => {
    const share = present(shares[at], 'each participant has a share');
    encrypted[id] = toBase64(encryptTo(encryptionKeyPem, encodeShare(share)));
  });
  for (const { id, encryptionKeyPem } of owners) {
    encrypted[id] = toBase64(encryptTo(encryptionKeyPem, encodeShare(fullKey)));
  }
  recoveryShares.put(transaction, {
    wrapped_latest_ledger_secret: toBase64(wrapLedgerSecret(secret, latest)),
    encrypted_shares: encrypted,
  });
}

function assertThreshold(threshold: number, participants: number, owners: number): void {
  const refuse = (message: string): Error =>
    governanceError('RecoverySharesImpossible', message, { threshold, participants, owners });
  if (participants === 0 && owners === 0) {
    throw refuse('There should be at least one active recovery member to issue recovery shares');
  }
  if (threshold === 0) {
    throw refuse('Recovery threshold should be set before recovery shares are computed');
  }
  if (participants === 0 && threshold > 1) {
    throw refuse(
      `Recovery threshold ${threshold} cannot be greater than 1 when the consortium consists of only active recovery owner members`,
    );
  }
  if (participants > 0 && threshold > participants) {
    throw refuse(
      `Recovery threshold ${threshold} should be equal to or less than the number of active recovery members ${participants}`,
    );
  }
}

/**
 * Issues shares of the last of `secrets` and stores the one before it under it.
 * @throws RecoverySharesImpossible
 */
export function issueRecoveryShares(
  transaction: Writable,
  secrets: readonly LedgerSecret[],
  random: Random,
): void {
  const latest = secrets.at(-1);
  if (!latest) throw governanceError('RecoverySharesImpossible', 'There is no ledger secret.');
  shuffleRecoveryShares(transaction, latest.secret, random);
  const { version, secret } = latest;
  storePrevious(transaction, { version, secret, previous: secrets.at(-2), random });
}

/**
 * Stores the secret before `secret` under it. Without `version` it applies from the entry after the
 * one that is being written.
 */
export function storePrevious(
  transaction: Writable,
  stored: {
    readonly version?: Seqno;
    readonly secret: Uint8Array;
    readonly previous: LedgerSecret | undefined;
    readonly random: Random;
  },
): void {
  const { version, secret, previous, random } = stored;
  const encrypted = previous && sealBlob(secret, random.bytes(blobIvBytes), previous.secret);
  historicalSecret.put(transaction, {
    next_version: version,
    previous_ledger_secret:
      previous && encrypted
        ? {
            encrypted_data: toBase64(encrypted),
            version: previous.version,
            previous_secret_stored_version: historicalSecret.versionOf(transaction),
          }
        : undefined,
  });
}

/**
 * A value of `historicalSecret` as the entry with `seqno` wrote it, complete: the row of a rekey
 * does not say from where its secret applies, which is the entry after.
 * @throws GovernanceRowInvalid
 */
export function historicalSecretAt(value: Uint8Array, seqno: Seqno): HistoricalSecretRow {
  const row = historicalSecret.decode(value);
  return { ...row, next_version: row.next_version ?? seqno + 1 };
}

/**
 * The whole chain of ledger secrets, oldest first, from the wrapping secret. `rows` are all values
 * that `public:ccf.internal.historical_encrypted_ledger_secret` ever had, in ledger order.
 * @throws RecoveryShareInvalid when the wrapping secret is wrong; GovernanceRowInvalid,
 *   DecryptionFailed when the chain is damaged
 */
export function restoreLedgerSecrets(
  state: Readable,
  wrapping: WrappingSecret,
  rows: readonly HistoricalSecretRow[],
): readonly LedgerSecret[] {
  const wrapped = fromBase64(recoveryShares.require(state).wrapped_latest_ledger_secret);
  const version = rows.at(-1)?.next_version;
  if (version === undefined) {
    const message = 'The ledger does not say from where its newest secret applies.';
    throw governanceError('GovernanceRowInvalid', message);
  }
  const restored = [{ version: asSeqno(version), secret: unwrapLedgerSecret(wrapping, wrapped) }];
  for (const row of [...rows].reverse()) {
    const previous = row.previous_ledger_secret;
    const next = restored[0];
    if (!previous || !next) break;
    if (row.next_version !== next.version || previous.version >= next.version) {
      throw governanceError('GovernanceRowInvalid', 'The chain of ledger secrets is out of order.');
    }
    const secret = openBlob(next.secret, fromBase64(previous.encrypted_data));
    restored.unshift({ version: asSeqno(previous.version), secret });
  }
  return restored;
}
