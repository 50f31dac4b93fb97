/**
 * Rules read as a person would: no code of the room, one field after the other, fractions as
 * floats. The oracle of the model test.
 */

// biome-ignore lint/suspicious/noExplicitAny: the document as it stands in the ledger
type Json = any;

export interface Voting {
  readonly document: Json;
  /** Active members by id, with their data. */
  readonly members: ReadonlyMap<string, Json>;
  readonly proposer: string;
  readonly votes: ReadonlyMap<string, boolean>;
  readonly hours: number;
}

function ruleFor(document: Json, action: string): Json {
  for (const rule of document.rules) {
    for (const name of rule.actions) {
      if (new RegExp(`^${name.replace('*', '.*')}$`).test(action)) return rule;
    }
  }
  throw new TypeError('no rule');
}

function isOf(member: string, data: Json, party: Json): boolean {
  if (party.member) return party.member === member;
  if (party.organisation) return data.organisation === party.organisation;
  return (data.roles ?? []).includes(party.role);
}

/** Parts that agree and all parts, as counted by a unit. */
function count(
  voting: Voting,
  by: string,
  among: string[],
  agrees: (id: string) => boolean,
): number[] {
  const data = (id: string): Json => voting.members.get(id);
  if (by === 'member') return [among.filter(agrees).length, among.length];
  if (by === 'member_weight') {
    const sum = (ids: string[]): number => ids.reduce((all, id) => all + (data(id).weight ?? 1), 0);
    return [sum(among.filter(agrees)), sum(among)];
  }
  const names = new Set(among.map((id) => data(id).organisation ?? `alone ${id}`));
  let got = 0;
  let total = 0;
  for (const name of names) {
    const own = among.filter((id) => (data(id).organisation ?? `alone ${id}`) === name);
    const listed = voting.document.organisation_weights?.[name];
    const weight = by === 'organisation' ? 1 : (listed ?? 1);
    total += weight;
    if (own.filter(agrees).length > own.length / 2) got += weight;
  }
  return [got, total];
}

function fraction(text: string): number {
  if (text.endsWith('%')) return Number(text.slice(0, -1)) / 100;
  const [above, below] = text.split('/');
  return Number(above) / Number(below);
}

function isEnough(threshold: Json, [got = 0, total = 0]: number[]): boolean {
  if (got === 0) return false;
  const tiny = 1e-9;
  if (threshold.more_than) return got > fraction(threshold.more_than) * total + tiny;
  if (threshold.at_least === 'all') return got === total;
  if (typeof threshold.at_least === 'number') return got >= threshold.at_least;
  return got >= fraction(threshold.at_least) * total - tiny;
}

function areMet(voting: Voting, rule: Json, needed: Json): boolean {
  const { members, proposer, votes } = voting;
  const everybody = [...members.keys()];
  const own = members.get(proposer);
  const approvers = everybody.filter((id) => {
    if (!rule.separation || !own) return true;
    if (id === proposer) return false;
    const organisation = members.get(id).organisation;
    return !(
      rule.separation === 'organisation' &&
      organisation !== undefined &&
      organisation === own.organisation
    );
  });
  const yes = (id: string): boolean => votes.get(id) === true;
  for (const threshold of needed.thresholds ?? []) {
    if (!isEnough(threshold, count(voting, threshold.by ?? 'member', approvers, yes))) return false;
  }
  if (needed.quorum) {
    const voted = count(voting, needed.quorum.by ?? 'member', everybody, (id) => votes.has(id));
    if (!isEnough(needed.quorum, voted)) return false;
  }
  for (const { from, at_least: atLeast = 1 } of needed.approvals ?? []) {
    const asked = approvers.filter((id) => isOf(id, members.get(id), from));
    if (!isEnough({ at_least: atLeast }, [asked.filter(yes).length, asked.length])) return false;
  }
  return true;
}

/** Whether the rule of the action allows that it is carried out now. */
export function allows(voting: Voting, action: string): boolean {
  const { document, members, proposer, votes, hours } = voting;
  const rule = ruleFor(document, action);
  const own = members.get(proposer);
  if (rule.proposers && !(own && rule.proposers.some((one: Json) => isOf(proposer, own, one)))) {
    return false;
  }
  for (const [id, data] of members) {
    const isHolder = (rule.vetoes ?? []).some((party: Json) => isOf(id, data, party));
    if (isHolder && votes.get(id) === false) return false;
  }
  if (rule.open_hours && hours >= rule.open_hours) return false;
  if (!areMet(voting, rule, rule)) return false;
  if (!rule.lock_hours || hours >= rule.lock_hours) return true;
  return Boolean(rule.emergency) && areMet(voting, rule, rule.emergency);
}
