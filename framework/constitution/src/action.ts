/**
 * An action: what a proposal asks for by name. Its arguments are parsed when the proposal is
 * validated and again when it is applied, since days may lie between.
 */

export interface Action {
  /** @throws Error with what is wrong with the arguments */
  validate(args: unknown): void;
  /** Carries it out. @throws Error, and then nothing of the proposal is written */
  apply(args: unknown, proposalId: string): void;
}

export function defineAction<Arguments>(
  parse: (args: unknown) => Arguments,
  carryOut: (args: Arguments, proposalId: string) => void,
): Action {
  return {
    validate: (args) => {
      parse(args);
    },
    apply: (args, proposalId) => carryOut(parse(args), proposalId),
  };
}
