/**
 * What a call of a script costs through the node's pool of processes: a call that does nothing, a
 * ballot, a constitution of 60 kB, and a walk over 10,000 members. Beside them the same calls in
 * this process, to tell the engine's share from the pipes'.
 * `node framework/node/bench/scripts.bench.ts [--json]`; ends with 1 over a budget.
 */
import { readFile } from 'node:fs/promises';
import { assert, present, utf8Encode } from '@coco/base';
import {
  engineUrl,
  InProcessScriptRunner,
  type ScriptCall,
  ScriptEngine,
  type ScriptMap,
  type ScriptRunner,
  type ScriptValue,
} from '@coco/isolate';
import { systemClock, systemRandom } from '../src/real-ports.ts';
import { ScriptPool } from '../src/script-pool.ts';

const isJson = process.argv.includes('--json');
const memberCount = 10_000;
const table = 'public:ccf.gov.members.info';
const member = utf8Encode('{"status":"Active","member_data":{"organisation":"bank-a"}}');
/** Medians, in the pool, on a machine with nothing else to do. */
const budgetsMs = { nothing: 4, ballot: 4, constitution: 6, members: 150 };
const rounds = { nothing: 300, ballot: 300, constitution: 100, members: 20 };

const keys = Array.from({ length: memberCount }, (_, at) => utf8Encode(`member${at}`));
const map: ScriptMap = {
  get: () => member,
  has: () => true,
  set: () => {},
  delete: () => {},
  size: memberCount,
  versionOf: () => 1,
  range: () => keys.map((key) => ({ key, value: member })),
};

/** Forty actions, each with checks and a write, and CCF's three functions. */
function constitution(): string {
  const action = (at: number): string => `["action_${at}", { validate(args) {
    for (const [i, item] of args.items.entries()) {
      if (typeof item.key !== "string") throw new Error(\`items[\${i}].key is no string\`);
      if (item.value !== undefined && !Number.isInteger(item.value)) throw new Error("value");
    }
    if (!["Alpha", "Beta", "Gamma"].includes(args.mode)) throw new Error("mode is unknown");
  }, apply(args, proposalId) {
    const key = ccf.strToBuf(args.name), map = ccf.kv["public:ccf.gov.table_${at}"];
    const info = map.has(key) ? ccf.bufToJsonCompatible(map.get(key)) : { items: [] };
    info.items = [...info.items, ...args.items];
    info.status = info.items.length > ${at} ? "Active" : "Accepted";
    map.set(key, ccf.jsonCompatibleToBuf({ ...info, proposalId }));
    ccf.kv["public:ccf.gov.members.info"].forEach((value) => {
      const member = ccf.bufToJsonCompatible(value);
      if (member.status === "Active" && member.told !== proposalId) member.told = proposalId;
    });
  } }],`;
  const actions = Array.from({ length: 60 }, (_, at) => action(at)).join('\n');
  return `const actions = new Map([${actions}]);
    export function validate(input) { return { valid: actions.has(JSON.parse(input).name) } }
    export function resolve(proposal, proposerId, votes, proposalId) {
      return votes.filter((vote) => vote.vote).length * 2 > votes.length ? "Accepted" : "Open";
    }
    export function apply(proposal, proposalId) {}`;
}

function callOf(entry: string, source: string, args: readonly ScriptValue[]): ScriptCall {
  return {
    source,
    entry,
    args,
    isVoted: false,
    party: 'member',
    limits: { heapBytesMax: 100 << 20, stackBytesMax: 1 << 20, executionMsMax: 5000 },
    access: { context: 'governance-read', map: () => map, functions: new Map() },
  };
}

const votes = Array.from({ length: 9 }, (_, at) => ({ member_id: `${at}`, vote: at % 2 === 0 }));
const source = constitution();
const calls = {
  nothing: { call: callOf('run', 'export function run() {}', []), value: undefined },
  ballot: {
    call: callOf('vote', 'export function vote(rawProposal, proposerId) { return true }', [
      '{}',
      'a',
    ]),
    value: true,
  },
  constitution: { call: callOf('resolve', source, ['{}', 'a', votes, 'b']), value: 'Accepted' },
  members: {
    call: callOf(
      'run',
      `export function run() { let active = 0; ccf.kv['${table}'].forEach((value) => {
        if (ccf.bufToJsonCompatible(value).status === 'Active') active++ }); return active }`,
      [],
    ),
    value: memberCount,
  },
};

type Name = keyof typeof calls;
const names = Object.keys(calls) as Name[];

async function medianMs(runner: ScriptRunner, name: Name): Promise<number> {
  const { call, value } = calls[name];
  const times: number[] = [];
  for (let round = 0; round < rounds[name]; round++) {
    const begin = performance.now();
    const outcome = await runner.run(call);
    times.push(performance.now() - begin);
    assert(outcome.kind === 'returned' && outcome.value === value, 'the script returns its value');
  }
  times.sort((one, other) => one - other);
  return present(times[Math.floor(times.length / 2)], 'a time');
}

const pool = new ScriptPool({ clock: systemClock });
const engine = new ScriptEngine(await readFile(engineUrl));
const inProcess = new InProcessScriptRunner({ engine, clock: systemClock, random: systemRandom });
const start = performance.now();
await pool.run(calls.nothing.call);
const results = [{ name: 'start of a process', ms: performance.now() - start, inProcessMs: 0 }];
for (const name of names) {
  const ms = await medianMs(pool, name);
  results.push({ name, ms, inProcessMs: await medianMs(inProcess, name) });
}
pool.close();

if (isJson) console.log(JSON.stringify({ sourceBytes: source.length, results, budgetsMs }));
else {
  console.log(`constitution of ${source.length} bytes; medians`);
  for (const { name, ms, inProcessMs } of results) {
    const beside = inProcessMs === 0 ? '' : `, in process ${inProcessMs.toFixed(2)} ms`;
    console.log(`${name.padEnd(20)} ${ms.toFixed(2)} ms${beside}`);
  }
}
for (const name of names) {
  const ms = results.find((result) => result.name === name)?.ms ?? Number.POSITIVE_INFINITY;
  if (ms <= budgetsMs[name]) continue;
  console.error(`${name}: ${ms.toFixed(2)} ms is over the budget of ${budgetsMs[name]} ms`);
  process.exitCode = 1;
}
