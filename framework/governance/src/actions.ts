/**
 * The actions of a proposal. This slice knows one, natively: transition_service_to_open. The
 * governance issue runs the consortium's constitution instead and replaces this file's three
 * functions: validate, resolve, apply.
 */
import { type JsonValue, LedgerError, parseJson } from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import { governanceError } from './errors.ts';
import { JsonFields } from './json-fields.ts';
import { activeMemberCount } from './members.ts';
import { transitionServiceToOpen } from './open-service.ts';
import type { GovernancePorts } from './ports.ts';
import type { Readable, Writable } from './table.ts';

interface TransitionServiceToOpen {
  readonly name: 'transition_service_to_open';
  /** PEM; demanded when the service recovers. */
  readonly previousServiceIdentity: string | undefined;
  /** PEM. */
  readonly nextServiceIdentity: string;
}

export type Action = TransitionServiceToOpen;

/** A proposal opens a service once; more actions than this are a mistake. */
const actionsMax = 100;

/** Parses and checks the body of a proposal. @throws ProposalFailedToValidate */
export function validateProposal(body: Uint8Array): readonly Action[] {
  try {
    const fields = new JsonFields(parseJson(body) as JsonValue, 'The proposal');
    const actions = fields.list('actions');
    if (actions.length > actionsMax) {
      throw governanceError('ProposalFailedToValidate', `At most ${actionsMax} actions.`);
    }
    return actions.map(validateAction);
  } catch (cause) {
    if (!(cause instanceof LedgerError) || cause.code === 'RequestBodyTooLarge') throw cause;
    const message = `Proposal failed to validate: ${cause.message}`;
    throw governanceError('ProposalFailedToValidate', message, {}, cause);
  }
}

function validateAction(action: JsonFields, position: number): Action {
  const name = action.text('name');
  if (name !== 'transition_service_to_open') {
    throw governanceError(
      'ProposalFailedToValidate',
      `${name}: no such action. This version carries out transition_service_to_open only; the other actions come with the constitution's own JavaScript.`,
    );
  }
  const args = action.object('args');
  const identity = (key: string, text: string): string => {
    try {
      parseCertificate(text);
      return text;
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
      const message = `${name} at position ${position} failed validation: ${key} must be a valid X509 certificate in PEM format`;
      throw governanceError('ProposalFailedToValidate', message, {}, cause);
    }
  };
  const previous = args.optionalText('previous_service_identity');
  return {
    name,
    previousServiceIdentity: previous && identity('previous_service_identity', previous),
    nextServiceIdentity: identity('next_service_identity', args.text('next_service_identity')),
  };
}

/**
 * The decision on a proposal: a strict majority of the active members accepts. Ballots are
 * JavaScript, which this slice does not run, so the proposer's own consent is the only vote and
 * only a consortium of one active member decides.
 */
export function resolveProposal(
  state: Readable,
  proposerId: string,
): { readonly state: 'Open' | 'Accepted'; readonly votes: Readonly<Record<string, boolean>> } {
  const votes = { [proposerId]: true };
  const isMajority = Object.keys(votes).length * 2 > activeMemberCount(state);
  return { state: isMajority ? 'Accepted' : 'Open', votes };
}

/** Carries the actions out, in order. @throws what the action throws; nothing is written then */
export function applyProposal(
  transaction: Writable,
  actions: readonly Action[],
  ports: GovernancePorts,
): void {
  for (const action of actions) {
    const { previousServiceIdentity: previous, nextServiceIdentity: next } = action;
    transitionServiceToOpen(transaction, { previous, next }, ports);
  }
}
