/**
 * Recovery by the members: each fetches its encrypted share, opens it with its own key and submits
 * it. With enough of them the ledger secrets come back and are handed to the trusted nodes.
 */
import { fromBase64, LedgerError } from '@coco/base';
import {
  type Endpoint,
  endpointError,
  errorResponse,
  jsonResponse,
  type WriteOutcome,
} from '@coco/endpoint';
import type { Transaction } from '@coco/kv';
import { requiredText } from './acknowledgement-endpoints.ts';
import { blobIvBytes, openBlob, sealBlob } from './encrypted-blob.ts';
import { governanceError } from './errors.ts';
import {
  governanceRead,
  governanceWrite,
  memberName,
  pathId,
  type SignedCall,
  signedJson,
  signedMemberId,
} from './governance-endpoint.ts';
import { type LedgerSecret, restoreLedgerSecrets } from './issue-recovery-shares.ts';
import {
  broadcastSecrets,
  clearSubmittedShares,
  isReadingPrivateLedger,
  serviceStatus,
} from './open-service.ts';
import type { GovernancePorts } from './ports.ts';
import { combineShares, decodeShare, isFullKey } from './recovery-share.ts';
import type { Readable } from './table.ts';
import { recoveryShares, serviceConfig, submittedShares } from './tables.ts';

export function recoveryEndpoints(ports: GovernancePorts): readonly Endpoint[] {
  return [
    governanceRead(
      '/recovery/encrypted-shares/{memberId}',
      { summary: 'A member’s recovery share, encrypted to the member' },
      (view, call) => {
        const memberId = pathId(call, 'memberId');
        const encryptedShare = recoveryShares.get(view)?.encrypted_shares[memberId];
        if (encryptedShare === undefined) {
          const message = `Recovery share not found for member ${memberName(memberId)}.`;
          throw endpointError('ResourceNotFound', message);
        }
        return jsonResponse({ memberId, encryptedShare });
      },
    ),
    governanceWrite(
      '/recovery/members/{memberId}:recover',
      { summary: 'Submit an opened recovery share', messageType: 'recovery_share' },
      (transaction, signed) => submitShare(transaction, signed, ports),
    ),
  ];
}

function submitShare(
  transaction: Transaction,
  signed: SignedCall,
  ports: GovernancePorts,
): WriteOutcome {
  const memberId = signedMemberId(signed);
  if (serviceStatus(transaction) !== 'WaitingForRecoveryShares') {
    throw governanceError(
      'ServiceNotWaitingForRecoveryShares',
      'Service is not waiting for recovery shares.',
    );
  }
  if (isReadingPrivateLedger(transaction)) {
    const message = 'Node is already recovering private ledger.';
    throw governanceError('NodeAlreadyRecovering', message);
  }
  assertHoldsShare(transaction, memberId);
  const share = fromBase64(requiredText(signedJson(signed), 'share'));
  const isFull = isFullKey(decodeShare(share));
  const key = freshSecret(ports).secret;
  submittedShares.put(transaction, memberId, sealBlob(key, ports.random.bytes(blobIvBytes), share));
  const submittedCount = submittedShares.keys(transaction).length;
  const recoveryThreshold = serviceConfig.require(transaction).recovery_threshold;
  const isComplete = isFull || submittedCount >= recoveryThreshold;
  if (isComplete && !restoreSecrets(transaction, recoveryThreshold, ports)) {
    // Members must be able to start over: one wrong share would otherwise block them for ever.
    clearSubmittedShares(transaction);
    const error = endpointError('InternalError', 'Failed to initiate private recovery.');
    return { response: errorResponse(error), keepsWrites: true };
  }
  const progress = isFull
    ? 'Full recovery key successfully submitted'
    : `${submittedCount}/${recoveryThreshold} recovery shares successfully submitted`;
  const message = isComplete ? `${progress}\nEnd of recovery procedure initiated` : progress;
  return {
    response: jsonResponse({
      message,
      submittedCount,
      recoveryThreshold,
      fullKeySubmitted: isFull,
    }),
  };
}

/** Only who was given a share can submit one: another member's would only fill the count. */
function assertHoldsShare(state: Readable, memberId: string): void {
  if (recoveryShares.get(state)?.encrypted_shares[memberId] !== undefined) return;
  const message = `Member ${memberName(memberId)} holds no recovery share.`;
  throw endpointError('AuthorizationFailed', message);
}

/** Restores the chain of secrets and hands it to the nodes; false when the shares do not fit. */
function restoreSecrets(
  transaction: Transaction,
  threshold: number,
  ports: GovernancePorts,
): boolean {
  const key = freshSecret(ports).secret;
  try {
    const shares = submittedShares
      .rows(transaction)
      .map(([, encrypted]) => decodeShare(openBlob(key, encrypted)));
    const wrapping = combineShares(shares, threshold);
    const rows = ports.historicalSecretRows();
    broadcastSecrets(transaction, restoreLedgerSecrets(transaction, wrapping, rows));
    return true;
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'RecoveryShareInvalid') return false;
    throw error;
  }
}

/** The secret that the recovering service encrypts with. */
function freshSecret(ports: GovernancePorts): LedgerSecret {
  const secret = ports.ledgerSecrets().at(-1);
  if (!secret) throw governanceError('GovernanceRowInvalid', 'There is no ledger secret.');
  return secret;
}
