/** Codes of @coco/member. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const memberError: (
  code:
    | 'MemberFileExists'
    | 'MemberFileInvalid'
    | 'SignerFailed'
    | 'SigningRequestInvalid'
    | 'ProposalMalformed'
    | 'ProposalForgotten'
    | 'GovernanceRefused'
    | 'RecoveredTooLittle',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  MemberFileExists: {
    kind: 'refusal',
    status: 409,
    meaning: 'A file of a member is there already; keys are never overwritten.',
  },
  MemberFileInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'A file of a member is missing, or does not hold what its name says.',
  },
  SignerFailed: {
    kind: 'refusal',
    status: 400,
    meaning: 'The external signer gave no signature that the member’s certificate verifies.',
  },
  SigningRequestInvalid: {
    kind: 'refusal',
    status: 400,
    meaning: 'A prepared request is damaged, or is for something else than the command.',
  },
  ProposalMalformed: {
    kind: 'refusal',
    status: 400,
    meaning: 'A proposal does not have its form, or an argument of an action is missing.',
  },
  ProposalForgotten: {
    kind: 'refusal',
    status: 404,
    meaning: 'The service no longer has the proposal: another one was decided after it.',
  },
  GovernanceRefused: {
    kind: 'refusal',
    status: 400,
    meaning: 'The service refused a governance request; its own code and sentence are told.',
  },
  RecoveredTooLittle: {
    kind: 'refusal',
    status: 409,
    meaning: 'The recovered ledger ends before something that the member knows to be committed.',
  },
});
