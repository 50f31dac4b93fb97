/**
 * The service's identity vouches for the one before it: who trusts the new key verifies old
 * receipts. A first service endorses itself, with an open end. Format: CCF's COSE_Sign1 with the
 * endorsed DER SubjectPublicKeyInfo as payload; @coco/receipt verifies it.
 */
import {
  asSeqno,
  assert,
  asView,
  formatTransactionId,
  fromBase64,
  fromHex,
  parseTransactionId,
  type TransactionId,
  toBase64,
} from '@coco/base';
import type { SigningKey } from '@coco/crypto';
import { signEndorsement } from '@coco/ledger';
import { governanceError } from './errors.ts';
import type { Writable } from './table.ts';
import { identityEndorsement, previousSignedRoot, serviceInfo } from './tables.ts';

/** A recovered service starts two views after the last one of the service before it. */
export const recoveryViewGap = 2;

/**
 * Writes the endorsement by `key`, the service's key in office; part of opening.
 * @throws GovernanceRowInvalid when the tables do not hold what opening needs
 */
export function endorseIdentity(transaction: Writable, key: SigningKey, nowMs: number): void {
  const createId = serviceInfo.require(transaction).current_service_create_txid;
  if (createId === undefined) {
    throw governanceError('GovernanceRowInvalid', 'The service does not say when it was created.');
  }
  const created = parseTransactionId(createId);
  const signing = { endorsingKey: key, issuedAtSeconds: Math.floor(nowMs / 1000) };
  const endorsing_key = toBase64(key.spki);
  const before = identityEndorsement.get(transaction);
  if (!before) {
    const own = signEndorsement({ ...signing, endorsedSpki: key.spki, epochBegin: created });
    identityEndorsement.put(transaction, {
      endorsement: toBase64(own),
      endorsing_key,
      endorsement_epoch_begin: createId,
    });
    return;
  }
  const epochBegin = before.endorsement_epoch_end
    ? firstAfterRecovery(parseTransactionId(before.endorsement_epoch_end))
    : parseTransactionId(before.endorsement_epoch_begin);
  const epochEnd = lastBeforeRecovery(created);
  const root = fromHex(previousSignedRoot.require(transaction));
  const endorsement = signEndorsement({
    ...signing,
    endorsedSpki: fromBase64(before.endorsing_key),
    epochBegin,
    epochEnd: { id: epochEnd, root },
  });
  identityEndorsement.put(transaction, {
    endorsement: toBase64(endorsement),
    endorsing_key,
    endorsement_epoch_begin: formatTransactionId(epochBegin),
    endorsement_epoch_end: formatTransactionId(epochEnd),
    previous_version: identityEndorsement.versionOf(transaction),
  });
}

/**
 * The last transaction of the service before the one created at `id`. Where unsigned entries of a
 * later view were cut from its files, the view is higher than that of its last signature.
 */
function lastBeforeRecovery(id: TransactionId): TransactionId {
  assert(id.view > recoveryViewGap && id.seqno > 1, 'a recovered service has a past');
  return { view: asView(id.view - recoveryViewGap), seqno: asSeqno(id.seqno - 1) };
}

/** The first transaction of the service that follows one whose last was `id`. */
function firstAfterRecovery(id: TransactionId): TransactionId {
  return { view: asView(id.view + recoveryViewGap), seqno: asSeqno(id.seqno + 1) };
}
