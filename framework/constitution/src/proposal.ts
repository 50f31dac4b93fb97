/** The body of a proposal: `{"actions": [{"name", "args"}]}`. */
import { findAction } from './actions.ts';
import { refuse } from './refuse.ts';

export interface ProposedAction {
  readonly name: string;
  readonly args: unknown;
}

/** @throws Error unless it is JSON of that form */
export function parseProposal(body: string): readonly ProposedAction[] {
  const proposal: unknown = JSON.parse(body);
  const isObject = typeof proposal === 'object' && proposal !== null;
  const list: unknown = isObject && 'actions' in proposal ? proposal.actions : undefined;
  if (!Array.isArray(list)) refuse('it is not a JSON object with an array "actions"');
  return list.map((item: unknown, position) => {
    const isAction = typeof item === 'object' && item !== null && 'name' in item;
    if (!isAction || typeof item.name !== 'string') {
      refuse(`the action at position ${position} has no name`);
    }
    return { name: item.name, args: 'args' in item ? item.args : undefined };
  });
}

export interface Validation {
  readonly valid: boolean;
  /** What is wrong, for the proposer; empty when nothing is. */
  readonly description: string;
}

export function validateProposal(body: string): Validation {
  let proposed: readonly ProposedAction[];
  try {
    proposed = parseProposal(body);
  } catch (cause) {
    return { valid: false, description: `The proposal does not parse: ${sentenceOf(cause)}` };
  }
  const problems = proposed.flatMap(({ name, args }, position) => {
    const action = findAction(name);
    if (action === undefined) return [`${name}: no such action`];
    try {
      action.validate(args);
      return [];
    } catch (cause) {
      return [`${name} at position ${position} failed validation: ${cause}`];
    }
  });
  return { valid: problems.length === 0, description: problems.join(', ') };
}

function sentenceOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
