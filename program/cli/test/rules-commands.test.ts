import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, mock, test } from 'node:test';
import { utf8Encode } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { GovernanceService } from '@coco/member';
import { runCommand } from '../src/command-line.ts';
import { commands } from '../src/commands.ts';
import { activeMembers, findMember, parseMembers, rulesOfNetwork } from '../src/rules-files.ts';

const examples = new URL('../../../framework/constitution/examples/', import.meta.url);
const example = (name: string): string => new URL(`${name}.json`, examples).pathname;
const bank = example('bank-consortium');

const members = [
  { name: 'Alpha', organisation: 'Alpha Bank' },
  { name: 'Beta', organisation: 'Beta Bank' },
  { name: 'Gamma', organisation: 'Gamma Bank' },
  { name: 'Regina', organisation: 'Authority', roles: ['regulator'] },
];

let folder = '';
let membersFile = '';

function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'coco-rules-'));
  membersFile = file('members.json', members);
});
after(() => rmSync(folder, { recursive: true }));

/** What the command prints on stdout, also when it refuses. */
async function run(...argv: readonly string[]): Promise<{ text: string; error: unknown }> {
  const printed: string[] = [];
  const log = mock.method(console, 'log', (text: string) => printed.push(text));
  try {
    await runCommand(commands, ['rules', ...argv], (text) => printed.push(text));
    return { text: printed.join('\n'), error: undefined };
  } catch (error) {
    return { text: printed.join('\n'), error };
  } finally {
    log.mock.restore();
  }
}

async function refuses(code: string, message: RegExp, ...argv: readonly string[]): Promise<void> {
  const { error } = await run(...argv);
  await assert.rejects(Promise.reject(error), { code, message }, argv.join(' '));
}

describe('coco rules', () => {
  test('check says that a document is safe, and what to think of', async () => {
    const plain = await run('check', bank);
    assert.equal(plain.error, undefined);
    assert.match(plain.text, /^No problem was found\.\nChecked for any members\./);
    const { text } = await run('check', bank, '--members', membersFile);
    assert.match(text, /The rules can only be changed with Regina: if one such key is lost/);
    assert.match(text, /Checked for 4 active members\./);
    const json = JSON.parse((await run('check', bank, '--members', membersFile, '--json')).text);
    assert.deepEqual([json.isSafe, json.problems, json.membersChecked], [true, [], true]);
    assert.equal(json.warnings.length, 1);
  });

  test('check refuses what is malformed, lets a minority take over or locks out', async () => {
    const rules = JSON.parse(readFileSync(bank, 'utf8'));
    const malformed = file('malformed.json', { ...rules, version: 0 });
    const weak = {
      ...rules,
      rules: [{ name: 'All', actions: ['*'], thresholds: [{ at_least: 1 }] }],
    };
    const cases: readonly (readonly [args: readonly string[], text: RegExp])[] = [
      [[malformed], /Refused:\n {2}- version: it must be a whole number/],
      [[file('weak.json', weak)], /A minority could take over by the rule "All"/],
      [
        [bank, '--members', file('few.json', members.slice(0, 3))],
        /The consortium would be locked out: not even all 3 members together/,
      ],
    ];
    for (const [args, text] of cases) {
      const outcome = await run('check', ...args);
      assert.match(outcome.text, text);
      const refused = { code: 'RulesRefused', message: /A network would refuse this document/ };
      await assert.rejects(Promise.reject(outcome.error), refused);
      const json = JSON.parse((await run('check', ...args, '--json')).text);
      assert.equal(json.isSafe, false);
      assert.ok(json.problems.length > 0);
    }
  });

  test('explain tells each rule in words, for any members or for these', async () => {
    const plain = await run('explain', bank);
    assert.match(plain.text, /a no of members with the role regulator is a veto/);
    const { text } = await run('explain', bank, '--members', membersFile);
    assert.match(text, /Regina says yes \(the only one of the members with the role regulator/);
    const json = JSON.parse((await run('explain', bank, '--members', membersFile, '--json')).text);
    assert.equal(json.rules[0].name, 'Constitution of the consortium');
    assert.deepEqual(json.rules[0].cases[0].proposers, ['Alpha', 'Beta', 'Gamma']);
    assert.equal(json.rules[0].cases[0].carriedWhen.length, 6);
  });

  test('diff tells what changes, action by action', async () => {
    const args = ['diff', example('simple-majority'), example('two-thirds')] as const;
    const { text } = await run(...args);
    assert.match(text, /Every action:\n {2}- no longer: more than 1\/2 of the active members/);
    const json = JSON.parse((await run(...args, '--json')).text);
    assert.equal(json.changes.length, 1);
    assert.equal(json.changes[0].added.length, 2);
  });

  test('simulate tells the decision, what is missing and who has not voted', async () => {
    const vote = ['simulate', bank, '--members', membersFile, '--action', 'set_member'];
    const open = await run(
      ...vote,
      '--yes',
      'Alpha, Beta,Regina',
      '--no',
      'Gamma',
      '--after',
      '48h',
    );
    assert.match(open.text, /^Alpha proposes set_member\./);
    assert.match(open.text, /NOT MET {2}3 days have passed since it was submitted/);
    assert.match(open.text, /Everybody has voted\.\nIt is not decided yet \(Open\)\.$/);
    const json = JSON.parse(
      (await run(...vote, '--proposer', 'Beta', '--no', 'Regina', '--json')).text,
    );
    assert.deepEqual([json.decision, json.proposer], ['Rejected', 'Beta']);
    assert.deepEqual(json.notVoted, ['Alpha', 'Beta', 'Gamma']);
    const both = await run(
      ...vote,
      '--action',
      'set_user',
      '--yes',
      'Alpha,Beta,Regina',
      '--after',
      '72h',
    );
    assert.match(both.text, /It is carried \(Accepted\)\.$/);
    assert.match(both.text, /Rule "Everything else" \(Accepted\)/);
  });

  test('compile writes a constitution once, or prints it', async () => {
    const rules = JSON.parse(readFileSync(bank, 'utf8'));
    const out = join(folder, 'constitution.js');
    const { text } = await run('compile', bank, '--out', out);
    assert.match(text, /^Written to .*constitution\.js: \d+ lines\.$/);
    assert.equal(readFileSync(out, 'utf8'), createConstitution({ rules }));
    await refuses(
      'WrongUsage',
      /is there already: choose another name/,
      'compile',
      bank,
      '--out',
      out,
    );
    await refuses(
      'WrongUsage',
      /cannot be written/,
      'compile',
      bank,
      '--out',
      join(folder, 'a', 'b'),
    );
    assert.equal((await run('compile', bank)).text, createConstitution({ rules }));
  });

  test('wrong files, flags and names are refused in words', async () => {
    const text = file('text.json', 'not json');
    const vote = ['simulate', bank, '--members', membersFile];
    const set = ['--action', 'set_member'];
    const wrong: readonly (readonly [code: string, message: RegExp, ...argv: string[]])[] = [
      ['WrongUsage', /text\.json is not JSON/, 'check', text],
      ['WrongUsage', /comes <file>/, 'check'],
      ['WrongUsage', /between two files, or between a network and a file/, 'diff', bank],
      ['WrongUsage', /comes <file> \[other file\]/, 'diff'],
      ['WrongUsage', /not JSON/, 'check', bank, '--members', text],
      [
        'WrongUsage',
        /either --members or --from-network/,
        'check',
        bank,
        '--members',
        text,
        '--from-network',
      ],
      ['RulesDocumentInvalid', /it must be a JSON object/, 'explain', file('list.json', [])],
      ['RulesDocumentInvalid', /"format" is missing/, 'compile', file('empty.json', {})],
      ['WrongUsage', /A vote needs members/, 'simulate', bank, ...set],
      ['WrongUsage', /Name what is proposed/, ...vote],
      [
        'WrongUsage',
        /There is no action set_membr\. There are: set_member, /,
        ...vote,
        '--action',
        'set_membr',
      ],
      [
        'WrongUsage',
        /No member is called Delta\. There are: Alpha, /,
        ...vote,
        ...set,
        '--yes',
        'Delta',
      ],
      ['WrongUsage', /Alpha says yes and no/, ...vote, ...set, '--yes', 'Alpha', '--no', 'Alpha'],
      ['WrongUsage', /"later" is not a time/, ...vote, ...set, '--after', 'later'],
      ['WrongUsage', /Unknown option '--nay'/, ...vote, ...set, '--nay', 'Alpha'],
    ];
    for (const [code, message, ...argv] of wrong) await refuses(code, message, ...argv);
    const nobody = file('nobody.json', { value: [] });
    const emptyVote = ['simulate', bank, '--members', nobody, ...set];
    await refuses('WrongUsage', /There are no active members/, ...emptyVote);
  });
});

describe('the rules of a network', () => {
  const networkWith = (constitution: string, rules: unknown): GovernanceService =>
    new GovernanceService({
      request: async ({ path }) => ({
        status: 200,
        headers: new Map(),
        body: utf8Encode(
          path.startsWith('/gov/service/constitution') ? constitution : JSON.stringify({ rules }),
        ),
        transactionId: undefined,
      }),
      committed: () => assert.fail('nothing is submitted'),
    });

  test('are those in force, or those that its constitution begins with', async () => {
    const rules = JSON.parse(readFileSync(bank, 'utf8'));
    const text = createConstitution({ rules });
    assert.deepEqual(await rulesOfNetwork(networkWith(text, null)), rules);
    const others = { ...rules, version: 2 };
    assert.deepEqual(await rulesOfNetwork(networkWith(text, others)), others);
  });

  test('are none where another constitution decides', async () => {
    const refused = { code: 'NoRulesDocument', message: /constitution is not Coco’s/ };
    await assert.rejects(
      rulesOfNetwork(networkWith('export function resolve() {}', null)),
      refused,
    );
  });
});

describe('the members of a rules command', () => {
  test('come from a list, or from what a service answers: those that are active', () => {
    const id = 'ab'.repeat(32);
    const row = { memberId: id, status: 'Active', memberData: { name: 'A', weight: 2 } };
    const answer = { value: [row, { ...row, status: 'Accepted' }] };
    const [member, another] = parseMembers(answer, 'x');
    assert.deepEqual([member?.id, member?.name, member?.weight, another], [id, 'A', 2, undefined]);
    assert.deepEqual(activeMembers(['x', null]), []);
    const named = parseMembers(members, 'x');
    assert.deepEqual(
      named.map(({ name }) => name),
      ['Alpha', 'Beta', 'Gamma', 'Regina'],
    );
    assert.equal(new Set(named.map((one) => one.id)).size, 4);
  });

  test('a list that is not one of members is refused', () => {
    const wrong: readonly (readonly [value: unknown, message: RegExp])[] = [
      [7, /it is no list of at least one/],
      [[], /it is no list of at least one/],
      [[7], /number 1 is no object/],
      [[{ weight: 1 }], /number 1 has no name/],
      [[{ name: 'A', wieght: 1 }], /number 1 has a field "wieght"/],
      [[{ name: 'A', id: 'x' }], /the id of A is not 64 hex digits/],
      [[{ name: 'A', weight: -1 }], /the weight of A has not the right form/],
      [[{ name: 'A', roles: 'r' }], /the roles of A has not the right form/],
      [[{ name: 'A' }, { name: 'A' }], /one of them stands in it twice/],
    ];
    for (const [value, message] of wrong) {
      assert.throws(() => parseMembers(value as never, 'x'), { code: 'WrongUsage', message });
    }
  });

  test('a member is meant by its name or the first digits of its id', () => {
    const list = parseMembers(members, 'x');
    const [alpha] = list;
    assert.equal(findMember(list, 'Alpha'), alpha);
    assert.equal(findMember(list, alpha?.id ?? ''), alpha);
    assert.equal(findMember(list, (alpha?.id ?? '').slice(0, 6)), alpha);
    const short = (alpha?.id ?? '').slice(0, 5);
    assert.throws(() => findMember(list, short), { code: 'WrongUsage', message: /No member/ });
    const twins = [...list, { ...list[1], name: 'Alpha' } as (typeof list)[number]];
    assert.throws(() => findMember(twins, 'Alpha'), { message: /More than one member/ });
  });
});
