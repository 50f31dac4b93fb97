/** `coco rules`: what a rules document means, before anybody votes for it. */
import { writeFile } from 'node:fs/promises';
import { type JsonValue, LedgerError } from '@coco/base';
import {
  checkRules,
  createConstitution,
  diffRules,
  explainRules,
  formatDiff,
  formatExplanation,
  formatRules,
  type Member,
  type RulesDocument,
  readRules,
  warnRules,
} from '@coco/constitution';
import type { Command, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { networkFlags, withNetwork } from './network.ts';
import { outputFlags, show } from './output.ts';
import {
  membersFlags,
  readJsonFile,
  readMembers,
  readRulesFile,
  rulesOfNetwork,
} from './rules-files.ts';

export const rulesCheckCommand: Command = {
  flags: { ...membersFlags, ...outputFlags },
  run: async (given) => {
    const [file = ''] = given.positionals;
    const read = readRules(await readJsonFile(file));
    const members = await readMembers(given);
    const problems = read.kind === 'malformed' ? read.problems : problemsOf(read.rules, members);
    const warnings = read.kind === 'malformed' ? [] : warnRules(read.rules, members ?? []);
    const isSafe = problems.length === 0;
    const document = { isSafe, problems, warnings, membersChecked: members !== undefined };
    show(given, document, checkText({ problems, warnings, members }));
    if (isSafe) return;
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    throw cliError('RulesRefused', `A network would refuse this document: it has ${count}.`);
  },
};

/** Without members, what is wrong for any: whether they are locked out cannot be said. */
function problemsOf(
  rules: RulesDocument,
  members: readonly Member[] | undefined,
): readonly string[] {
  return checkRules(rules, members ?? [])
    .filter(({ kind }) => members !== undefined || kind === 'takeover')
    .map(({ sentence }) => sentence);
}

function checkText(found: {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly members: readonly Member[] | undefined;
}): string {
  const { problems, warnings, members } = found;
  const scope =
    members === undefined
      ? 'Checked for any members. Whether yours would be locked out needs --members or --from-network.'
      : `Checked for ${members.length} active members.`;
  return [
    ...(problems.length === 0 ? ['No problem was found.'] : ['Refused:']),
    ...problems.map((sentence) => `  - ${sentence}`),
    ...(warnings.length === 0 ? [] : ['Think of this:']),
    ...warnings.map((sentence) => `  - ${sentence}`),
    scope,
  ].join('\n');
}

export const rulesExplainCommand: Command = {
  flags: { ...membersFlags, ...outputFlags },
  run: async (given) => {
    const [file = ''] = given.positionals;
    const rules = await readRulesFile(file);
    const members = await readMembers(given);
    if (members === undefined)
      return show(given, explanationDocument(rules, []), formatRules(rules));
    show(given, explanationDocument(rules, members), formatExplanation(rules, members));
  },
};

function explanationDocument(rules: RulesDocument, members: readonly Member[]): JsonValue {
  const { title, version } = rules;
  const explained = explainRules(rules, members).map((rule) => ({
    name: rule.name,
    ...(rule.why === undefined ? {} : { why: rule.why }),
    actions: rule.actions,
    cases: rule.cases.map(({ proposers, sentences }) => ({
      proposers: proposers.map(({ id, name }) => name ?? id),
      carriedWhen: sentences,
    })),
    notes: rule.notes,
  }));
  return { title, version, rules: explained };
}

export const rulesDiffCommand: Command = {
  flags: {
    'from-network': { type: 'boolean', meaning: 'what the file would change in a network' },
    ...networkFlags,
    ...outputFlags,
  },
  run: async (given) => {
    const { before, after } = await readBoth(given);
    const changes = diffRules(before, after).map(({ actions, removed, added }) => ({
      actions,
      removed,
      added,
    }));
    show(given, { changes }, formatDiff(before, after));
  },
};

async function readBoth(
  given: Given,
): Promise<{ readonly before: RulesDocument; readonly after: RulesDocument }> {
  const [file = '', other] = given.positionals;
  const isFromNetwork = given.isSet('from-network');
  if (isFromNetwork === (other !== undefined)) {
    const message =
      'A difference is between two files, or between a network and a file: give either another file or --from-network.';
    throw cliError('WrongUsage', message);
  }
  if (other !== undefined) {
    return { before: await readRulesFile(file), after: await readRulesFile(other) };
  }
  const after = await readRulesFile(file);
  const before = await withNetwork(given, ({ governance }) => rulesOfNetwork(governance));
  return { before, after };
}

export const rulesCompileCommand: Command = {
  flags: {
    out: { type: 'string', value: 'FILE', meaning: 'where to write it; default stdout' },
    ...outputFlags,
  },
  run: async (given) => {
    const [file = ''] = given.positionals;
    const text = createConstitution({ rules: await readJsonFile(file) });
    const out = given.text('out');
    if (out === undefined) return show(given, { constitution: text }, text);
    await writeNew(out, text, given);
  },
};

/** A text that was reviewed is not replaced by accident. @throws WrongUsage */
async function writeNew(path: string, text: string, given: Given): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (cause) {
    if (cause instanceof LedgerError || !(cause instanceof Error)) throw cause;
    const isThere = 'code' in cause && cause.code === 'EEXIST';
    const reason = isThere ? 'is there already: choose another name' : 'cannot be written';
    throw cliError('WrongUsage', `The file ${path} ${reason}.`, {}, cause);
  }
  const lines = text.split('\n').length;
  show(given, { file: path, lines }, `Written to ${path}: ${lines} lines.`);
}
