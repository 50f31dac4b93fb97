import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { ManualClock, SeededRandom, toHex, utf8Decode, utf8Encode } from '@coco/base';
import { createConstitution, type RulesDocument } from '@coco/constitution';
import { createCertificate, SigningKey } from '@coco/crypto';
import {
  engineUrl,
  InProcessScriptRunner,
  type ScriptContext,
  ScriptEngine,
  type ScriptFunction,
  type ScriptMap,
  type ScriptValue,
} from '@coco/isolate';
import { consortia, readExample } from './consortia.ts';
import { coco, gov, id, proposal } from './service-tables.ts';

const engine = new ScriptEngine(readFileSync(engineUrl));
const clock = new ManualClock(1_800_000_000_000);
const runner = new InProcessScriptRunner({ engine, clock, random: new SeededRandom(1) });
const one = toHex(new Uint8Array(8));
const own = id('1');

class Rows implements ScriptMap {
  readonly rows = new Map<string, { key: Uint8Array; value: Uint8Array }>();
  readonly get = (key: Uint8Array) => this.rows.get(toHex(key))?.value;
  readonly has = (key: Uint8Array) => this.rows.has(toHex(key));
  readonly set = (key: Uint8Array, value: Uint8Array) => {
    this.rows.set(toHex(key), { key, value });
  };
  readonly delete = (key: Uint8Array) => {
    this.rows.delete(toHex(key));
  };
  readonly versionOf = () => undefined;
  readonly range = () => [...this.rows].sort().map(([, row]) => row);
  get size(): number {
    return this.rows.size;
  }
}

/** A service with these members, whose scripts run in the isolate. */
class Isolated {
  readonly maps = new Map<string, Rows>();
  readonly calls: string[] = [];
  readonly text: string;

  constructor(rules: RulesDocument, members: readonly { readonly id: string }[]) {
    this.text = createConstitution({ rules });
    for (const member of members) {
      this.put(`${gov}.members.info`, { status: 'Active', member_data: member }, member.id);
    }
    this.put(`${gov}.service.info`, { status: 'Open', cert: 'x' });
    this.put(`${gov}.service.config`, { recovery_threshold: 1 });
  }

  map(name: string): Rows {
    const map = this.maps.get(name) ?? new Rows();
    this.maps.set(name, map);
    return map;
  }

  put(table: string, value: unknown, key?: string): void {
    const name = key === undefined ? new Uint8Array(8) : utf8Encode(key);
    this.map(table).set(name, utf8Encode(JSON.stringify(value)));
  }

  json(table: string): unknown {
    const value = this.map(table).rows.get(one)?.value;
    return value && JSON.parse(utf8Decode(value));
  }

  async run(
    entry: string,
    args: readonly ScriptValue[],
    context: ScriptContext = 'governance-read',
  ): Promise<ScriptValue> {
    const functions = new Map<string, ScriptFunction>(
      ['node.triggerSnapshot', 'node.triggerLedgerRekey'].map((name) => [
        name,
        () => {
          this.calls.push(name);
          return undefined;
        },
      ]),
    );
    const outcome = await runner.run({
      source: this.text,
      entry,
      args,
      access: {
        context,
        map: (name) => this.map(name),
        functions: context === 'governance-write' ? functions : new Map(),
      },
      limits: { heapBytesMax: 104_857_600, stackBytesMax: 1_048_576, executionMsMax: 5000 },
      isVoted: true,
      party: 'test',
    });
    if (outcome.kind === 'returned') return outcome.value;
    throw new TypeError(JSON.stringify(outcome));
  }

  resolve(body: string, proposer: string, votes: Readonly<Record<string, boolean>>) {
    const given = Object.entries(votes).map(([digit, vote]) => ({ member_id: id(digit), vote }));
    return this.run('resolve', [body, id(proposer), given, own]);
  }
}

suite('the text of the constitution in the isolate', () => {
  test('it validates, resolves, applies and says when to resolve again', async () => {
    const members = consortia['operator-with-audit'];
    const service = new Isolated(readExample('operator-with-audit'), members);
    service.put(`${coco}.clock`, 1000);
    service.put(`${coco}.proposal_times`, { submitted_at_ms: 1000 }, own);
    const removal = proposal(['remove_node', { node_id: id('9') }]);
    assert.deepEqual(await service.run('validate', [removal]), { valid: true, description: '' });
    assert.equal(await service.resolve(removal, 'a', {}), 'Open');
    assert.equal(await service.resolve(removal, 'a', { b: false }), 'Rejected');
    assert.equal(await service.resolve(removal, 'a', { b: true }), 'Accepted');
    const next = await service.run('nextResolution', [removal, id('a'), [], own]);
    assert.equal(next, 1000 + 24 * 3_600_000);
    const snapshot = proposal(['trigger_snapshot']);
    assert.equal(await service.resolve(snapshot, 'a', {}), 'Accepted');
    await service.run('apply', [snapshot, own], 'governance-write');
    assert.deepEqual(service.calls, ['node.triggerSnapshot']);
    assert.deepEqual(service.json(`${coco}.rules`), readExample('operator-with-audit'));
  });

  test('it takes its own like as a new constitution, and other rules', async () => {
    const service = new Isolated(readExample('simple-majority'), consortia['simple-majority']);
    const rules = { ...readExample('two-thirds'), version: 2 };
    const body = proposal(
      ['set_constitution', { constitution: createConstitution({ rules }) }],
      ['set_rules', { rules }],
    );
    assert.deepEqual(await service.run('validate', [body]), { valid: true, description: '' });
    await service.run('apply', [body, own], 'governance-write');
    assert.equal(service.json(`${gov}.constitution`), createConstitution({ rules }));
    assert.deepEqual(service.json(`${coco}.rules`), rules);
    assert.equal(await service.resolve(proposal(['trigger_snapshot']), 'a', { a: true }), 'Open');
  });

  test('members come with real certificates', async () => {
    const service = new Isolated(readExample('simple-majority'), consortia['simple-majority']);
    const cert = await createCertificate({
      subject: 'Dora',
      key: SigningKey.generate('P-256'),
      isAuthority: false,
      notBeforeMs: clock.nowMs(),
      days: 9,
    });
    const body = proposal(['set_member', { cert, member_data: { name: 'Dora' } }]);
    assert.deepEqual(await service.run('validate', [body]), { valid: true, description: '' });
    await service.run('apply', [body, own], 'governance-write');
    assert.equal(service.map(`${gov}.members.info`).size, 4);
  });

  test('what is wrong is said in CCF’s words', async () => {
    const service = new Isolated(readExample('simple-majority'), consortia['simple-majority']);
    const body = proposal(['remove_user', { user_id: 'x' }], ['no_such_action']);
    assert.deepEqual(await service.run('validate', [body]), {
      valid: false,
      description:
        'remove_user at position 0 failed validation: Error: user_id must contain exactly 64 characters, no_such_action: no such action',
    });
  });

  test('ten thousand members vote within the limits', async () => {
    const members = Array.from({ length: 10_000 }, (_, at) => ({
      id: at.toString(16).padStart(64, '0'),
    }));
    const service = new Isolated(readExample('bank-consortium'), members);
    const votes = members.map((member) => ({ member_id: member.id, vote: false }));
    const args = [proposal(['set_user_data', {}]), members[0]?.id ?? '', votes, own];
    assert.equal(await service.run('resolve', args), 'Rejected');
  });
});
