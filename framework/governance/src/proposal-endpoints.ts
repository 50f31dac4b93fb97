/** The life of a proposal: create, read, withdraw; ballots once constitutions run. */
import { type JsonValue, toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
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
import { requiredText } from './acknowledgement-endpoints.ts';
import { applyProposal, resolveProposal, validateProposal } from './actions.ts';
import { governanceError } from './errors.ts';
import {
  governanceRead,
  governanceWrite,
  memberName,
  pathId,
  type SignedCall,
  signedBytes,
  signedJson,
  signedMemberId,
  signedProposalId,
} from './governance-endpoint.ts';
import type { GovernancePorts } from './ports.ts';
import { noteProposal } from './replay-window.ts';
import type { Readable, Writable } from './table.ts';
import { governanceHistory, type ProposalInfoRow, proposalInfos, proposals } from './tables.ts';

const base = '/members/proposals';

export function proposalEndpoints(ports: GovernancePorts): readonly Endpoint[] {
  return [
    governanceWrite(`${base}:create`, { messageType: 'proposal' }, (transaction, signed) =>
      createProposal(transaction, signed, ports),
    ),
    governanceRead(base, (view) =>
      jsonResponse({ value: proposalInfos.rows(view).map(([id, info]) => describe(id, info)) }),
    ),
    governanceRead(`${base}/{proposalId}`, (view, call) => {
      const id = pathId(call, 'proposalId');
      return jsonResponse(describe(id, requireProposal(view, id)));
    }),
    governanceRead(`${base}/{proposalId}/actions`, (view, call) => {
      const id = pathId(call, 'proposalId');
      const body = proposals.get(view, id);
      if (!body) throw notFound(id);
      return bytesResponse(body, 'application/json');
    }),
    governanceWrite(
      `${base}/{proposalId}:withdraw`,
      { messageType: 'withdrawal' },
      withdrawProposal,
    ),
    governanceWrite(
      `${base}/{proposalId}/ballots/{memberId}:submit`,
      { messageType: 'ballot' },
      submitBallot,
    ),
    governanceRead(`${base}/{proposalId}/ballots/{memberId}`, (view, call) => {
      const id = pathId(call, 'proposalId');
      const memberId = pathId(call, 'memberId');
      const ballot = requireProposal(view, id).ballots[memberId];
      if (ballot === undefined) {
        const message = `Member ${memberName(memberId)} has not voted for proposal ${id}.`;
        throw governanceError('VoteNotFound', message);
      }
      return textResponse(ballot, { type: 'text/javascript' });
    }),
  ];
}

function createProposal(
  transaction: Transaction,
  signed: SignedCall,
  ports: GovernancePorts,
): WriteOutcome {
  const { member } = signed;
  const body = signedBytes(member);
  const actions = validateProposal(body);
  const { signature } = member.message;
  const id = toHex(sha256(ports.rootAt(transaction.seqno), sha256(signature)));
  noteProposal(transaction, { id, createdAt: member.header.createdAt, signature });
  proposals.put(transaction, id, body);
  governanceHistory.put(transaction, member.id, member.bytes);
  const { state, votes } = resolveProposal(transaction, member.id);
  const isDecided = state !== 'Open';
  const info: ProposalInfoRow = {
    proposer_id: member.id,
    state,
    ballots: {},
    final_votes: isDecided ? votes : undefined,
    vote_failures: isDecided ? {} : undefined,
  };
  proposalInfos.put(transaction, id, info);
  if (isDecided) {
    removeOtherDecided(transaction, id);
    applyProposal(transaction, actions, ports);
  }
  return { response: jsonResponse(describe(id, info)) };
}

/** Decided proposals live until the next one is decided; their record stays in the ledger. */
function removeOtherDecided(transaction: Writable, keptId: string): void {
  for (const [id, info] of proposalInfos.rows(transaction)) {
    if (id === keptId || info.state === 'Open') continue;
    proposals.delete(transaction, id);
    proposalInfos.delete(transaction, id);
  }
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
  if (info.state === 'Withdrawn') return { response: jsonResponse(describe(id, info)) };
  if (info.state !== 'Open') {
    throw governanceError(
      'ProposalNotOpen',
      `Proposal ${id} is currently in state ${info.state} and cannot be withdrawn.`,
    );
  }
  const withdrawn: ProposalInfoRow = { ...info, state: 'Withdrawn' };
  proposalInfos.put(transaction, id, withdrawn);
  removeOtherDecided(transaction, id);
  governanceHistory.put(transaction, member.id, member.bytes);
  return { response: jsonResponse(describe(id, withdrawn)) };
}

/** Checks everything that can be checked, and then says that ballots are not run yet. */
function submitBallot(transaction: Transaction, signed: SignedCall): WriteOutcome {
  const id = signedProposalId(signed);
  signedMemberId(signed);
  const info = requireProposal(transaction, id);
  if (info.state !== 'Open') {
    throw governanceError(
      'ProposalNotOpen',
      `Proposal ${id} is currently in state ${info.state} - only Open proposals can receive votes`,
    );
  }
  requiredText(signedJson(signed), 'ballot');
  throw endpointError(
    'NotImplemented',
    "Ballots are JavaScript, which this version does not run: a proposal is decided by its proposer's consent alone, where that is a majority of the active members.",
  );
}

function requireProposal(state: Readable, id: string): ProposalInfoRow {
  const info = proposalInfos.get(state, id);
  if (!info) throw notFound(id);
  return info;
}

function notFound(id: string): Error {
  return governanceError('ProposalNotFound', `Could not find proposal ${id}.`);
}

function describe(id: string, info: ProposalInfoRow): JsonValue {
  return {
    proposalId: id,
    proposerId: info.proposer_id,
    proposalState: info.state,
    ballotCount: Object.keys(info.ballots).length,
    ...(info.final_votes === undefined ? {} : { finalVotes: info.final_votes }),
    ...(info.vote_failures === undefined ? {} : { voteFailures: info.vote_failures }),
    ...(info.failure === undefined ? {} : { failure: info.failure }),
  };
}
