/**
 * What a proposal would change: each action is carried out on a copy of the state, in order, as
 * the constitution would, and the rows that differ then are the plan. What an action does beside
 * rows (new keys, files) is told in a sentence. An action that is not known here is not guessed.
 */
import type { JsonValue } from '@coco/base';
import type { GovernanceState, TableName } from './governance-state.ts';
import { appPlanners } from './plan-app-actions.ts';
import { memberPlanners } from './plan-member-actions.ts';
import { policyPlanners } from './plan-policy-actions.ts';
import { rulesPlanners } from './plan-rules-actions.ts';
import { servicePlanners } from './plan-service-actions.ts';
import type { Planner } from './planner.ts';
import type { Action } from './proposal.ts';

export interface RowChange {
  readonly table: TableName;
  readonly key: string;
  /** Undefined where there is no such row. */
  readonly before: JsonValue | undefined;
  readonly after: JsonValue | undefined;
}

export interface ActionPlan {
  readonly action: Action;
  /** False where only the arguments can be shown. */
  readonly isKnown: boolean;
  readonly changes: readonly RowChange[];
  /** What it does beside rows, or why it would be refused. */
  readonly effects: readonly string[];
}

const planners: Readonly<Record<string, Planner>> = {
  ...memberPlanners,
  ...servicePlanners,
  ...policyPlanners,
  ...appPlanners,
  ...rulesPlanners,
};

function plannerOf(action: Action): Planner | undefined {
  return Object.hasOwn(planners, action.name) ? planners[action.name] : undefined;
}

/** The tables that a plan of these actions needs. */
export function tablesOf(actions: readonly Action[]): ReadonlySet<TableName> {
  return new Set(actions.flatMap((action) => plannerOf(action)?.tables ?? []));
}

/** The plan of each action, in order; later ones see what earlier ones changed. */
export function planChanges(
  state: GovernanceState,
  actions: readonly Action[],
): readonly ActionPlan[] {
  let before = state;
  return actions.map((action) => {
    const planner = plannerOf(action);
    if (!planner) return { action, isKnown: false, changes: [], effects: [] };
    const after = before.copy();
    const effects = planner.plan(after, action.args);
    const changes = changesBetween(before, after);
    before = after;
    return { action, isKnown: true, changes, effects };
  });
}

function changesBetween(before: GovernanceState, after: GovernanceState): readonly RowChange[] {
  const tables = new Set([...before.tables(), ...after.tables()].map(([table]) => table));
  return [...tables].flatMap((table) => {
    const keys = new Set([...before.rows(table).keys(), ...after.rows(table).keys()]);
    return [...keys].flatMap((key) => {
      const change = { table, key, before: before.row(table, key), after: after.row(table, key) };
      return isSame(change.before, change.after) ? [] : [change];
    });
  });
}

/** Rows that were not written are the same value, so most need no comparison. */
function isSame(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right);
}
