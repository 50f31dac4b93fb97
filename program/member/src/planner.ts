/** How a plan carries out one kind of action; the plan-*-actions.ts files hold one for each. */
import type { JsonObject } from './governance-service.ts';
import type { GovernanceState, TableName } from './governance-state.ts';

/** How one kind of action changes the state. */
export interface Planner {
  /** What it reads or writes. */
  readonly tables: readonly TableName[];
  /** Changes the state and says what else happens. */
  readonly plan: (state: GovernanceState, args: JsonObject) => readonly string[];
}
