/**
 * Decisions run again by the constitution that ships with Coco, over ledgers whose service recorded
 * something else than it decides.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { diskFault, type JsonValue, ManualClock, SeededRandom, utf8Encode } from '@coco/base';
import { createConstitution, initialRules } from '@coco/constitution';
import {
  memberInfos,
  nativeFunctions,
  type ProposalInfoRow,
  serviceConfig,
} from '@coco/governance';
import { engineUrl, InProcessScriptRunner, ScriptEngine } from '@coco/isolate';
import type { Transaction } from '@coco/kv';
import { auditService, type RunnerAt, type ServiceAudit } from '../src/index.ts';
import { replayedFunctions } from '../src/replay-functions.ts';
import { Consortium, folder } from './sample-consortium.ts';
import { createMember, type Member } from './sample-identity.ts';

const members = await Promise.all(['Alpha', 'Beta', 'Gamma'].map(createMember));
const [alpha, beta, gamma] = members as [Member, Member, Member];
const engine = new ScriptEngine(readFileSync(engineUrl));
const scripts: RunnerAt = (nowMs) =>
  new InProcessScriptRunner({ engine, clock: new ManualClock(nowMs), random: new SeededRandom(1) });

function start(): Promise<Consortium> {
  return Consortium.open(members, {
    constitution: createConstitution(),
    also: (rows) =>
      rows
        .map('public:coco.gov.rules')
        .set(new Uint8Array(8), utf8Encode(JSON.stringify(initialRules))),
  });
}

async function auditOf(consortium: Consortium): Promise<ServiceAudit> {
  return auditService({ disk: consortium.disk, folder, scripts });
}

const dataOf = (data: JsonValue) => [
  { name: 'set_member_data', args: { member_id: gamma.id, member_data: data } },
];

/** What the action writes, as the constitution has it. */
const setData = (data: JsonValue) => (rows: Transaction) => {
  const info = memberInfos.get(rows, gamma.id);
  if (info) memberInfos.put(rows, gamma.id, { ...info, member_data: data });
};

/** A proposal for which two of three vote; `change` is what the service records of the last vote. */
async function carried(
  service: Consortium,
  change: {
    readonly apply?: (rows: Transaction) => void;
    readonly info?: Partial<ProposalInfoRow>;
    readonly against?: boolean;
  } = {},
): Promise<string> {
  const data = { name: 'Gamma Ltd' };
  const id = await service.propose(alpha, dataOf(data));
  await service.vote(alpha, id);
  const ballot = `export function vote() { return ${change.against !== true}; }`;
  const request = service.signed(beta, { type: 'ballot', proposalId: id, json: { ballot } });
  const { apply = setData(data), info } = change;
  await service.vote(beta, id, {
    request,
    script: ballot,
    decides: 'Accepted',
    apply,
    ...(info ? { info } : {}),
  });
  return id;
}

suite('decisions run again', () => {
  test('an honest one comes out again, with what it wrote', async () => {
    const service = await start();
    const id = await carried(service);
    const audit = await auditOf(service);
    assert.deepEqual(audit.findings, []);
    assert.equal(audit.proposals.find((life) => life.id === id)?.isReproduced, true);
    assert.ok(audit.claims.some(({ sentence }) => sentence.startsWith('Every decision')));
    assert.equal(audit.replayedCount, 2);
  });

  test('an accepted proposal without a majority is found', async () => {
    const service = await start();
    const id = await service.propose(alpha, dataOf({ name: 'x' }));
    await service.vote(alpha, id, { decides: 'Accepted', apply: setData({ name: 'x' }) });
    const audit = await auditOf(service);
    assert.match(audit.findings[0]?.sentence ?? '', /the constitution says Open/);
    assert.equal(audit.findings[0]?.code, 'DecisionNotReproduced');
  });

  test('a ballot that was counted as another is found', async () => {
    const service = await start();
    await carried(service, { against: true });
    const audit = await auditOf(service);
    assert.match(audit.findings[0]?.sentence ?? '', /do not give the votes that were counted/);
  });

  test('a majority that did not count is found', async () => {
    const service = await start();
    const id = await service.propose(alpha, dataOf({ name: 'x' }));
    await service.vote(alpha, id);
    await service.vote(beta, id);
    const audit = await auditOf(service);
    assert.match(audit.findings[0]?.sentence ?? '', /the constitution says Accepted/);
  });

  test('what an accepted proposal wrote beside its actions is found', async () => {
    const service = await start();
    await carried(service, {
      apply: (rows) => {
        setData({ name: 'Gamma Ltd' })(rows);
        serviceConfig.put(rows, { recovery_threshold: 3 });
      },
    });
    const audit = await auditOf(service);
    assert.match(audit.findings[0]?.sentence ?? '', /what stands in .*service\.config/);
    const plain = await auditService({ disk: service.disk, folder });
    assert.ok(plain.isSound, 'without a replay nobody knows what actions write');
    assert.ok(plain.gaps.some(({ sentence }) => sentence.includes('a replay shows that')));
  });

  test('what an accepted proposal should have written and did not is found', async () => {
    const service = await start();
    await carried(service, { apply: () => undefined });
    const audit = await auditOf(service);
    assert.match(audit.findings[0]?.sentence ?? '', /what stands in .*members\.info/);
  });

  test('a proposal that the constitution finds invalid is found', async () => {
    const service = await start();
    await service.propose(alpha, [{ name: 'no_such_action', args: {} }]);
    const audit = await auditOf(service);
    assert.match(audit.findings[0]?.sentence ?? '', /finds it invalid/);
  });

  test('a ballot that fails counts as recorded, whatever its reason', async () => {
    const service = await start();
    const id = await service.propose(alpha, dataOf({ name: 'x' }));
    const ballot = 'export function vote() { throw new Error("no"); }';
    const request = service.signed(gamma, { type: 'ballot', proposalId: id, json: { ballot } });
    await service.vote(gamma, id, { request, script: ballot });
    await service.vote(alpha, id);
    await service.vote(beta, id, {
      decides: 'Accepted',
      apply: setData({ name: 'x' }),
      info: {
        final_votes: { [alpha.id]: true, [beta.id]: true },
        vote_failures: { [gamma.id]: { reason: 'said otherwise' } },
      },
    });
    const audit = await auditOf(service);
    assert.deepEqual(audit.findings, []);
    assert.equal(audit.proposals.at(-1)?.failures[0]?.member.name, 'Gamma');
  });

  test('every function of the framework has its stand-in', () => {
    assert.ok(nativeFunctions.size >= 10);
    for (const path of nativeFunctions.keys()) {
      assert.ok(replayedFunctions.includes(path), `${path} stands in replay-functions.ts`);
    }
  });

  test('an isolate that fails is a gap and no finding', async () => {
    const service = await start();
    await carried(service);
    const broken: RunnerAt = () => ({
      run: () => Promise.reject(diskFault('DiskFault', 'The isolate broke.', {})),
    });
    const audit = await auditService({ disk: service.disk, folder, scripts: broken });
    assert.deepEqual(audit.findings, []);
    assert.ok(audit.gaps.some(({ sentence }) => sentence.includes('was not run again')));
  });
});
