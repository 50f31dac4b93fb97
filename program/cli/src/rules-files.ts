/**
 * What the commands on rules read: a rules document, and the members it is for, from a file or from
 * a network. People name members as they like: by name, or by the first digits of an id.
 */
import { isJsonObject, type JsonValue, parseJson, toHex, utf8Encode } from '@coco/base';
import {
  type Member,
  parseRulesDocument,
  type RulesDocument,
  readMember,
} from '@coco/constitution';
import { sha256 } from '@coco/crypto';
import { type GovernanceService, readRulesInForce, readTextFile } from '@coco/member';
import type { Flag, Given } from './command-line.ts';
import { cliError } from './errors.ts';
import { networkFlags, withNetwork } from './network.ts';

export const membersFlags: Readonly<Record<string, Flag>> = {
  members: {
    type: 'string',
    value: 'FILE',
    meaning: 'the active members: JSON, a list of {"name", "organisation", "roles", "weight"}',
  },
  'from-network': { type: 'boolean', meaning: 'take the active members of a network instead' },
  ...networkFlags,
};

/** @throws WrongUsage when the file is no JSON */
export async function readJsonFile(path: string): Promise<JsonValue> {
  const text = await readTextFile(path);
  try {
    return parseJson(utf8Encode(text));
  } catch (cause) {
    throw cliError('WrongUsage', `The file ${path} is not JSON.`, {}, cause);
  }
}

/** @throws WrongUsage, RulesDocumentInvalid, RulesDocumentUnsafe */
export async function readRulesFile(path: string): Promise<RulesDocument> {
  return parseRulesDocument(await readJsonFile(path));
}

/** The rules in force. @throws NoRulesDocument */
export async function rulesOfNetwork(governance: GovernanceService): Promise<RulesDocument> {
  const found = await readRulesInForce(governance);
  if (found !== undefined) return found.rules;
  const message = 'The network’s constitution is not Coco’s: it decides by no rules document.';
  throw cliError('NoRulesDocument', message);
}

/** Undefined when the command names none. @throws WrongUsage */
export async function readMembers(given: Given): Promise<readonly Member[] | undefined> {
  const path = given.text('members');
  const isFromNetwork = given.isSet('from-network');
  if (path !== undefined && isFromNetwork) {
    throw cliError('WrongUsage', 'Give either --members or --from-network.');
  }
  if (path !== undefined) return parseMembers(await readJsonFile(path), path);
  if (!isFromNetwork) return undefined;
  const rows = await withNetwork(given, ({ governance }) =>
    governance.list('/gov/service/members'),
  );
  return activeMembers(rows);
}

/** Rows of a service's list of members. */
export function activeMembers(rows: readonly JsonValue[]): readonly Member[] {
  return rows.flatMap((row) => {
    if (!isJsonObject(row) || row.status !== 'Active') return [];
    return [readMember(String(row.memberId), row.memberData)];
  });
}

const fields = ['id', 'name', 'organisation', 'roles', 'weight'];

/** @throws WrongUsage */
export function parseMembers(value: JsonValue, path: string): readonly Member[] {
  const wrong = (sentence: string): Error =>
    cliError('WrongUsage', `The file ${path} does not list members: ${sentence}.`);
  // What a service answers to /gov/service/members is a list of members too.
  if (isJsonObject(value) && Array.isArray(value.value)) return activeMembers(value.value);
  if (!Array.isArray(value) || value.length === 0) throw wrong('it is no list of at least one');
  const members = value.map((row, at) => {
    if (!isJsonObject(row)) throw wrong(`number ${at + 1} is no object`);
    const unknown = Object.keys(row).find((name) => !fields.includes(name));
    if (unknown !== undefined) throw wrong(`number ${at + 1} has a field "${unknown}"`);
    const name = row.name ?? row.id;
    if (typeof name !== 'string' || name === '') throw wrong(`number ${at + 1} has no name`);
    const id = row.id ?? toHex(sha256(utf8Encode(name)));
    if (typeof id !== 'string' || !/^[0-9a-f]{64}$/.test(id)) {
      throw wrong(`the id of ${name} is not 64 hex digits`);
    }
    const member = readMember(id, row);
    const ignored = ['organisation', 'roles', 'weight'].find((field) => {
      const given = row[field];
      const read = member[field as 'organisation' | 'roles' | 'weight'];
      return given !== undefined && JSON.stringify(given) !== JSON.stringify(read);
    });
    if (ignored !== undefined) throw wrong(`the ${ignored} of ${name} has not the right form`);
    return member;
  });
  if (new Set(members.map(({ id }) => id)).size < members.length) {
    throw wrong('one of them stands in it twice');
  }
  return members;
}

/** The member that a word means. @throws WrongUsage unless it is exactly one */
export function findMember(members: readonly Member[], word: string): Member {
  const named = members.filter(({ id, name }) => name === word || id === word);
  const begun = word.length >= 6 ? members.filter(({ id }) => id.startsWith(word)) : [];
  const [found, another] = named.length > 0 ? named : begun;
  if (found !== undefined && another === undefined) return found;
  const names = members.map(({ id, name }) => name ?? id.slice(0, 10)).join(', ');
  const problem = found === undefined ? 'No member' : 'More than one member';
  throw cliError('WrongUsage', `${problem} is called ${word}. There are: ${names}.`);
}
