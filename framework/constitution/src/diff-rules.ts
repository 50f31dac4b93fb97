/** What another rules document would change, in words, action by action. */
import { actionNames } from './action-names.ts';
import { placeOfRule, type RulesDocument } from './rules-document.ts';
import { sayRest, sayRule } from './say-rule.ts';

export interface RulesChange {
  /** The actions that it is for; none: the document as a whole. */
  readonly actions: readonly string[];
  readonly removed: readonly string[];
  readonly added: readonly string[];
}

export function diffRules(before: RulesDocument, after: RulesDocument): readonly RulesChange[] {
  const changes = new Map<string, { actions: string[]; removed: string[]; added: string[] }>();
  const note = (from: readonly string[], to: readonly string[], action?: string): void => {
    const removed = from.filter((sentence) => !to.includes(sentence));
    const added = to.filter((sentence) => !from.includes(sentence));
    if (removed.length + added.length === 0) return;
    const key = JSON.stringify([action === undefined, removed, added]);
    const change = changes.get(key) ?? { actions: [], removed, added };
    if (action !== undefined) change.actions.push(action);
    changes.set(key, change);
  };
  note(sayRest(before), sayRest(after));
  for (const action of actionNames) {
    note(sentencesFor(before, action), sentencesFor(after, action), action);
  }
  return [...changes.values()];
}

function sentencesFor(rules: RulesDocument, action: string): readonly string[] {
  const rule = rules.rules[placeOfRule(rules, action)];
  return rule === undefined ? [] : sayRule(rule);
}

function nameScope(actions: readonly string[]): string {
  if (actions.length === 0) return 'The document as a whole';
  return actions.length === actionNames.length ? 'Every action' : actions.join(', ');
}

export function formatDiff(before: RulesDocument, after: RulesDocument): string {
  const changes = diffRules(before, after);
  const title = `From "${before.title}" (version ${before.version}) to "${after.title}" (version ${after.version})`;
  if (changes.length === 0) return `${title}: nothing changes for any action.`;
  const blocks = changes.flatMap(({ actions, removed, added }) => [
    '',
    `${nameScope(actions)}:`,
    ...removed.map((sentence) => `  - no longer: ${sentence}`),
    ...added.map((sentence) => `  + now: ${sentence}`),
  ]);
  return [`${title}:`, ...blocks].join('\n');
}
