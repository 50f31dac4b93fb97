/** The endpoints of a proposal's life: create, read, vote, withdraw. */
import {
  bytesResponse,
  type Endpoint,
  emptyResponse,
  endpointError,
  jsonResponse,
  textResponse,
  type WriteOutcome,
} from '@coco/endpoint';
import type { Transaction } from '@coco/kv';
import { createProposal } from './create-proposal.ts';
import { keepOnlyDecided } from './decided-proposals.ts';
import { describeProposal, proposalNotFound, requireProposal } from './describe-proposal.ts';
import { governanceError } from './errors.ts';
import {
  governanceRead,
  governanceScript,
  governanceWrite,
  memberName,
  pathId,
  type SignedCall,
  signedProposalId,
} from './governance-endpoint.ts';
import type { GovernancePorts } from './ports.ts';
import { submitBallot } from './submit-ballot.ts';
import { governanceHistory, type ProposalInfoRow, proposalInfos, proposals } from './tables.ts';

const base = '/members/proposals';

export function proposalEndpoints(ports: GovernancePorts): readonly Endpoint[] {
  return [
    governanceScript(
      `${base}:create`,
      { summary: 'Propose actions', messageType: 'proposal' },
      (transaction, signed) => createProposal(transaction, signed, ports),
    ),
    governanceWrite(
      `${base}/{proposalId}:withdraw`,
      { summary: 'Withdraw a proposal of one’s own', messageType: 'withdrawal' },
      withdrawProposal,
    ),
    governanceScript(
      `${base}/{proposalId}/ballots/{memberId}:submit`,
      { summary: 'Vote', messageType: 'ballot' },
      (transaction, signed) => submitBallot(transaction, signed, ports),
    ),
    ...proposalReads(),
  ];
}

function proposalReads(): readonly Endpoint[] {
  return [
    governanceRead(base, { summary: 'Open proposals, and the last decided' }, (view) =>
      jsonResponse({
        value: proposalInfos.rows(view).map(([id, info]) => describeProposal(id, info)),
      }),
    ),
    governanceRead(`${base}/{proposalId}`, { summary: 'One proposal' }, (view, call) => {
      const id = pathId(call, 'proposalId');
      return jsonResponse(describeProposal(id, requireProposal(view, id)));
    }),
    governanceRead(
      `${base}/{proposalId}/actions`,
      { summary: 'What a proposal would do' },
      (view, call) => {
        const id = pathId(call, 'proposalId');
        const body = proposals.get(view, id);
        if (!body) throw proposalNotFound(id);
        return bytesResponse(body, 'application/json');
      },
    ),
    governanceRead(
      `${base}/{proposalId}/ballots/{memberId}`,
      { summary: 'A member’s ballot' },
      (view, call) => {
        const id = pathId(call, 'proposalId');
        const memberId = pathId(call, 'memberId');
        const info = proposalInfos.get(view, id);
        if (!info) throw governanceError('ProposalNotFound', `Proposal ${id} does not exist.`);
        const ballot = info.ballots[memberId];
        if (ballot === undefined) {
          const message = `Member ${memberName(memberId)} has not voted for proposal ${id}.`;
          throw governanceError('VoteNotFound', message);
        }
        return textResponse(ballot, { type: 'text/javascript' });
      },
    ),
  ];
}

function withdrawProposal(transaction: Transaction, signed: SignedCall): WriteOutcome {
  const { member } = signed;
  const id = signedProposalId(signed);
  const info = proposalInfos.get(transaction, id);
  // The service forgets decided proposals: what it does not know may have been withdrawn before.
  if (!info) return { response: emptyResponse() };
  if (member.id !== info.proposer_id) {
    throw endpointError(
      'AuthorizationFailed',
      `Proposal ${id} can only be withdrawn by proposer ${memberName(info.proposer_id)}, not caller ${memberName(member.id)}.`,
    );
  }
  if (info.state === 'Withdrawn') return { response: jsonResponse(describeProposal(id, info)) };
  if (info.state !== 'Open') {
    throw governanceError(
      'ProposalNotOpen',
      `Proposal ${id} is currently in state ${info.state} and cannot be withdrawn.`,
    );
  }
  const withdrawn: ProposalInfoRow = { ...info, state: 'Withdrawn' };
  proposalInfos.put(transaction, id, withdrawn);
  keepOnlyDecided(transaction, id);
  governanceHistory.put(transaction, member.id, member.bytes);
  return { response: jsonResponse(describeProposal(id, withdrawn)) };
}
