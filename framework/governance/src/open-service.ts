/**
 * The way of a service to Open, and how its secrets come back after a disaster:
 * Opening -> Open; Recovering -> WaitingForRecoveryShares -> (shares submitted, the node reads its
 * private ledger) -> Open. Each step is one transaction; what the node does in between it derives
 * from the committed tables.
 */
import { asSeqno, equalBytes, fromBase64, refuse, type Seqno, toBase64 } from '@coco/base';
import { type EncryptionKey, encryptTo, parseCertificate } from '@coco/crypto';
import { recoveryRecord } from './coco-tables.ts';
import { endorseIdentity } from './identity-endorsement.ts';
import { issueRecoveryShares, type LedgerSecret } from './issue-recovery-shares.ts';
import type { GovernancePorts } from './ports.ts';
import type { Readable, Writable } from './table.ts';
import {
  lastRecoveryType,
  nodeInfos,
  nodeSecrets,
  previousServiceIdentity,
  type ServiceStatus,
  serviceInfo,
  submittedShares,
} from './tables.ts';

/** @throws GovernanceRowInvalid before genesis */
export function serviceStatus(state: Readable): ServiceStatus {
  return serviceInfo.require(state).status;
}

/**
 * The service's status, decoded once for each version of its row, because every request asks. Give
 * it committed states only: an uncommitted version may come back with another value.
 */
export class ServiceStatusReader {
  #version: Seqno | undefined;
  #status: ServiceStatus | undefined;

  /** @throws GovernanceRowInvalid before genesis */
  status(state: Readable): ServiceStatus {
    const version = serviceInfo.versionOf(state);
    if (this.#status === undefined || version !== this.#version) {
      this.#status = serviceStatus(state);
      this.#version = version;
    }
    return this.#status;
  }
}

/**
 * Applies the action transition_service_to_open. Opening: issues recovery shares and opens.
 * Recovering: waits for recovery shares. Open: nothing.
 * @throws InvalidInput when the identities are not the service's, RecoverySharesImpossible
 */
export function transitionServiceToOpen(
  transaction: Writable,
  identities: {
    readonly previous: string | undefined;
    readonly next: string;
    /** Where the proposal says that the recovered ledger ends. */
    readonly recoveredTo?: string | undefined;
  },
  ports: GovernancePorts,
): void {
  const info = serviceInfo.require(transaction);
  if (info.status === 'Open') return;
  if (info.status === 'Recovering') {
    assertPreviousIdentity(transaction, identities.previous);
    assertRecoveredTo(transaction, identities.recoveredTo);
  }
  if (!isSameIdentity(identities.next, info.cert)) {
    throw refuse(
      'InvalidInput',
      `Service identity mismatch: the next service identity in the transition_service_to_open proposal does not match the current service identity:\nNext:\n${identities.next}\nCurrent:\n${info.cert}`,
    );
  }
  if (info.status === 'Opening') {
    openService(transaction, ports);
    return;
  }
  clearSubmittedShares(transaction);
  serviceInfo.put(transaction, {
    ...info,
    status: 'WaitingForRecoveryShares',
    previous_service_identity_version: serviceInfo.versionOf(transaction),
  });
}

function assertPreviousIdentity(transaction: Writable, proposed: string | undefined): void {
  const recorded = previousServiceIdentity.get(transaction);
  if (recorded === undefined || proposed === undefined) {
    throw refuse(
      'InvalidInput',
      'Recovery with service certificates requires both, a previous service identity written to the KV during recovery genesis and a transition_service_to_open proposal that contains previous and next service certificates',
    );
  }
  if (!isSameIdentity(recorded, proposed)) {
    throw refuse(
      'InvalidInput',
      `Previous service identity does not match.\nActual:\n${recorded}\nIn proposal:\n${proposed}`,
    );
  }
}

/** Members sign what they open: another end of the ledger than the one they name is refused. */
function assertRecoveredTo(transaction: Writable, proposed: string | undefined): void {
  const recorded = recoveryRecord.get(transaction)?.recovered_to;
  if (proposed === undefined || proposed === recorded) return;
  throw refuse(
    'InvalidInput',
    `The recovered ledger ends at ${recorded ?? 'an unknown transaction'}, not at ${proposed} as the proposal says.`,
  );
}

/** The identity is the key: a renewed certificate is of the same service. */
function isSameIdentity(left: string, right: string): boolean {
  return equalBytes(parseCertificate(left).spki, parseCertificate(right).spki);
}

function openService(transaction: Writable, ports: GovernancePorts): void {
  const info = serviceInfo.require(transaction);
  issueRecoveryShares(transaction, ports.ledgerSecrets(), ports.random);
  serviceInfo.put(transaction, {
    ...info,
    status: 'Open',
    previous_service_identity_version: serviceInfo.versionOf(transaction),
  });
  endorseIdentity(transaction, ports.serviceKey(), ports.clock.nowMs());
}

/**
 * Ends a recovery, once the node has read its private ledger: `ports.ledgerSecrets()` are now the
 * restored ones with the fresh one last. Issues shares of the fresh secret and opens the service.
 * @throws RecoverySharesImpossible; InvalidInput when the service was not waiting for this
 */
export function openRecoveredService(transaction: Writable, ports: GovernancePorts): void {
  if (!isReadingPrivateLedger(transaction)) {
    throw refuse('InvalidInput', 'The recovery shares of this service are not complete.');
  }
  openService(transaction, ports);
  clearSubmittedShares(transaction);
  lastRecoveryType.put(transaction, 'RECOVERY_SHARES');
}

/**
 * Hands the restored secrets to every trusted node, under each node's own key; with its commit the
 * node may read its private ledger.
 */
export function broadcastSecrets(transaction: Writable, secrets: readonly LedgerSecret[]): void {
  const rows = nodeInfos
    .rows(transaction)
    .filter(([, info]) => info.status === 'Trusted')
    .map(([id, info]) => [
      id,
      secrets.map(({ version, secret }) => ({
        version,
        encrypted_secret: toBase64(encryptTo(info.encryption_pub_key, secret)),
      })),
    ]);
  nodeSecrets.put(transaction, Object.fromEntries(rows));
}

/**
 * Whether enough shares were submitted and the service is not open yet: the node reads, or is to
 * read, its private ledger.
 */
export function isReadingPrivateLedger(state: Readable): boolean {
  const info = serviceInfo.require(state);
  if (info.status !== 'WaitingForRecoveryShares') return false;
  const createdAt = Number(info.current_service_create_txid?.split('.')[1]);
  const rows = Object.values(nodeSecrets.get(state) ?? {});
  return rows.some((secrets) => secrets.some(({ version }) => (version ?? 0) < createdAt));
}

/**
 * The restored ledger secrets for one node, oldest first; empty when there are none for it. Read
 * from a committed state.
 * @throws DecryptionFailed, GovernanceRowInvalid
 */
export function secretsForNode(
  state: Readable,
  nodeId: string,
  key: EncryptionKey,
): readonly LedgerSecret[] {
  const rows = nodeSecrets.get(state)?.[nodeId] ?? [];
  return rows.flatMap(({ version, encrypted_secret }) => {
    if (version === null) return [];
    const secret = Uint8Array.from(key.decrypt(fromBase64(encrypted_secret)));
    return [{ version: asSeqno(version), secret }];
  });
}

export function clearSubmittedShares(transaction: Writable): void {
  for (const id of submittedShares.keys(transaction)) submittedShares.delete(transaction, id);
}
