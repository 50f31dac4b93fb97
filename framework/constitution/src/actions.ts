/** Every action by its name. */
import type { Action } from './action.ts';
import type { ActionName } from './action-names.ts';
import { adapterActions } from './adapter-actions.ts';
import { appActions } from './app-actions.ts';
import { joinPolicyActions } from './join-policy-actions.ts';
import { jwtActions } from './jwt-actions.ts';
import { memberActions } from './member-actions.ts';
import { nodeActions } from './node-actions.ts';
import { ruleActions } from './rule-actions.ts';
import { serviceActions } from './service-actions.ts';

const actions: Readonly<Record<ActionName, Action>> = {
  ...memberActions,
  ...serviceActions,
  ...nodeActions,
  ...joinPolicyActions,
  ...appActions,
  ...jwtActions,
  ...ruleActions,
  ...adapterActions,
};

export function findAction(name: string): Action | undefined {
  return Object.hasOwn(actions, name) ? actions[name as ActionName] : undefined;
}
