/**
 * What a request of governance takes as a consortium grows: with 10 and 10,000 members, with 10 and
 * 1,000 open proposals. The framework's own path is measured by a constitution that looks at no
 * table; what Coco's constitution adds, with rules that count heads, stands beside it.
 * Scripts run in this process: a node's pool adds its messages.
 * `node framework/governance/bench/governance.bench.ts [--json]`; ends with 1 over a budget.
 */
import { asSeqno, assert, present, toHex, utf8Encode } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { sha256 } from '@coco/crypto';
import { activeMembers, presence, proposalTimes, wakeups } from '../src/coco-tables.ts';
import { identityLookup } from '../src/members.ts';
import { memberCertificates, memberInfos, proposalInfos, proposals } from '../src/tables.ts';
import { createMember, TestService } from '../test/service-fixture.ts';
import { yes } from '../test/test-constitution.ts';

const few = 10;
const manyMembers = 10_000;
const manyProposals = 1000;
/** The bar: no linear slow-down. A thousand times as many rows are a level of the tree. */
const slowdownMax = 1.5;
const rounds = 25;
/**
 * Milliseconds of the processor for one request, making and verifying its signature
 * and running its scripts included.
 */
const budgetMs: Readonly<Record<string, number>> = {
  authentication: 5,
  create: 25,
  ballot: 25,
  read: 0.2,
};
const isJson = process.argv.includes('--json');

/** Decides by the votes alone, and looks at nothing. */
const flat = `
export function validate() { return { valid: true, description: "" }; }
export function resolve(proposal, proposerId, votes) {
  return votes.length > 1 ? "Accepted" : "Open";
}
export function apply() {}
`;

const [first, second] = [await createMember('NonParticipant'), await createMember()];
const body = utf8Encode('{"actions":[]}');

async function serviceWith(options: {
  readonly members: number;
  readonly proposals: number;
  readonly constitution: string;
}): Promise<TestService> {
  const service = await TestService.start([first, second], options);
  service.sign();
  for (const one of [first, second]) await service.acknowledge(one);
  const idOf = (text: string): string => toHex(sha256(utf8Encode(text)));
  // Several transactions: one of ten thousand certificates is larger than the store takes.
  for (let from = 0; from < Math.max(options.members, options.proposals); from += 1000) {
    service.write((transaction) => {
      for (let at = from; at < Math.min(options.members, from + 1000); at++) {
        const id = idOf(`member ${at}`);
        memberCertificates.put(transaction, id, first.certificatePem);
        memberInfos.put(transaction, id, { status: 'Active', member_data: { name: `m${at}` } });
        activeMembers.put(transaction, id, presence);
      }
      for (let at = from; at < Math.min(options.proposals, from + 1000); at++) {
        const id = idOf(`proposal ${at}`);
        const times = { submitted_at_ms: 1, wake_at_ms: 9_000_000_000_000 + at };
        proposals.put(transaction, id, body);
        proposalInfos.put(transaction, id, { proposer_id: first.id, state: 'Open', ballots: {} });
        proposalTimes.put(transaction, id, times);
        wakeups.put(transaction, `${times.wake_at_ms}:${id}`, presence);
      }
    });
  }
  return service;
}

type Act = (service: TestService) => Promise<void>;

/** What is measured, on a service with one proposal more. */
async function actsOf(service: TestService): Promise<ReadonlyMap<string, Act>> {
  const proposed = await service.propose(first);
  assert(proposed.status === 200, proposed.text);
  const id = String(proposed.field('proposalId'));
  const wrongType = { type: 'withdrawal', proposalId: id } as const;
  return new Map<string, Act>([
    [
      'authentication',
      async () => {
        // A withdrawal of nothing ends right after it.
        const gone = 'ab'.repeat(32);
        const path = `/members/proposals/${gone}:withdraw`;
        const answer = await service.post(first, path, { ...wrongType, proposalId: gone });
        assert(answer.status === 204, answer.text);
      },
    ],
    [
      'create',
      async () => {
        const answer = await service.propose(first);
        assert(answer.status === 200, answer.text);
      },
    ],
    [
      'ballot',
      async () => {
        const answer = await service.vote(second, id, yes);
        assert(answer.status === 200 && answer.field('ballotCount') === 1, answer.text);
      },
    ],
    [
      'read',
      async () => {
        const answer = service.get(`/members/proposals/${id}`);
        assert(answer.status === 200, answer.text);
        assert(identityLookup(service.store.begin()).isActiveMember(first.id), 'a member reads');
      },
    ],
  ]);
}

/** The median of the processor's time over the rounds, in milliseconds; each round leaves the state as it was. */
async function measure(service: TestService, act: Act): Promise<number> {
  const times: number[] = [];
  const before = service.store.seqno;
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage();
    await act(service);
    const { user, system } = process.cpuUsage(start);
    times.push((user + system) / 1000);
    service.rollback(asSeqno(before));
  }
  times.sort((left, right) => left - right);
  return present(times[Math.floor(rounds / 2)], 'there are rounds');
}

async function measureAll(service: TestService): Promise<ReadonlyMap<string, number>> {
  const acts = await actsOf(service);
  const figures = new Map<string, number>();
  for (const [name, act] of acts) {
    await measure(service, act);
    figures.set(name, await measure(service, act));
  }
  return figures;
}

const constitution = flat;
const small = await measureAll(await serviceWith({ members: few, proposals: few, constitution }));
const grown = {
  members: await measureAll(
    await serviceWith({ members: manyMembers, proposals: few, constitution }),
  ),
  proposals: await measureAll(
    await serviceWith({ members: few, proposals: manyProposals, constitution }),
  ),
};
const ours: Record<string, number> = {};
for (const members of [few, manyMembers]) {
  const options = { members, proposals: few, constitution: createConstitution() };
  const figures = await measureAll(await serviceWith(options));
  ours[`ballot, default constitution, ${members} members`] = figures.get('ballot') ?? 0;
}

let missed = 0;
const lines: string[] = [];
for (const [name, fewMs] of small) {
  const limitMs = present(budgetMs[name], 'each figure has a budget');
  const [membersMs = 0, proposalsMs = 0] = [grown.members.get(name), grown.proposals.get(name)];
  const worstMs = Math.max(membersMs, proposalsMs);
  if (worstMs > limitMs || worstMs > fewMs * slowdownMax + 0.1) missed++;
  const text = [
    `${fewMs.toFixed(2)} ms with ${few} of each`,
    `${membersMs.toFixed(2)} with ${manyMembers} members`,
    `${proposalsMs.toFixed(2)} with ${manyProposals} proposals`,
  ].join(', ');
  lines.push(`${name.padEnd(16)} ${text} (at most ${limitMs} ms and ${slowdownMax} times)`);
}
if (isJson) {
  const [members, open] = [grown.members, grown.proposals].map((map) => Object.fromEntries(map));
  console.log(JSON.stringify({ small: Object.fromEntries(small), members, proposals: open, ours }));
} else {
  for (const line of lines) console.log(line);
  for (const [name, ms] of Object.entries(ours)) console.log(`${name}: ${ms.toFixed(1)} ms`);
}
const [fewMs = 0, manyMs = 0] = Object.values(ours);
if (manyMs > fewMs * slowdownMax) missed++;
process.exitCode = missed === 0 ? 0 : 1;
