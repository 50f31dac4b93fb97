/**
 * Reads an untrusted rules document and says everything that is wrong with its form, each with its
 * place. What its rules lead to is another matter: check-rules.ts.
 */
import { actionNames } from './action-names.ts';
import type { Fields } from './check-arguments.ts';
import { isWeight, weightMax } from './member-data.ts';
import {
  namesAction,
  type RulesDocument,
  rulesFormat,
  type Unit,
  units,
} from './rules-document.ts';
import { parseShare } from './share.ts';

export type ReadRules =
  | { readonly kind: 'rules'; readonly rules: RulesDocument }
  | { readonly kind: 'malformed'; readonly problems: readonly string[] };

/** What a person can review; the limits also bound the work of a decision. */
const rulesMax = 100;
const listMax = 100;
const textMax = 1000;
const countMax = 1_000_000_000;
/** A hundred years: what is longer is a mistake. */
const hoursMax = 876_600;
const validityDaysMax = 3650;
const silentMinutesMax = 525_600;
const problemsMax = 20;

type Report = (place: string, sentence: string) => void;

export function readRules(value: unknown): ReadRules {
  const problems: string[] = [];
  readDocument(value, (place, sentence) => {
    problems.push(place === '' ? sentence : `${place}: ${sentence}`);
  });
  if (problems.length > 0) return { kind: 'malformed', problems: problems.slice(0, problemsMax) };
  return { kind: 'rules', rules: value as RulesDocument };
}

function readDocument(value: unknown, report: Report): void {
  const required = ['format', 'version', 'title', 'rules'];
  const others = ['description', 'majority_of', 'organisation_weights', 'standing_permissions'];
  const document = readFields(value, { place: '', required, others }, report);
  if (document === undefined) return;
  if (document.format !== rulesFormat) report('format', `it must be "${rulesFormat}"`);
  readCount(document.version, 'version', countMax, report);
  readText(document.title, 'title', report);
  if (document.description !== undefined) readText(document.description, 'description', report);
  if (document.majority_of !== undefined) readUnit(document.majority_of, 'majority_of', report);
  readWeights(document.organisation_weights, report);
  readPermissions(document.standing_permissions, report);
  if (!Array.isArray(document.rules) || document.rules.length === 0) {
    report('rules', 'it must be a list of at least one rule');
    return;
  }
  if (document.rules.length > rulesMax) report('rules', `it may have at most ${rulesMax} rules`);
  for (const [at, rule] of document.rules.slice(0, rulesMax).entries()) {
    readRule(rule, `rules[${at}]`, report);
  }
  readActions(document.rules, report);
}

/** An object that has no other fields than these: a misspelt field would silently not count. */
function readFields(
  value: unknown,
  what: { readonly place: string; readonly required: string[]; readonly others: string[] },
  report: Report,
): Fields | undefined {
  const { place, required, others } = what;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(place, 'it must be a JSON object');
    return undefined;
  }
  for (const name of Object.keys(value)) {
    if (!required.includes(name) && !others.includes(name)) {
      report(place, `there is no field "${name}" here`);
    }
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) report(place, `"${name}" is missing`);
  }
  return value as Fields;
}

function readText(value: unknown, place: string, report: Report): void {
  if (typeof value === 'string' && value !== '' && value.length <= textMax) return;
  report(place, `it must be a text of 1 to ${textMax} characters`);
}

function readCount(value: unknown, place: string, max: number, report: Report): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return;
  report(place, `it must be a whole number of 1 to ${max}`);
}

function readUnit(value: unknown, place: string, report: Report): void {
  if (!units.includes(value as Unit)) report(place, `it must be one of ${units.join(', ')}`);
}

function readWeights(value: unknown, report: Report): void {
  const place = 'organisation_weights';
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    report(place, 'it must be an object of weights by organisation');
    return;
  }
  for (const [name, weight] of Object.entries(value)) {
    if (name === '' || name === '__proto__') report(place, 'a name is missing');
    if (!isWeight(weight)) {
      report(`${place}.${name}`, `it must be a whole number of 0 to ${weightMax}`);
    }
  }
}

function readPermissions(value: unknown, report: Report): void {
  const place = 'standing_permissions';
  if (value === undefined) return;
  const others = ['node_replacement', 'certificate_renewal'];
  const permissions = readFields(value, { place, required: [], others }, report);
  if (permissions?.node_replacement !== undefined) {
    const within = `${place}.node_replacement`;
    const required = ['silent_minutes'];
    const what = { place: within, required, others: [] };
    const settings = readFields(permissions.node_replacement, what, report);
    const minutes = settings?.silent_minutes;
    if (settings) readCount(minutes, `${within}.silent_minutes`, silentMinutesMax, report);
  }
  if (permissions?.certificate_renewal === undefined) return;
  const within = `${place}.certificate_renewal`;
  const required = ['validity_days', 'renew_before_days'];
  const what = { place: within, required, others: [] };
  const settings = readFields(permissions.certificate_renewal, what, report);
  if (settings === undefined) return;
  const { validity_days: days, renew_before_days: before } = settings;
  readCount(days, `${within}.validity_days`, validityDaysMax, report);
  readCount(before, `${within}.renew_before_days`, validityDaysMax, report);
  if (Number(before) >= Number(days)) {
    report(`${within}.renew_before_days`, 'it must be less than validity_days');
  }
}

const requirementNames = ['thresholds', 'quorum', 'approvals'];

function readRule(value: unknown, place: string, report: Report): void {
  const others = [
    ...requirementNames,
    ...['why', 'proposers', 'vetoes', 'separation', 'lock_hours', 'open_hours', 'emergency'],
  ];
  const rule = readFields(value, { place, required: ['name', 'actions'], others }, report);
  if (rule === undefined) return;
  readText(rule.name, `${place}.name`, report);
  if (rule.why !== undefined) readText(rule.why, `${place}.why`, report);
  for (const name of ['proposers', 'vetoes']) {
    const parties = rule[name];
    if (parties === undefined) continue;
    readList(parties, `${place}.${name}`, report, (party, at) => readParty(party, at, report));
  }
  const { separation } = rule;
  if (separation !== undefined && separation !== 'member' && separation !== 'organisation') {
    report(`${place}.separation`, 'it must be member or organisation');
  }
  readRequirements(rule, place, report);
  const hasSomeone = ['thresholds', 'approvals', 'proposers'].some((name) => rule[name]);
  if (!hasSomeone) {
    report(place, 'it needs thresholds, approvals or proposers: anybody could carry anything');
  }
  readTimes(rule, place, report);
}

function readTimes(rule: Fields, place: string, report: Report): void {
  const { lock_hours: lock, open_hours: open, emergency } = rule;
  if (lock !== undefined) readCount(lock, `${place}.lock_hours`, hoursMax, report);
  if (open !== undefined) readCount(open, `${place}.open_hours`, hoursMax, report);
  if (lock !== undefined && open !== undefined && Number(lock) >= Number(open)) {
    report(place, 'lock_hours must be less than open_hours: nothing could be carried in time');
  }
  if (emergency === undefined) return;
  const within = `${place}.emergency`;
  if (lock === undefined) report(within, 'it skips lock_hours, which this rule does not have');
  const what = { place: within, required: [], others: requirementNames };
  const fields = readFields(emergency, what, report);
  if (fields === undefined) return;
  readRequirements(fields, within, report);
  if (!fields.thresholds && !fields.approvals) {
    report(within, 'it needs thresholds or approvals: it would ask for nothing more');
  }
}

function readList(
  value: unknown,
  place: string,
  report: Report,
  read: (item: unknown, place: string) => void,
): void {
  if (!Array.isArray(value) || value.length === 0 || value.length > listMax) {
    report(place, `it must be a list of 1 to ${listMax} items`);
    return;
  }
  for (const [at, item] of value.entries()) read(item, `${place}[${at}]`);
}

function readRequirements(fields: Fields, place: string, report: Report): void {
  const { thresholds, quorum, approvals } = fields;
  if (thresholds !== undefined) {
    readList(thresholds, `${place}.thresholds`, report, (item, at) =>
      readThreshold(item, at, report),
    );
  }
  if (quorum !== undefined) readThreshold(quorum, `${place}.quorum`, report);
  if (approvals === undefined) return;
  readList(approvals, `${place}.approvals`, report, (item, at) => {
    const what = { place: at, required: ['from'], others: ['at_least'] };
    const approval = readFields(item, what, report);
    if (approval === undefined) return;
    readParty(approval.from, `${at}.from`, report);
    if (approval.at_least !== undefined) readAmount(approval.at_least, `${at}.at_least`, report);
  });
}

function readThreshold(value: unknown, place: string, report: Report): void {
  const what = { place, required: [], others: ['by', 'at_least', 'more_than'] };
  const threshold = readFields(value, what, report);
  if (threshold === undefined) return;
  const { by, at_least: atLeast, more_than: moreThan } = threshold;
  if (by !== undefined) readUnit(by, `${place}.by`, report);
  if ((atLeast === undefined) === (moreThan === undefined)) {
    report(place, 'it needs either at_least or more_than');
    return;
  }
  if (atLeast !== undefined) readAmount(atLeast, `${place}.at_least`, report);
  if (moreThan === undefined) return;
  const share = parseShare(moreThan);
  if (share === undefined || share.numerator === share.denominator) {
    report(`${place}.more_than`, 'it must be a share of less than the whole: 1/2 or 66%');
  }
}

function readAmount(value: unknown, place: string, report: Report): void {
  if (value === 'all' || parseShare(value) !== undefined) return;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= countMax) return;
  report(place, 'it must be a whole number, a share such as 2/3 or 75%, or "all"');
}

function readParty(value: unknown, place: string, report: Report): void {
  const others = ['role', 'organisation', 'member'];
  const party = readFields(value, { place, required: [], others }, report);
  if (party === undefined) return;
  const [name, another] = Object.keys(party);
  if (name === undefined || another !== undefined) {
    report(place, 'it must have exactly one of role, organisation and member');
    return;
  }
  readText(party[name], `${place}.${name}`, report);
  if (name === 'member' && !/^[0-9a-f]{64}$/.test(String(party.member))) {
    report(`${place}.member`, 'it must be a member’s id: 64 hex digits');
  }
}

/** Every name means an action, and none is named by two rules. */
function readActions(rules: readonly unknown[], report: Report): void {
  const owners = new Map<string, string>();
  for (const [at, rule] of rules.slice(0, rulesMax).entries()) {
    const place = `rules[${at}].actions`;
    const names: unknown = Object(rule).actions;
    if (names === undefined) continue;
    readList(names, place, report, (name, within) => {
      if (typeof name !== 'string' || !/^[a-z0-9_]*\*?[a-z0-9_]*$/.test(name) || name === '') {
        report(
          within,
          'it must be the name of an action, in which one * may stand for any letters',
        );
        return;
      }
      if (!actionNames.some((action) => namesAction(name, action))) {
        report(within, `no action is called ${name}`);
      }
      const owner = owners.get(name);
      if (owner !== undefined) report(within, `${name} stands in ${owner} already`);
      owners.set(name, place);
    });
  }
  if (!owners.has('*')) report('rules', 'the last rule must be for every other action: "*"');
  const placeOfStar = owners.get('*');
  if (placeOfStar !== undefined && placeOfStar !== `rules[${rules.length - 1}].actions`) {
    report(placeOfStar, '"*" belongs to the last rule: no rule after it would ever count');
  }
}
