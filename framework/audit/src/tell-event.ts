/**
 * An event of the story in plain words: one sentence, and details that stand below it. Everything a
 * member wrote is printable text by now; ids are shortened as the report's reader meets them.
 */
import { printable, shorten } from './describe-action.ts';
import type { DocumentChange, Happening, IdentityCertificate, Party, Vote } from './story.ts';

export interface ToldEvent {
  readonly sentence: string;
  readonly details: readonly string[];
}

const idDigits = 8;

/** How a report writes a member or user. */
export type NameOf = (party: Party) => string;

export function tellEvent(event: Happening, nameOf: NameOf = partyName): ToldEvent {
  const sentence = (text: string, details: readonly string[] = []): ToldEvent => ({
    sentence: text,
    details,
  });
  switch (event.kind) {
    case 'proposed':
      return sentence(`${nameOf(event.by)} proposes ${shortId(event.proposalId)}:`, event.actions);
    case 'voted':
      return sentence(
        `${nameOf(event.by)} votes on ${shortId(event.proposalId)} (ballot ${shortId(event.ballotDigest)})`,
      );
    case 'withdrawn':
      return sentence(`${nameOf(event.by)} withdraws ${shortId(event.proposalId)}`);
    case 'decided':
      return sentence(`Proposal ${shortId(event.proposalId)}: ${tellDecision(event, nameOf)}`, [
        ...event.failures.map(
          ({ member, reason }) => `the ballot of ${nameOf(member)} failed: ${shorten(reason)}`,
        ),
        ...(event.failure === undefined ? [] : [`it failed: ${shorten(event.failure)}`]),
      ]);
    case 'constitution':
      return sentence(`The constitution is ${tellDocument(event.document)}`);
    case 'rules':
      return sentence(`The rules are ${tellDocument(event.document)}`);
    case 'setting':
      return sentence(tellSetting(event));
    case 'member':
    case 'user':
      return sentence(tellPerson(event, nameOf));
    case 'node':
    case 'nodeCertificate':
      return sentence(tellNode(event));
    default:
      return sentence(tellService(event, nameOf));
  }
}

type Of<Kind extends Happening['kind']> = Extract<Happening, { readonly kind: Kind }>;

function tellDecision({ state, votes }: Of<'decided'>, nameOf: NameOf): string {
  if (state === 'Dropped') return 'Dropped, as another one was accepted';
  return `${state}; ${tellVotes(votes, nameOf)}`;
}

export function tellVotes(votes: readonly Vote[], nameOf: NameOf = partyName): string {
  const names = (isFor: boolean): string =>
    votes
      .filter((vote) => vote.isFor === isFor)
      .map(({ member }) => nameOf(member))
      .join(', ') || 'nobody';
  return votes.length === 0
    ? 'there were no ballots'
    : `for it: ${names(true)}; against it: ${names(false)}`;
}

function tellDocument(document: DocumentChange): string {
  const { digestBefore, digestAfter, linesAdded, linesRemoved } = document;
  if (digestAfter === undefined) return `removed (it was ${shortId(digestBefore ?? '')})`;
  if (digestBefore === undefined)
    return `set: ${count(linesAdded, 'line')}, SHA-256 ${digestAfter}`;
  return `changed: ${count(linesAdded, 'line')} added, ${linesRemoved} removed, now SHA-256 ${digestAfter}`;
}

function tellSetting({ table, key, value }: Of<'setting'>): string {
  const name = printable(table).replace(/^public:(ccf|coco)\.(gov|internal)\./, '');
  const where = key === '' ? name : `${name} ${shorten(key)}`;
  if (value === undefined) return `Removed: ${where}`;
  return value === '' ? `Set: ${where}` : `Set: ${where} = ${value}`;
}

function tellPerson(event: Of<'member'> | Of<'user'>, nameOf: NameOf): string {
  if (event.kind === 'user') return `User ${partyName(event.user)} is ${event.change}`;
  // The id stands where a member comes in, so that a name can be looked up.
  const who = `Member ${event.change === 'added' ? partyName(event.member) : nameOf(event.member)}`;
  switch (event.change) {
    case 'added':
      return `${who} is added${tellRole(event.recoveryRole)}`;
    case 'activated':
      return `${who} acknowledges the state and becomes active`;
    case 'acknowledged':
      return `${who} acknowledges the state again`;
    case 'changed':
      return `${who} is changed`;
    case 'removed':
      return `${who} is removed`;
  }
}

function tellDeclared(declared: Of<'serviceRecovered'>['declared']): string {
  if (!declared) return '';
  const { recoveredTo, mayLackCommits, lookedAtCount, mayHaveVotedCount } = declared;
  const looked = `the ledgers of ${lookedAtCount} of ${count(mayHaveVotedCount, 'node')} were looked at`;
  return mayLackCommits
    ? `; from the ledger up to ${recoveredTo}. It DECLARES that commits may be missing behind it: ${looked}`
    : `; from the ledger up to ${recoveredTo}, and nothing is missing: ${looked}`;
}

function tellRole(role: Of<'member'>['recoveryRole']): string {
  switch (role) {
    case 'Participant':
      return ', with a share of the recovery key';
    case 'Owner':
      return ', with the whole recovery key';
    case 'NonParticipant':
    case undefined:
      return '';
  }
}

function tellNode(event: Of<'node'> | Of<'nodeCertificate'>): string {
  const name = `Node ${shortId(event.nodeId)}`;
  if (event.kind === 'nodeCertificate') {
    return `${name} gets a certificate, valid to ${date(event.notAfterMs)}`;
  }
  const known = [event.platform, event.address]
    .filter((part) => part !== undefined)
    .map(printable)
    .join(', ');
  const what = {
    joined: 'asks to join',
    trusted: 'is trusted',
    retired: 'is retired',
    changed: 'is changed',
    removed: 'is removed',
  }[event.change];
  return known === '' ? `${name} ${what}` : `${name} ${what} (${known})`;
}

function tellService(
  event: Exclude<
    Happening,
    Of<
      | 'proposed'
      | 'voted'
      | 'withdrawn'
      | 'decided'
      | 'constitution'
      | 'rules'
      | 'setting'
      | 'member'
      | 'user'
      | 'node'
      | 'nodeCertificate'
    >
  >,
  nameOf: NameOf,
): string {
  switch (event.kind) {
    case 'serviceCreated':
      return `The service is created with ${count(event.memberCount, 'member')}, ${event.recoveryThreshold} of them needed to recover it; ${tellIdentity(event.identity)}`;
    case 'serviceRecovered':
      return `The service is recovered for the ${ordinal(event.recoveryCount)} time, under a new identity; ${tellIdentity(event.identity)}${tellDeclared(event.declared)}`;
    case 'serviceStatus':
      return {
        Opening: 'The service is opening',
        Open: 'The service is open',
        Recovering: 'The service is recovering',
        WaitingForRecoveryShares: 'The service waits for recovery shares',
      }[event.status];
    case 'serviceCertificate':
      return `The service certificate is renewed; ${tellIdentity(event.identity)}`;
    case 'identityEndorsed':
      return event.epochEnd === undefined
        ? `The service endorses its own key ${shortId(event.endorsedKeyId)}, from ${event.epochBegin} on`
        : `The service endorses the key before it, ${shortId(event.endorsedKeyId)}, for ${event.epochBegin} to ${event.epochEnd}`;
    case 'recoverySharesIssued':
      return `Recovery shares are issued to ${event.holders.map(nameOf).join(', ')}; ${event.recoveryThreshold} needed`;
    case 'recoveryShareSubmitted':
      return `Member ${nameOf(event.member)} submits a recovery share`;
    case 'ledgerRekeyed':
      return `The ledger gets a new secret, handed to ${count(event.nodeCount, 'node')}`;
  }
}

function tellIdentity({ keyId, notBeforeMs, notAfterMs }: IdentityCertificate): string {
  return `key ${shortId(keyId)}, certificate valid ${date(notBeforeMs)} to ${date(notAfterMs)}`;
}

export function partyName({ id, name }: Party): string {
  return name === undefined ? shortId(id) : `${name} (${shortId(id)})`;
}

/** Names alone, where no other member or user of the story has the same; with ids otherwise. */
export function namesIn(parties: Iterable<Party>): NameOf {
  const ids = new Map<string, string>();
  const shared = new Set<string>();
  for (const { id, name } of parties) {
    if (name === undefined) continue;
    if ((ids.get(name) ?? id) !== id) shared.add(name);
    ids.set(name, id);
  }
  return (party) =>
    party.name === undefined || shared.has(party.name) ? partyName(party) : party.name;
}

/** Where a hostile service wrote it, an id may be any text. */
export function shortId(id: string): string {
  const text = printable(id);
  return text.length <= idDigits ? text : `${text.slice(0, idDigits)}…`;
}

function count(of: number, what: string): string {
  return `${of} ${what}${of === 1 ? '' : 's'}`;
}

function ordinal(of: number): string {
  const ending = { 1: 'st', 2: 'nd', 3: 'rd' }[of % 100 > 10 && of % 100 < 14 ? 0 : of % 10];
  return `${of}${ending ?? 'th'}`;
}

/** Certificates may hold dates that are none. */
function date(ms: number): string {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? 'no date' : at.toISOString().slice(0, 10);
}
