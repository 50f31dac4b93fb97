/** Codes that governance alone answers with; names are CCF's where CCF has one. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const governanceError: (
  code:
    | 'CSRPublicKeyInvalid'
    | 'GovernanceRowInvalid'
    | 'InvalidCreatedAt'
    | 'InvalidNodeState'
    | 'LedgerSecretLocked'
    | 'NodeAlreadyExists'
    | 'NodeAlreadyRecovering'
    | 'ProposalCreatedTooLongAgo'
    | 'ProposalFailedToValidate'
    | 'ProposalNotFound'
    | 'ProposalNotOpen'
    | 'ProposalReplay'
    | 'RecoveryShareInvalid'
    | 'RecoverySharesImpossible'
    | 'ServiceRecovering'
    | 'ServiceNotWaitingForRecoveryShares'
    | 'StateDigestMismatch'
    | 'TooManyPendingNodes'
    | 'VoteAlreadyExists'
    | 'VoteNotFound',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  CSRPublicKeyInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'A joining node asks for a certificate of another key than the one that it proved.',
  },
  GovernanceRowInvalid: {
    kind: 'fault',
    status: 500,
    meaning: 'A row of a governance table does not have its form, or is missing.',
  },
  InvalidCreatedAt: {
    kind: 'refusal',
    status: 400,
    meaning: 'A signed request was created after the year 2286, by its own clock.',
  },
  InvalidNodeState: {
    kind: 'refusal',
    status: 400,
    meaning: 'A node that was retired or removed asks to join: it starts anew, with new keys.',
  },
  LedgerSecretLocked: {
    kind: 'refusal',
    status: 400,
    meaning: 'The ledger secret and its shares are changed only in a service that is open.',
  },
  NodeAlreadyExists: {
    kind: 'refusal',
    status: 400,
    meaning: 'Another node of the service has the published node-to-node address of a joining one.',
  },
  NodeAlreadyRecovering: {
    kind: 'refusal',
    status: 403,
    meaning: 'Enough recovery shares were submitted: the private ledger is being read.',
  },
  ProposalCreatedTooLongAgo: {
    kind: 'refusal',
    status: 400,
    meaning: 'The proposal is older than the median of the recent ones, so it may be a replay.',
  },
  ProposalFailedToValidate: {
    kind: 'refusal',
    status: 400,
    meaning: 'The proposal is not one that this service can carry out.',
  },
  ProposalNotFound: { kind: 'refusal', status: 404, meaning: 'There is no such proposal.' },
  ProposalNotOpen: {
    kind: 'refusal',
    status: 400,
    meaning: 'The proposal was decided or withdrawn before.',
  },
  ProposalReplay: {
    kind: 'refusal',
    status: 400,
    meaning: 'The same signed proposal was submitted before.',
  },
  RecoveryShareInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'Recovery shares do not have their form, or do not fit together.',
  },
  RecoverySharesImpossible: {
    kind: 'refusal',
    status: 400,
    meaning: 'The recovery threshold does not fit the number of active recovery members.',
  },
  ServiceRecovering: {
    kind: 'fault',
    status: 503,
    meaning: 'The service is being recovered: it takes no further node until it is open.',
  },
  ServiceNotWaitingForRecoveryShares: {
    kind: 'refusal',
    status: 403,
    meaning: 'The service is not in the state that takes recovery shares.',
  },
  StateDigestMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The acknowledged digest is not the one that the ledger expects of the member.',
  },
  TooManyPendingNodes: {
    kind: 'fault',
    status: 503,
    meaning: 'As many nodes as may wait for the members’ decision wait already; ask again later.',
  },
  VoteAlreadyExists: {
    kind: 'refusal',
    status: 400,
    meaning: 'The member has submitted another ballot for the proposal; ballots are not changed.',
  },
  VoteNotFound: { kind: 'refusal', status: 404, meaning: 'The member has not voted.' },
});
