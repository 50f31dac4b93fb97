/**
 * What votes must show, for certain members: counted out, so that it can be printed and evaluated.
 * The explanation that people read is made of these conditions and of nothing else; a test holds
 * them against the constitution over all ballots.
 */

/** Some voters with what each counts. */
export interface Voters {
  /** `active members`, `members with the role regulator`. */
  readonly label: string;
  readonly voters: readonly { readonly id: string; readonly weight: number }[];
}

interface Group {
  readonly name: string;
  readonly weight: number;
  readonly ids: readonly string[];
}

/** `yes`: says yes; `vote`: votes at all. */
export type Act = 'yes' | 'vote';

export type Condition =
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Condition[] }
  /** Voters that do it count at least so much together. */
  | ({ readonly kind: 'voters'; readonly act: Act; readonly least: number } & Voters)
  /** So do groups; a group does it when more than half of its members do. */
  | {
      readonly kind: 'groups';
      readonly act: Act;
      readonly least: number;
      readonly label: string;
      readonly groups: readonly Group[];
    }
  /** None of them says no. */
  | ({ readonly kind: 'no-veto' } & Voters)
  | ({ readonly kind: 'proposer' } & Voters)
  /** So many hours after the submission, or later; or before. */
  | { readonly kind: 'after' | 'before'; readonly hours: number }
  /** Nothing fulfils it. */
  | { readonly kind: 'never'; readonly why: string };

export interface Ballots {
  readonly proposerId: string;
  readonly votes: ReadonlyMap<string, boolean>;
  /** Undefined where the ledger has no time: then no hour has passed. */
  readonly elapsedHours: number | undefined;
}

export function holds(condition: Condition, ballots: Ballots): boolean {
  const { votes, proposerId, elapsedHours } = ballots;
  const does = (id: string, act: Act): boolean =>
    act === 'yes' ? votes.get(id) === true : votes.has(id);
  switch (condition.kind) {
    case 'all':
      return condition.parts.every((part) => holds(part, ballots));
    case 'any':
      return condition.parts.some((part) => holds(part, ballots));
    case 'voters': {
      const { voters, act, least } = condition;
      const doing = voters.filter(({ id }) => does(id, act));
      return doing.reduce((sum, { weight }) => sum + weight, 0) >= least;
    }
    case 'groups': {
      const { groups, act, least } = condition;
      const doing = groups.filter(
        ({ ids }) => ids.filter((id) => does(id, act)).length * 2 > ids.length,
      );
      return doing.reduce((sum, { weight }) => sum + weight, 0) >= least;
    }
    case 'no-veto':
      return !condition.voters.some(({ id }) => votes.get(id) === false);
    case 'proposer':
      return condition.voters.some(({ id }) => id === proposerId);
    case 'after':
      return elapsedHours !== undefined && elapsedHours >= condition.hours;
    case 'before':
      return elapsedHours === undefined || elapsedHours < condition.hours;
    case 'never':
      return false;
  }
}
