/**
 * A rules document: by which rules a consortium decides, as JSON that people read and vote for.
 * docs/formats/rules-document.md says what each field means. The types are the JSON's own form,
 * because the document stands in the ledger as it was voted for; read-rules.ts checks it.
 */

export const rulesFormat = 'coco-rules/1';

/** What is counted: members, or organisations, one by one or by their weights. */
export type Unit = 'member' | 'organisation' | 'member_weight' | 'organisation_weight';

export const units: readonly Unit[] = [
  'member',
  'organisation',
  'member_weight',
  'organisation_weight',
];

/** Some members: those of a role or an organisation, or one. */
export type Party =
  | { readonly role: string }
  | { readonly organisation: string }
  | { readonly member: string };

/** A count, a share such as `2/3` or `75%`, or `all`. */
export type Amount = number | string;

/** Exactly one of `at_least` and `more_than`. */
export interface Threshold {
  /** Default: member. */
  readonly by?: Unit;
  readonly at_least?: Amount;
  /** A share. */
  readonly more_than?: string;
}

export interface Approval {
  readonly from: Party;
  /** Of the party's members; default 1. */
  readonly at_least?: Amount;
}

/** What votes must show. All of it is needed. */
export interface Requirements {
  /** Of those who say yes. */
  readonly thresholds?: readonly Threshold[];
  /** Of those who vote at all, yes or no. */
  readonly quorum?: Threshold;
  readonly approvals?: readonly Approval[];
}

export interface Rule extends Requirements {
  readonly name: string;
  /** Why the consortium has it; for people. */
  readonly why?: string;
  /** Names of actions; one `*` in a name stands for any letters. */
  readonly actions: readonly string[];
  /** Who may propose; default any member. */
  readonly proposers?: readonly Party[];
  /** Whose no ends a proposal. */
  readonly vetoes?: readonly Party[];
  /** Whose yes is not counted: the proposer's, or that of the proposer's whole organisation. */
  readonly separation?: 'member' | 'organisation';
  /** Carried at the earliest so long after the submission. */
  readonly lock_hours?: number;
  /** Rejected when it is not carried so long after the submission. */
  readonly open_hours?: number;
  /** What is needed beside everything else to be carried before the lock ends. */
  readonly emergency?: Requirements;
}

/** What nodes may do without a vote, for as long as the document is in force. */
export interface StandingPermissions {
  readonly node_replacement?: { readonly silent_minutes: number };
  readonly certificate_renewal?: {
    readonly validity_days: number;
    readonly renew_before_days: number;
  };
}

export interface RulesDocument {
  readonly format: typeof rulesFormat;
  /** Higher than that of the document before it. */
  readonly version: number;
  readonly title: string;
  readonly description?: string;
  /** By what a majority of the consortium is counted; default member. */
  readonly majority_of?: Unit;
  /** Default 1 each. */
  readonly organisation_weights?: Readonly<Record<string, number>>;
  /** The first rule that names an action counts for it. */
  readonly rules: readonly Rule[];
  readonly standing_permissions?: StandingPermissions;
}

/** Whether a name in a rule's `actions` means the action. */
export function namesAction(pattern: string, action: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === action;
  const begin = pattern.slice(0, star);
  const end = pattern.slice(star + 1);
  const isLongEnough = action.length >= begin.length + end.length;
  return isLongEnough && action.startsWith(begin) && action.endsWith(end);
}

/** The place of the rule for an action. Invariant: the last rule is for every action. */
export function placeOfRule({ rules }: RulesDocument, action: string): number {
  const found = rules.findIndex(({ actions }) => actions.some((name) => namesAction(name, action)));
  return found < 0 ? rules.length - 1 : found;
}
