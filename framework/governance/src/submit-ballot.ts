/** A member votes: the ballot stands beside the others, and the proposal is resolved with it. */
import { endpointError, jsonResponse, type WriteOutcome } from '@coco/endpoint';
import type { Transaction } from '@coco/kv';
import { requiredText } from './acknowledgement-endpoints.ts';
import {
  describeProposal,
  failureText,
  proposalNotFound,
  requireProposal,
} from './describe-proposal.ts';
import { governanceError } from './errors.ts';
import {
  memberName,
  type SignedCall,
  signedJson,
  signedMemberId,
  signedProposalId,
} from './governance-endpoint.ts';
import { GovernanceScripts } from './governance-scripts.ts';
import { advanceLedgerTime } from './ledger-time.ts';
import type { GovernancePorts } from './ports.ts';
import { resolveProposal } from './resolve-proposal.ts';
import { governanceHistory, type ProposalInfoRow, proposals } from './tables.ts';

/**
 * @throws ProposalNotFound, ProposalNotOpen, VoteAlreadyExists, InvalidInput, InternalError when
 *   the ballot is no module or the constitution fails
 */
export async function submitBallot(
  transaction: Transaction,
  signed: SignedCall,
  ports: GovernancePorts,
): Promise<WriteOutcome> {
  const { member } = signed;
  const id = signedProposalId(signed);
  const memberId = signedMemberId(signed);
  const before = requireProposal(transaction, id);
  if (before.state !== 'Open') {
    throw governanceError(
      'ProposalNotOpen',
      `Proposal ${id} is currently in state ${before.state} - only Open proposals can receive votes`,
    );
  }
  const body = proposals.get(transaction, id);
  if (!body) throw proposalNotFound(id);
  const ballot = requiredText(signedJson(signed), 'ballot');
  const earlier = before.ballots[memberId];
  if (earlier === ballot) return { response: jsonResponse(describeProposal(id, before)) };
  if (earlier !== undefined) {
    throw governanceError(
      'VoteAlreadyExists',
      `Different ballot already submitted by ${memberName(memberId)} for ${id}.`,
    );
  }
  const info: ProposalInfoRow = { ...before, ballots: { ...before.ballots, [memberId]: ballot } };
  governanceHistory.put(transaction, memberId, member.bytes);
  advanceLedgerTime(transaction, ports.clock.nowMs());
  const scripts = new GovernanceScripts(transaction, ports, memberId);
  const resolution = await resolveProposal(transaction, scripts, {
    id,
    body,
    info,
    newest: memberId,
  });
  if (resolution.kind === 'failed') {
    throw endpointError('InternalError', failureText(resolution.failure));
  }
  const response = jsonResponse(describeProposal(id, resolution.info));
  return { response, whenAppended: scripts.whenAppended };
}
