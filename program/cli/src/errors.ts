/** Codes of @coco/cli. */
import { defineErrors, type ErrorMetadata, type LedgerError } from '@coco/base';

export const cliError: (
  code:
    | 'WrongUsage'
    | 'NotConfirmed'
    | 'StillOpen'
    | 'NoBallot'
    | 'RulesRefused'
    | 'NoRulesDocument'
    | 'WrongState'
    | 'RecoveredPointDiffers'
    | 'SandboxBroken'
    | 'NodeDidNotStart'
    | 'SandboxUnreachable'
    | 'UnknownTransaction'
    | 'BundleMismatch',
  message: string,
  metadata?: ErrorMetadata,
  cause?: unknown,
) => LedgerError = defineErrors({
  WrongUsage: {
    kind: 'refusal',
    status: 400,
    meaning: 'A command was called with a wrong name, flag or value.',
  },
  NotConfirmed: {
    kind: 'refusal',
    status: 400,
    meaning: 'Something that cannot be taken back was not confirmed, so it was not done.',
  },
  StillOpen: {
    kind: 'refusal',
    status: 408,
    meaning: 'A proposal was not decided within the time that the caller wanted to wait.',
  },
  NoRulesDocument: {
    kind: 'refusal',
    status: 404,
    meaning:
      'The network has another constitution than Coco’s, which decides by no rules document.',
  },
  RulesRefused: {
    kind: 'refusal',
    status: 400,
    meaning:
      'A rules document is malformed, or would lock the consortium out or let a minority take over.',
  },
  NoBallot: { kind: 'refusal', status: 404, meaning: 'The member has not voted.' },
  WrongState: {
    kind: 'refusal',
    status: 409,
    meaning: 'The service is not in the state in which this can be done.',
  },
  RecoveredPointDiffers: {
    kind: 'refusal',
    status: 409,
    meaning: 'A proposal to open a recovered service names another end of its ledger than it has.',
  },
  SandboxBroken: {
    kind: 'refusal',
    status: 400,
    meaning: 'The sandbox folder lacks a file, or holds one that is not the sandbox’s.',
  },
  NodeDidNotStart: {
    kind: 'fault',
    status: 500,
    meaning: 'The node process ended or stayed silent before it served.',
  },
  SandboxUnreachable: {
    kind: 'fault',
    status: 503,
    meaning: 'No sandbox answers at the address given.',
  },
  UnknownTransaction: {
    kind: 'refusal',
    status: 404,
    meaning: 'No committed transaction has the hash given.',
  },
  BundleMismatch: {
    kind: 'refusal',
    status: 400,
    meaning: 'The parts of a receipt bundle do not belong together.',
  },
});
