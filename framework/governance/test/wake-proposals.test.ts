import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, refuse, utf8Encode } from '@coco/base';
import { decidedProposals, ledgerClock, proposalTimes, wakeups } from '../src/coco-tables.ts';
import { advanceLedgerTime, ledgerTime } from '../src/ledger-time.ts';
import { resolveDue } from '../src/resolve-due.ts';
import { proposalInfos, userCertificates } from '../src/tables.ts';
import { ProposalWaker } from '../src/wake-proposals.ts';
import { firstWakeup, setWakeup } from '../src/wakeups.ts';
import { createMember, TestService } from './service-fixture.ts';
import { testConstitution, yes } from './test-constitution.ts';

const members = [await createMember(), await createMember(), await createMember()] as const;
const [first, second] = members;
const user = await createMember('NonParticipant');
const setUser = { name: 'set_user', args: { id: user.id, cert: user.certificatePem } };
const hourMs = 3_600_000;

/** One yes suffices after an hour; nobody's vote is needed after two, to reject. */
const patient = `${testConstitution.replace('export function resolve', 'function majority')}
const now = () => ccf.bufToJsonCompatible(ccf.kv["public:coco.gov.clock"].get(one));
const submitted = (id) =>
  ccf.bufToJsonCompatible(ccf.kv["public:coco.gov.proposal_times"].get(ccf.strToBuf(id))).submitted_at_ms;
export function resolve(proposal, proposerId, votes, id) {
  const age = now() - submitted(id);
  if (age >= 2 * ${hourMs}) return "Rejected";
  if (age >= ${hourMs} && votes.some(({ vote }) => vote)) return "Accepted";
  return majority(proposal, proposerId, votes);
}
export function nextResolution(proposal, proposerId, votes, id) {
  const first = submitted(id) + ${hourMs};
  return now() < first ? first : first + ${hourMs};
}`;

interface Watched {
  readonly service: TestService;
  readonly waker: ProposalWaker;
  isPrimary: boolean;
  /** Commits what was executed and tells the waker. */
  commit(): void;
  /** Lets time pass and everything that it starts come to its end. */
  pass(ms: number): Promise<void>;
  readonly log: string[];
}

async function watch(text: string = patient): Promise<Watched> {
  const service = await TestService.start(members, { constitution: text });
  service.sign();
  for (const one of members) await service.acknowledge(one);
  const running: Promise<unknown>[] = [];
  const log: string[] = [];
  let committed = service.store.seqno;
  const watched: Watched = {
    service,
    isPrimary: true,
    log,
    waker: new ProposalWaker({
      clock: service.clock,
      log: { write: (_level, event, fields) => log.push(`${event} ${fields?.code}`) },
      isPrimary: () => watched.isPrimary,
      committed: () => service.store.readAt(committed),
      resolveDue: () => {
        const run = service.runOptimistic((transaction) => resolveDue(transaction, service.ports));
        running.push(run.catch(() => undefined));
        return run;
      },
    }),
    commit: () => {
      service.store.seal();
      committed = service.store.seqno;
      watched.waker.update();
    },
    pass: async (ms) => {
      service.clock.advance(ms);
      for (let run = running.shift(); run; run = running.shift()) await run;
      await Promise.resolve();
      watched.commit();
    },
  };
  return watched;
}

const stateOf = (service: TestService, id: string) =>
  proposalInfos.get(service.store.begin(), id)?.state;

suite('wake-ups', () => {
  test('a proposal is resolved when its time has come, and asked again until it is decided', async () => {
    const watched = await watch();
    const { service } = watched;
    const id = String((await service.propose(first, setUser)).field('proposalId'));
    const startMs = service.clock.nowMs();
    const state = service.store.begin();
    assert.equal(proposalTimes.get(state, id)?.wake_at_ms, startMs + hourMs);
    assert.equal(firstWakeup(state)?.proposalId, id);
    watched.commit();
    await watched.pass(hourMs - 1);
    assert.equal(firstWakeup(service.store.begin())?.atMs, startMs + hourMs);
    await watched.pass(1);
    assert.equal(stateOf(service, id), 'Open');
    assert.equal(firstWakeup(service.store.begin())?.atMs, startMs + 2 * hourMs);
    assert.equal(ledgerClock.get(service.store.begin()), startMs + hourMs);
    await watched.pass(hourMs);
    assert.equal(stateOf(service, id), 'Rejected');
    assert.equal(firstWakeup(service.store.begin()), undefined);
    assert.equal(userCertificates.has(service.store.begin(), user.id), false);
  });

  test('a ballot that stood is counted when the time lock ends', async () => {
    const watched = await watch();
    const { service } = watched;
    const id = String((await service.propose(first, setUser)).field('proposalId'));
    assert.equal((await service.vote(second, id, yes)).field('proposalState'), 'Open');
    watched.commit();
    await watched.pass(hourMs);
    assert.equal(stateOf(service, id), 'Accepted');
    assert.equal(userCertificates.has(service.store.begin(), user.id), true);
    assert.deepEqual(proposalInfos.get(service.store.begin(), id)?.final_votes, {
      [second.id]: true,
    });
  });

  test('a decision and a withdrawal take the wake-up away', async () => {
    const { service } = await watch();
    const withdrawn = String((await service.propose(first)).field('proposalId'));
    await service.withdraw(first, withdrawn);
    assert.equal(firstWakeup(service.store.begin()), undefined);
    const dropped = String((await service.propose(first)).field('proposalId'));
    assert.equal(firstWakeup(service.store.begin())?.proposalId, dropped);
    const changed = { name: 'set_constitution', args: { constitution: testConstitution } };
    await service.decide([first, second], changed);
    assert.equal(stateOf(service, dropped), 'Dropped');
    assert.equal(firstWakeup(service.store.begin()), undefined);
  });

  test('only the primary wakes, and a new primary takes over from committed state', async () => {
    const watched = await watch();
    const { service } = watched;
    const id = String((await service.propose(first)).field('proposalId'));
    watched.isPrimary = false;
    watched.commit();
    await watched.pass(3 * hourMs);
    assert.equal(stateOf(service, id), 'Open');
    watched.isPrimary = true;
    watched.commit();
    await watched.pass(0);
    assert.equal(stateOf(service, id), 'Rejected');
  });

  test('what was not committed wakes nobody after a rollback', async () => {
    const watched = await watch();
    const { service } = watched;
    const committed = service.store.seqno;
    const id = String((await service.propose(first)).field('proposalId'));
    watched.commit();
    service.rollback(committed);
    watched.commit();
    await watched.pass(3 * hourMs);
    assert.equal(stateOf(service, id), undefined);
    assert.deepEqual(watched.log, []);
    assert.equal(service.store.seqno, committed);
  });

  test('a proposal that fails on waking is recorded as Failed, without its writes', async () => {
    const failing = patient.replace('return "Rejected"', 'return "Accepted"');
    const watched = await watch(failing);
    const { service } = watched;
    const bad = { name: 'throw_error', args: { message: 'too late' } };
    const id = String((await service.propose(first, setUser, bad)).field('proposalId'));
    watched.commit();
    await watched.pass(hourMs);
    await watched.pass(hourMs);
    const info = proposalInfos.get(service.store.begin(), id);
    assert.equal(info?.state, 'Failed');
    assert.match(JSON.stringify(info?.failure), /Failed to apply\(\): Error: too late/);
    assert.equal(userCertificates.has(service.store.begin(), user.id), false);
    assert.equal(firstWakeup(service.store.begin()), undefined);
    const shown = service.get(`/members/proposals/${id}`);
    assert.equal(shown.field('proposalState'), 'Failed');
    assert.match(String(shown.field('failure.reason')), /too late/);
  });

  test('many that are due at once are resolved one after another', async () => {
    const watched = await watch();
    const { service } = watched;
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) {
      ids.push(String((await service.propose(first)).field('proposalId')));
    }
    watched.isPrimary = false;
    watched.commit();
    await watched.pass(4 * hourMs);
    watched.isPrimary = true;
    watched.commit();
    for (let count = 0; count < 4; count++) await watched.pass(2000);
    // Decided ones give way to the next.
    assert.deepEqual(
      ids.map((id) => stateOf(service, id)),
      [undefined, undefined, undefined, 'Rejected'],
    );
    assert.equal(firstWakeup(service.store.begin()), undefined);
  });

  test('where scripts cannot run it is tried again', async () => {
    const watched = await watch();
    const { service } = watched;
    const id = String((await service.propose(first)).field('proposalId'));
    watched.commit();
    let fails = true;
    const { scripts } = service.ports;
    Object.assign(service.ports, {
      scripts: {
        run: (call: Parameters<typeof scripts.run>[0]) =>
          fails ? Promise.reject(refuse('InvalidInput', 'no isolate')) : scripts.run(call),
      },
    });
    await watched.pass(2 * hourMs);
    assert.equal(stateOf(service, id), 'Open');
    assert.deepEqual(watched.log, ['governance.wakeup.failed InvalidInput']);
    fails = false;
    await watched.pass(2000);
    assert.equal(stateOf(service, id), 'Rejected');
    watched.waker.stop();
  });

  test('rows that an action left in the table are removed, and wake nothing', async () => {
    const watched = await watch();
    const { service } = watched;
    service.write((transaction) => {
      transaction.map(wakeups.name).set(utf8Encode('nonsense'), new Uint8Array(0));
      transaction.map(wakeups.name).set(utf8Encode(`${'0'.repeat(13)}:x`), new Uint8Array(0));
    });
    watched.commit();
    await watched.pass(0);
    await watched.pass(0);
    assert.deepEqual(wakeups.keys(service.store.begin()), []);
    const before = service.store.seqno;
    await service.runOptimistic((transaction) => resolveDue(transaction, service.ports));
    assert.equal(service.store.seqno, before);
  });

  test('a time that is not later is no wake-up, and one beyond the year 2286 is refused', async () => {
    const asked = (value: string): string =>
      `${testConstitution} export function nextResolution() { return ${value}; }`;
    for (const value of ['0', '-5', 'undefined']) {
      const { service } = await watch(asked(value));
      assert.equal((await service.propose(first)).status, 200);
      assert.equal(firstWakeup(service.store.begin()), undefined);
    }
    for (const value of ['NaN', '1e14', 'null', 'true', '{}']) {
      const { service } = await watch(asked(value));
      assert.equal((await service.propose(first)).status, 500, value);
    }
  });
});

test('a recovery makes the index of decided proposals that its ledger lacks', async () => {
  const before = await TestService.start(members);
  before.sign();
  for (const one of members) await before.acknowledge(one);
  await before.open(members);
  const open = String((await before.propose(first)).field('proposalId'));
  const withdrawn = String((await before.propose(first)).field('proposalId'));
  await before.withdraw(first, withdrawn);
  before.write((transaction) => decidedProposals.delete(transaction, withdrawn));
  const service = await before.recovered();
  const state = service.store.begin();
  assert.deepEqual(decidedProposals.keys(state), [withdrawn]);
  assert.equal((await service.withdraw(first, open)).field('proposalState'), 'Withdrawn');
  assert.deepEqual(proposalInfos.keys(service.store.begin()), [open]);
});

suite('the ledger’s time', () => {
  test('goes on with the primary’s clock and never back', async () => {
    const { service } = await watch();
    const start = service.clock.nowMs();
    service.write((transaction) => {
      assert.equal(advanceLedgerTime(transaction, start + 0.7), start);
      assert.equal(advanceLedgerTime(transaction, start + 50), start + 50);
      assert.equal(advanceLedgerTime(transaction, start - 1000), start + 50);
    });
    const state = service.store.begin();
    assert.equal(ledgerTime(state, 0), start + 50);
    assert.equal(ledgerTime(state, start + 60), start + 60);
    await service.propose(first);
    assert.equal(ledgerClock.get(service.store.begin()), start + 1000);
  });

  test('a wake-up is moved, not added', async () => {
    const { service } = await watch(testConstitution);
    const id = String((await service.propose(first)).field('proposalId'));
    service.write((transaction) => {
      setWakeup(transaction, id, 5);
      setWakeup(transaction, id, 7);
      setWakeup(transaction, 'ab'.repeat(32), 9);
    });
    assert.deepEqual(wakeups.keys(service.store.begin()), [`0000000000007:${id}`]);
    service.rollback(asSeqno(service.store.seqno - 1));
    assert.deepEqual(wakeups.keys(service.store.begin()), []);
  });
});
