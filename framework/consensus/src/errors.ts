/** The room's refusals and faults (style rule 25). */
import type { ErrorMetadata, LedgerError } from '@coco/base';
import { defineErrors } from '@coco/base';

export type ConsensusCode =
  | 'InvalidPeerMessage'
  | 'BodyMismatch'
  | 'NotLeaderInView'
  | 'NotExtending'
  | 'ProposalDropped'
  | 'TooManyInFlight'
  | 'BatchTooLarge'
  | 'InvalidMembershipChange'
  | 'MembershipPending'
  | 'MembershipDropped'
  | 'NotVoter'
  | 'BatchesInFlight'
  | 'ReadIndexUnavailable'
  | 'NothingToOffer'
  | 'PersistFailed'
  | 'ReplicaStopped';

export const consensusError: (
  code: ConsensusCode,
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors<ConsensusCode>({
  InvalidPeerMessage: {
    kind: 'refusal',
    status: 400,
    meaning: 'A message from a peer does not parse, exceeds a limit, or has no place here.',
  },
  BodyMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'A batch body does not have the length or digest that its handle names.',
  },
  NotLeaderInView: {
    kind: 'refusal',
    status: 503,
    meaning: 'This node does not lead, or not in the view of the request.',
  },
  NotExtending: {
    kind: 'refusal',
    status: 409,
    meaning: 'A proposed batch does not extend the last one, or has no place in its view.',
  },
  ProposalDropped: {
    kind: 'fault',
    status: 503,
    meaning: 'Raft refused a proposal; the same bytes may be proposed again.',
  },
  TooManyInFlight: {
    kind: 'refusal',
    status: 503,
    meaning: 'As much is in flight, waiting for commit, as the limits allow.',
  },
  BatchTooLarge: { kind: 'refusal', status: 413, meaning: 'A batch body exceeds its limit.' },
  InvalidMembershipChange: {
    kind: 'refusal',
    status: 400,
    meaning: 'A membership change does not fit the present configuration.',
  },
  MembershipPending: {
    kind: 'refusal',
    status: 409,
    meaning: 'Another membership change has not finished.',
  },
  MembershipDropped: {
    kind: 'fault',
    status: 503,
    meaning: 'A membership change was lost with the office of its leader.',
  },
  NotVoter: { kind: 'refusal', status: 400, meaning: 'Leadership goes to a voter only.' },
  BatchesInFlight: {
    kind: 'refusal',
    status: 409,
    meaning: 'Leadership moves only when nothing waits for commit.',
  },
  ReadIndexUnavailable: {
    kind: 'fault',
    status: 503,
    meaning: 'No quorum confirmed within the limit that this node is current.',
  },
  NothingToOffer: {
    kind: 'refusal',
    status: 409,
    meaning: 'A snapshot names a state that is not committed here yet.',
  },
  PersistFailed: {
    kind: 'fault',
    status: 500,
    meaning: 'Batches or a snapshot could not be made durable; the replica has stopped.',
  },
  ReplicaStopped: { kind: 'fault', status: 503, meaning: 'The replica has stopped.' },
});
