/**
 * Resolves the open proposal whose time has come: a deadline passes, a time lock ends. One
 * transaction, like a request's, in which no member asked for anything.
 */
import { emptyResponse, type WriteOutcome } from '@coco/endpoint';
import type { Transaction } from '@coco/kv';
import { wakeups } from './coco-tables.ts';
import { GovernanceScripts } from './governance-scripts.ts';
import { advanceLedgerTime, ledgerTime } from './ledger-time.ts';
import type { GovernancePorts } from './ports.ts';
import { recordFailure, resolveProposal } from './resolve-proposal.ts';
import { proposalInfos, proposals } from './tables.ts';
import { firstWakeup, setWakeup } from './wakeups.ts';

/** In whose name scripts run that no member asked for. */
const party = 'wake-up';

/**
 * Writes nothing when no wake-up is due. A proposal that fails is recorded as Failed: there is
 * nobody to be told.
 * @throws what running a script throws; the wake-up stands then
 */
export async function resolveDue(
  transaction: Transaction,
  ports: GovernancePorts,
): Promise<WriteOutcome> {
  const response = emptyResponse();
  const nowMs = ports.clock.nowMs();
  const due = firstWakeup(transaction);
  // A row that is no wake-up has no time: it counts as due, and goes.
  if (!due || due.atMs > ledgerTime(transaction, nowMs)) return { response };
  advanceLedgerTime(transaction, nowMs);
  const { key, proposalId: id } = due;
  wakeups.delete(transaction, key);
  const info = proposalInfos.get(transaction, id);
  const body = proposals.get(transaction, id);
  // Only an action that wrote into these tables itself leaves a wake-up without an open proposal.
  if (info?.state !== 'Open' || !body) return { response };
  setWakeup(transaction, id, undefined);
  const before = transaction.savepoint();
  const scripts = new GovernanceScripts(transaction, ports, party);
  const resolution = await resolveProposal(transaction, scripts, { id, body, info });
  if (resolution.kind === 'resolved') return { response, whenAppended: scripts.whenAppended };
  transaction.rollbackTo(before);
  recordFailure(transaction, { ...resolution, id });
  return { response };
}
