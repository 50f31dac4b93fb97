/**
 * A plan in words: each row that changes, before and after. Certificates are told by name, key and
 * dates, long texts by the lines that differ, everything else by the fields that differ.
 */
import { isJsonObject, type JsonValue, toHex, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { structuredPatch } from 'diff';
import { certificateIn, describeCertificate, memberName, shortId } from './describe-certificate.ts';
import { onlyRow } from './governance-state.ts';
import type { ActionPlan, RowChange } from './plan-changes.ts';

const contextLines = 2;
/** Of one text; a constitution that is exchanged has more lines than anybody reads at once. */
const diffLinesMax = 400;
const editsMax = 4000;
const valueCharactersMax = 200;

/** Lines for people, two spaces in for each level. */
export function describePlan(plans: readonly ActionPlan[]): readonly string[] {
  return plans.flatMap((plan, position) => [
    `${position + 1}. ${plan.action.name}`,
    ...describeAction(plan).map((line) => `   ${line}`.trimEnd()),
  ]);
}

function describeAction(plan: ActionPlan): readonly string[] {
  if (!plan.isKnown) {
    const args = JSON.stringify(plan.action.args, undefined, 2).split('\n');
    return ['This tool does not know the action. Its arguments, as they are:', ...args];
  }
  const lines = plan.changes.flatMap(describeChange);
  const { effects } = plan;
  if (lines.length === 0 && effects.length === 0) return ['Nothing changes: it is so already.'];
  // Rules say in words what they change; the text is for whoever wants to read it all.
  const isOfRules = plan.changes.some(({ table }) => table === 'rules');
  return isOfRules ? [...effects, ...lines] : [...lines, ...effects];
}

function describeChange(change: RowChange): readonly string[] {
  const { before, after } = change;
  const title = titleOf(change);
  if (after === undefined) return [`- ${title} is removed`];
  const what = before === undefined ? `+ ${title} is added` : `~ ${title} changes`;
  const values =
    change.table === 'rules'
      ? describeTexts('', documentText(before), documentText(after))
      : describeValues(before, after);
  return [what, ...values.map((line) => `    ${line}`)];
}

/** The order in which people write a rules document; the ledger keeps its fields by alphabet. */
const fieldOrder = [
  ...['format', 'version', 'title', 'description', 'majority_of', 'organisation_weights', 'rules'],
  ...['name', 'why', 'actions', 'proposers', 'thresholds', 'quorum', 'approvals', 'from', 'by'],
  ...['at_least', 'more_than', 'vetoes', 'separation', 'lock_hours', 'open_hours', 'emergency'],
];

function documentText(document: JsonValue | undefined): string {
  const place = (name: string): number => fieldOrder.indexOf(name) + 1 || fieldOrder.length + 1;
  const ordered = (_name: string, value: JsonValue): JsonValue =>
    isJsonObject(value)
      ? Object.fromEntries(
          Object.entries(value).sort(([left], [right]) => place(left) - place(right)),
        )
      : value;
  return document === undefined ? '' : `${JSON.stringify(document, ordered, 2)}\n`;
}

function titleOf({ table, key, before, after }: RowChange): string {
  if (key === onlyRow) return `the ${table === 'rules' ? 'rules document' : table}`;
  const row = after ?? before;
  if (table === 'member' && isJsonObject(row)) {
    return `member ${memberName({ ...row, memberId: key })} (id ${shortId(key)})`;
  }
  const certificate = isJsonObject(row) ? row.certificate : undefined;
  const found = typeof certificate === 'string' ? certificateIn(certificate) : undefined;
  if (found) return `${table} ${found.subject} (id ${shortId(key)})`;
  return `${table} ${key}`;
}

function describeValues(before: JsonValue | undefined, after: JsonValue): readonly string[] {
  const old = before === undefined ? new Map<string, JsonValue>() : leavesOf(before);
  const now = leavesOf(after);
  const paths = new Set([...old.keys(), ...now.keys()]);
  return [...paths].flatMap((path) => {
    const [left, right] = [old.get(path), now.get(path)];
    if (left === right) return [];
    return describeLeaf(path, left, right);
  });
}

/** Scalars by dotted path; an empty object or list counts as one. */
function leavesOf(value: JsonValue, path = ''): Map<string, JsonValue> {
  const entries =
    typeof value === 'object' && value !== null ? Object.entries<JsonValue>(value) : [];
  if (entries.length === 0) {
    const empty = Array.isArray(value) ? '[]' : '{}';
    return new Map([[path, typeof value === 'object' && value !== null ? empty : value]]);
  }
  return new Map(
    entries.flatMap(([name, part]) => [...leavesOf(part, path === '' ? name : `${path}.${name}`)]),
  );
}

function describeLeaf(
  path: string,
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): readonly string[] {
  if (isText(before) || isText(after)) {
    return describeTexts(path, String(before ?? ''), String(after ?? ''));
  }
  const name = path === '' ? '' : `${path}: `;
  if (after === undefined) return [`${name}${worded(before)} → nothing`];
  // A field that was not there before, in a row that is new, needs no arrow.
  return [
    before === undefined
      ? `${name}${worded(after)}`
      : `${name}${worded(before)} → ${worded(after)}`,
  ];
}

function isText(value: JsonValue | undefined): boolean {
  return (
    typeof value === 'string' && value.trim().includes('\n') && !value.startsWith('-----BEGIN')
  );
}

function worded(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value !== 'string') return JSON.stringify(value);
  if (value.startsWith('-----BEGIN')) return describePem(value);
  return value.length > valueCharactersMax ? `${value.slice(0, valueCharactersMax)}…` : value;
}

function describePem(pem: string): string {
  const certificate = certificateIn(pem);
  if (!certificate) {
    const what = pem.includes('PUBLIC KEY') ? 'a public key' : 'a text in PEM';
    return `${what}, SHA-256 of its text ${toHex(sha256(utf8Encode(pem)))}`;
  }
  const { name, id, curve, validFrom, validTo } = describeCertificate(certificate);
  return `${name}, ${curve}, valid ${validFrom} to ${validTo}, SHA-256 ${id}`;
}

function describeTexts(path: string, before: string, after: string): readonly string[] {
  const patch = structuredPatch('', '', before, after, undefined, undefined, {
    context: contextLines,
    maxEditLength: editsMax,
  });
  // Texts that have little in common are not compared, which would take long and say little.
  const lengths = [before, after].map((text) => text.split('\n').length);
  const hunks = patch?.hunks;
  if (!hunks) return [`${path}: ${lengths[0]} lines are replaced by ${lengths[1]} others`.trim()];
  const lines = hunks.flatMap((hunk) => [
    `@@ line ${hunk.newStart} @@`,
    ...hunk.lines.filter((line) => !line.startsWith('\\')),
  ]);
  const more = lines.length - diffLinesMax;
  return [
    ...(path === '' ? [] : [`${path}:`]),
    ...lines.slice(0, diffLinesMax),
    ...(more > 0 ? [`… and ${more} more lines; --json shows them all.`] : []),
  ];
}
