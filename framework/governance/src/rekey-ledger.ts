/**
 * Rekey and reshare: what becomes of the ledger's secret while the service is open.
 *
 * A rekey in the entry with seqno v draws a new secret, hands it to the trusted nodes, issues its
 * shares to who is an active recovery member then, and stores the secret before it under it. It
 * encrypts from v + 1 on: it joins the node's secrets when the entry has its seqno, and a rollback
 * of the entry takes it away again.
 */
import { asSeqno, assert, fromBase64, type Seqno, type TransactionId, toBase64 } from '@coco/base';
import { encryptTo } from '@coco/crypto';
import type { Transaction } from '@coco/kv';
import { openBlob } from './encrypted-blob.ts';
import { governanceError } from './errors.ts';
import {
  type LedgerSecret,
  shuffleRecoveryShares,
  storePrevious,
} from './issue-recovery-shares.ts';
import type { GovernancePorts } from './ports.ts';
import type { Readable, Writable } from './table.ts';
import { historicalSecret, nodeInfos, nodeSecrets, serviceInfo } from './tables.ts';

const secretBytes = 32;

/** Secrets that a transaction brings, before it has a seqno: later steps of it must use them. */
const broughtSecrets: WeakMap<Transaction, Uint8Array> = new WeakMap();

/**
 * The seqno from which the newest ledger secret applies, as the state has it: undefined before the
 * service opened. In a recovery it is that of the lost service.
 */
function newestSecretVersion(state: Readable): Seqno | undefined {
  const row = historicalSecret.get(state);
  if (!row) return undefined;
  // The row of a rekey does not know its own seqno; its secret applies from the next entry on.
  return asSeqno(row.next_version ?? (historicalSecret.versionOf(state) ?? 0) + 1);
}

/**
 * The newest secret as the state has it: a transaction that runs beside others may see a state
 * before the last rekey, and what it writes then fits that state or is run again.
 * @throws GovernanceRowInvalid when the node does not have it: the state was rolled back
 */
export function newestSecret(state: Readable, ports: GovernancePorts): LedgerSecret {
  const chain = ports.ledgerSecrets();
  const { status } = serviceInfo.require(state);
  const version = status === 'Open' ? newestSecretVersion(state) : chain.at(-1)?.version;
  const secret = chain.find((one) => one.version === version);
  if (secret) return secret;
  const message = 'The ledger names a secret that this node does not have.';
  throw governanceError('GovernanceRowInvalid', message, { version });
}

/**
 * Gives the ledger a new secret. The entry that `transaction` becomes is still under the old one.
 * @throws LedgerSecretLocked, RecoverySharesImpossible
 */
export function rekeyLedger(
  transaction: Transaction,
  ports: GovernancePorts,
  whenAppended: (effect: (id: TransactionId) => void) => void,
): void {
  if (serviceInfo.require(transaction).status !== 'Open') {
    const message = 'Could not rekey ledger: the service is not open';
    throw governanceError('LedgerSecretLocked', message);
  }
  const previous = newestBefore(transaction, ports);
  const secret = ports.random.bytes(secretBytes);
  shuffleRecoveryShares(transaction, secret, ports.random);
  storePrevious(transaction, { secret, previous, random: ports.random });
  broadcastNewSecret(transaction, secret);
  broughtSecrets.set(transaction, secret);
  whenAppended(({ seqno }) => {
    // Of several rekeys in one transaction the last one's rows stand.
    if (broughtSecrets.get(transaction) !== secret) return;
    ports.ledger.addSecret(asSeqno(seqno + 1), secret);
  });
}

/** The secret that encrypts the transaction's own entry: it goes under the new one. */
function newestBefore(transaction: Transaction, ports: GovernancePorts): LedgerSecret {
  const brought = broughtSecret(transaction);
  if (!brought) return newestSecret(transaction, ports);
  const row = historicalSecret.require(transaction).previous_ledger_secret;
  assert(row !== undefined, 'a rekey stores the secret before it');
  const secret = openBlob(brought, fromBase64(row.encrypted_data));
  return { version: asSeqno(row.version), secret };
}

/** The secret of a rekey in this transaction, if its rows still stand. */
function broughtSecret(transaction: Transaction): Uint8Array | undefined {
  const row = historicalSecret.get(transaction);
  return row?.next_version === undefined && row?.previous_ledger_secret !== undefined
    ? broughtSecrets.get(transaction)
    : undefined;
}

/**
 * Issues fresh shares of the newest secret; the ones before become useless.
 * @throws LedgerSecretLocked in a recovery, RecoverySharesImpossible
 */
export function refreshRecoveryShares(transaction: Transaction, ports: GovernancePorts): void {
  const { status } = serviceInfo.require(transaction);
  if (status === 'Recovering' || status === 'WaitingForRecoveryShares') {
    // They would be of the fresh secret, and the lost service's secrets would be gone for good.
    const message = 'Could not refresh recovery shares: the service is being recovered';
    throw governanceError('LedgerSecretLocked', message);
  }
  const secret = broughtSecret(transaction) ?? newestSecret(transaction, ports).secret;
  shuffleRecoveryShares(transaction, secret, ports.random);
}

function broadcastNewSecret(transaction: Writable, secret: Uint8Array): void {
  const rows = nodeInfos
    .rows(transaction)
    .filter(([, info]) => info.status === 'Trusted')
    .map(([id, info]) => {
      const encrypted_secret = toBase64(encryptTo(info.encryption_pub_key, secret));
      return [id, [{ version: null, encrypted_secret }]];
    });
  nodeSecrets.put(transaction, Object.fromEntries(rows));
}
