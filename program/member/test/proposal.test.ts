import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { utf8Decode, utf8Encode } from '@coco/base';
import { buildProposal, type ProposalFlag, parseProposal } from '../src/proposal.ts';

const files: Readonly<Record<string, string>> = { 'cert.pem': 'PEM', 'data.json': '{"weight":2}' };
const readFile = async (path: string): Promise<string> => files[path] ?? assert.fail(path);
const action = (name: string): ProposalFlag => ({ flag: 'action', name });
const arg = (text: string): ProposalFlag => ({ flag: 'arg', text });

describe('a proposal', () => {
  test('is put together from flags: an argument belongs to the action before it', async () => {
    const { actions, bytes } = await buildProposal(
      [
        action('set_user'),
        arg('cert=@cert.pem'),
        arg('user_data:=@data.json'),
        action('set_member_data'),
        arg('member_id=ab=c'),
        arg('member_data.organisation=bank-a'),
        arg('member_data.weight:=2'),
        action('trigger_snapshot'),
      ],
      readFile,
    );
    assert.deepEqual(actions, [
      { name: 'set_user', args: { cert: 'PEM', user_data: { weight: 2 } } },
      {
        name: 'set_member_data',
        args: { member_id: 'ab=c', member_data: { organisation: 'bank-a', weight: 2 } },
      },
      { name: 'trigger_snapshot', args: {} },
    ]);
    assert.deepEqual(parseProposal(bytes).actions, actions);
    assert.match(utf8Decode(bytes), /"name": "trigger_snapshot"\n/, 'no arguments were given');
  });

  test('a part of what a file gave may be set anew', async () => {
    const flags = [action('x'), arg('rules:=@data.json'), arg('rules.weight:=3')];
    const { actions } = await buildProposal(flags, readFile);
    assert.deepEqual(actions, [{ name: 'x', args: { rules: { weight: 3 } } }]);
  });

  test('from a file is signed byte for byte', () => {
    const text = '{ "actions" : [ {"name":"x","args":null} ] }\n';
    const { bytes, actions } = parseProposal(utf8Encode(text));
    assert.equal(utf8Decode(bytes), text);
    assert.deepEqual(actions, [{ name: 'x', args: {} }]);
  });

  test('in no known form is refused with what is wrong', async () => {
    const wrong: readonly (readonly [string, RegExp])[] = [
      ['', /cannot be read/],
      ['{', /cannot be read/],
      ['[]', /A proposal is/],
      ['{"actions":{}}', /A proposal is/],
      ['{"actions":[]}', /no action/],
      ['{"actions":[{}]}', /Action 1 of the proposal has no name/],
      ['{"actions":[{"name":"a"},{"name":1}]}', /Action 2/],
      ['{"actions":[{"name":"a","args":[]}]}', /arguments of action 1, a,/],
      [`{"actions":${'['.repeat(40)}${']'.repeat(40)}}`, /at most 32 deep/],
      [`{"actions":"${'x'.repeat(8 * 1024 * 1024)}"}`, /limited to/],
    ];
    for (const [text, message] of wrong) {
      const refused = { code: 'ProposalMalformed', message };
      assert.throws(() => parseProposal(utf8Encode(text)), refused, text.slice(0, 50));
    }
  });

  test('flags that make no proposal are refused with what is wrong', async () => {
    const wrong: readonly (readonly [RegExp, ...ProposalFlag[]])[] = [
      [/no action/],
      [/before any --action/, arg('a=b')],
      [/not an argument/, action('x'), arg('cert')],
      [/not an argument/, action('x'), arg('=b')],
      [/not an argument/, action('x'), arg('a..b=c')],
      [/not an argument/, action('x'), arg('__proto__.a=c')],
      [/a is set twice/, action('x'), arg('a=b'), arg('a=c')],
      [/a of a\.b is no object/, action('x'), arg('a=b'), arg('a.b=c')],
      [/a\.b is set twice/, action('x'), arg('a.b=b'), arg('a.b=c')],
      [/a is not JSON/, action('x'), arg('a:=bank')],
    ];
    for (const [message, ...flags] of wrong) {
      const refused = { code: 'ProposalMalformed', message };
      await assert.rejects(buildProposal(flags, readFile), refused, String(message));
    }
  });
});
