/** A member proposes: the constitution validates, the proposal stands, and is resolved at once. */
import { toHex, utf8Decode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { endpointError, jsonResponse, type WriteOutcome } from '@coco/endpoint';
import { isScriptObject } from '@coco/isolate';
import type { Transaction } from '@coco/kv';
import { proposalTimes } from './coco-tables.ts';
import { describeProposal, failureText } from './describe-proposal.ts';
import { governanceError } from './errors.ts';
import { type SignedCall, signedBytes } from './governance-endpoint.ts';
import { GovernanceScripts, type ScriptResult } from './governance-scripts.ts';
import { advanceLedgerTime } from './ledger-time.ts';
import type { GovernancePorts } from './ports.ts';
import { noteProposal } from './replay-window.ts';
import { resolveProposal } from './resolve-proposal.ts';
import { governanceHistory, type ProposalInfoRow, proposalInfos, proposals } from './tables.ts';

/**
 * @throws InvalidCreatedAt, ProposalReplay, ProposalCreatedTooLongAgo, ProposalFailedToValidate,
 *   InternalError when the constitution fails
 */
export async function createProposal(
  transaction: Transaction,
  { member }: SignedCall,
  ports: GovernancePorts,
): Promise<WriteOutcome> {
  const body = signedBytes(member);
  const { signature } = member.message;
  // Before anything is waited for: the root of the state that this transaction reads.
  const id = toHex(sha256(ports.rootAt(transaction.seqno), sha256(signature)));
  noteProposal(transaction, { id, createdAt: member.header.createdAt, signature });
  const timeMs = advanceLedgerTime(transaction, ports.clock.nowMs());
  const scripts = new GovernanceScripts(transaction, ports, member.id);
  ensureValid(await scripts.validate(utf8Decode(body)));
  const info: ProposalInfoRow = { proposer_id: member.id, state: 'Open', ballots: {} };
  proposals.put(transaction, id, body);
  proposalInfos.put(transaction, id, info);
  proposalTimes.put(transaction, id, { submitted_at_ms: timeMs });
  governanceHistory.put(transaction, member.id, member.bytes);
  const resolution = await resolveProposal(transaction, scripts, { id, body, info });
  if (resolution.kind === 'failed') {
    throw endpointError('InternalError', failureText(resolution.failure));
  }
  const response = jsonResponse(describeProposal(id, resolution.info));
  return { response, whenAppended: scripts.whenAppended };
}

/** Enough for every action of a large proposal; a constitution may say anything at any length. */
const descriptionMax = 65_536;

/** Texts are CCF's. */
function ensureValid(result: ScriptResult): void {
  if (result.kind === 'failure') {
    const { reason, trace = '' } = result.failure;
    throw endpointError('InternalError', `Failed to execute validation: ${reason} ${trace}`);
  }
  if (!isScriptObject(result.value)) {
    throw endpointError('InternalError', 'Validation failed to return an object');
  }
  const { valid, description } = result.value;
  if (valid === true) return;
  const text = typeof description === 'string' ? description.slice(0, descriptionMax) : '';
  throw governanceError('ProposalFailedToValidate', `Proposal failed to validate: ${text}`);
}
