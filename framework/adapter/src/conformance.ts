/**
 * The conformance kit: what every adapter must keep, as checks that a test runner of any kind can
 * run. The adapter's room gives a subject; each check makes hosts and adapters of its own.
 */
import { equalBytes, LedgerError, toHex } from '@coco/base';
import { isPublicMap } from '@coco/kv';
import type { Adapter } from './adapter.ts';
import { adapterError } from './errors.ts';
import { type TestEntry, TestHost } from './test-host.ts';

/** An adapter under test. */
export interface ConformanceSubject {
  /** A new adapter of the same ledger: each is configured alike. */
  createAdapter(): Adapter;
  /** Executes the next writes of a load, one ledger entry or more; any further call adds more. */
  load(host: TestHost, step: number): Promise<void>;
  /** All that the ledger shows of its committed state, as a text to compare. */
  observe(host: TestHost): Promise<string>;
  /** Whether each entry of the load claims something. */
  readonly claimsEveryWrite: boolean;
}

export interface ConformanceCheck {
  /** A sentence of behaviour. */
  readonly name: string;
  /** Rejects with ConformanceFailed, or with what the adapter threw. */
  run(): Promise<void>;
}

/** Steps of a load, and how many of them make a batch. */
const stepCount = 6;
const stepsPerBatch = 2;
const seed = 20_260_101;
const otherSeed = 777;
const foreignMap = 'foreign.map';

/** The checks for one adapter. @example for (const { name, run } of checks) test(name, run); */
export function conformanceChecks(subject: ConformanceSubject): readonly ConformanceCheck[] {
  const check = (name: string, run: (subject: ConformanceSubject) => Promise<void>) => ({
    name,
    run: () => run(subject),
  });
  return [
    check('its maps bear its name, are private, and it writes no other', checkOwnMaps),
    check('a foreign map is refused, for writing and for reading', checkForeignMaps),
    check('the same calls give the same write sets and claims', checkSameWrites),
    check('every write claims where that is promised, and claims are salted', checkClaims),
    check('a batch without work leaves no entry', checkEmptyBatch),
    check('what is committed is announced without writing', checkCommitWritesNothing),
    check('a restart shows the committed state, and nothing that was not committed', checkRestart),
    check('after a rollback to any depth memory agrees with the store', checkRollback),
    check('a backup shows what the primary commits, and goes on from it in office', checkBackup),
    check('a loss of office in mid-load loses nothing that is committed', checkLossOfOffice),
  ];
}

function ensure(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw adapterError('ConformanceFailed', sentence);
}

/** A host on which the load has run and every batch is committed. */
async function loaded(subject: ConformanceSubject, hostSeed: number = seed): Promise<TestHost> {
  const host = TestHost.create(subject.createAdapter(), { seed: hostSeed });
  await runLoad(subject, host);
  host.settle();
  return host;
}

/** Runs the load in batches; the batches are closed but not committed. */
async function runLoad(subject: ConformanceSubject, host: TestHost): Promise<void> {
  for (let step = 0; step < stepCount; step++) {
    const before = host.entries.length;
    await subject.load(host, step);
    ensure(host.entries.length > before, 'Each step of a load executes at least one write.');
    if ((step + 1) % stepsPerBatch === 0) host.closeBatch();
  }
}

async function checkOwnMaps(subject: ConformanceSubject): Promise<void> {
  const { adapter, entries } = await loaded(subject);
  ensure(/^[a-z]+$/.test(adapter.name), 'The name is lower case.');
  ensure(adapter.maps.length > 0, 'An adapter declares its maps.');
  for (const map of adapter.maps) {
    ensure(map.startsWith(`${adapter.name}.`), `The map ${map} does not bear the name.`);
    ensure(!isPublicMap(map), `The map ${map} is public.`);
  }
  const own = new Set(adapter.maps);
  const written = entries.flatMap(({ writeSet }) => writeSet.maps.map(({ name }) => name));
  ensure(written.length > 0, 'The load writes.');
  for (const name of written) ensure(own.has(name), `The map ${name} is not declared.`);
}

async function checkForeignMaps(subject: ConformanceSubject): Promise<void> {
  const host = TestHost.create(subject.createAdapter(), { seed });
  const before = host.seqno;
  const codeOf = (touch: () => void): string => {
    try {
      touch();
    } catch (error) {
      return error instanceof LedgerError ? error.code : 'another error';
    }
    return 'none';
  };
  const write = (): void => {
    host.execute((transaction) => {
      transaction.map(foreignMap).set(Uint8Array.of(1), Uint8Array.of(1));
      return { result: undefined };
    });
  };
  ensure(codeOf(write) === 'ForeignMap', 'A write to a foreign map was not refused.');
  ensure(host.seqno === before, 'A refused write left an entry.');
  for (const view of [host.committed(), host.executed()]) {
    const code = codeOf(() => view.map(foreignMap).get(Uint8Array.of(1)));
    ensure(code === 'ForeignMapRead', 'A foreign map could be read.');
  }
}

async function checkSameWrites(subject: ConformanceSubject): Promise<void> {
  const [first, second] = [await loaded(subject), await loaded(subject)];
  ensure(
    entriesText(first.entries) === entriesText(second.entries),
    'Two runs with the same seed, clock and calls wrote different entries.',
  );
}

async function checkClaims(subject: ConformanceSubject): Promise<void> {
  const [first, second] = [await loaded(subject), await loaded(subject, otherSeed)];
  const claims = (host: TestHost): (Uint8Array | undefined)[] =>
    host.entries.filter(({ kind }) => kind === 'write').map(({ claimsDigest }) => claimsDigest);
  const others = claims(second);
  for (const [at, digest] of claims(first).entries()) {
    if (digest === undefined) {
      ensure(!subject.claimsEveryWrite, 'A write claims nothing.');
      continue;
    }
    ensure(digest.length === 32, 'A claim has 32 bytes.');
    const other = others[at];
    const isSalted = other === undefined || !equalBytes(digest, other);
    ensure(isSalted, 'The same write claims the same with another seed: it is not salted.');
  }
}

async function checkEmptyBatch(subject: ConformanceSubject): Promise<void> {
  const host = await loaded(subject);
  const before = host.entries.length;
  host.requestBatch();
  host.settle();
  ensure(host.entries.length === before, 'A batch that another adapter asked for left an entry.');
}

async function checkCommitWritesNothing(subject: ConformanceSubject): Promise<void> {
  const host = TestHost.create(subject.createAdapter(), { seed });
  await runLoad(subject, host);
  host.closeBatch();
  while (host.closedCount > 0) {
    const before = host.seqno;
    host.commitBatch();
    ensure(host.seqno === before, 'onCommitted wrote to the store.');
  }
}

async function checkRestart(subject: ConformanceSubject): Promise<void> {
  const host = await loaded(subject);
  const committed = await subject.observe(host);
  const entryCount = host.entries.length;
  await runLoad(subject, host);
  ensure(host.entries.length > entryCount, 'The load goes on.');
  ensure((await subject.observe(host)) === committed, 'What is not committed shows.');
  const restarted = host.restart(subject.createAdapter(), { seed: otherSeed });
  ensure((await subject.observe(restarted)) === committed, 'A restart shows another state.');
  await runLoad(subject, restarted);
  restarted.settle();
  ensure(
    (await subject.observe(restarted)) !== committed,
    'After a restart nothing can be written.',
  );
  await host.adapter.stop();
  await restarted.adapter.stop();
}

/** At each depth: go back, go on, and compare with an adapter that knows the store alone. */
async function checkRollback(subject: ConformanceSubject): Promise<void> {
  const model = TestHost.create(subject.createAdapter(), { seed });
  await runLoad(subject, model);
  await subject.load(model, stepCount);
  const depth = model.seqno - model.committedSeqno;
  ensure(depth > stepCount, 'The load leaves entries to roll back.');
  for (let back = 0; back <= depth; back++) {
    const host = TestHost.create(subject.createAdapter(), { seed });
    await runLoad(subject, host);
    await subject.load(host, stepCount);
    host.rollback((host.seqno - back) as typeof host.seqno);
    host.settle();
    await compareWithRestart(subject, host, back);
    await subject.load(host, stepCount + 1);
    host.settle();
    await compareWithRestart(subject, host, back);
    await host.adapter.stop();
  }
}

async function compareWithRestart(
  subject: ConformanceSubject,
  host: TestHost,
  back: number,
): Promise<void> {
  const restarted = host.restart(subject.createAdapter(), { seed: otherSeed });
  const [memory, store] = [await subject.observe(host), await subject.observe(restarted)];
  await restarted.adapter.stop();
  ensure(memory === store, `After a rollback by ${back} memory and store disagree.`);
}

async function checkLossOfOffice(subject: ConformanceSubject): Promise<void> {
  const host = await loaded(subject);
  const committed = await subject.observe(host);
  await runLoad(subject, host);
  host.loseOffice();
  ensure(
    (await subject.observe(host)) === committed,
    'A loss of office changed what is committed.',
  );
  host.gainOffice();
  host.settle();
  await runLoad(subject, host);
  host.settle();
  ensure((await subject.observe(host)) !== committed, 'Back in office nothing can be written.');
  await compareWithRestart(subject, host, 0);
  await host.adapter.stop();
}

/** Two nodes of one service: the second executes nothing before it takes office. */
async function checkBackup(subject: ConformanceSubject): Promise<void> {
  const primary = TestHost.create(subject.createAdapter(), { seed });
  const backup = TestHost.create(subject.createAdapter(), { seed: otherSeed });
  backup.loseOffice();
  for (let step = 0; step < stepCount; step++) {
    await subject.load(primary, step);
    primary.settle();
    backup.follow(primary);
    ensure(
      (await subject.observe(backup)) === (await subject.observe(primary)),
      'A backup shows another state than the primary.',
    );
  }
  backup.gainOffice();
  const taken = await subject.observe(backup);
  await runLoad(subject, backup);
  backup.settle();
  ensure((await subject.observe(backup)) !== taken, 'A backup in office cannot write.');
  await compareWithRestart(subject, backup, 0);
  await primary.adapter.stop();
  await backup.adapter.stop();
}

function entriesText(entries: readonly TestEntry[]): string {
  return entries
    .map(({ id, kind, writeSet, claimsDigest }) => {
      const rows = writeSet.maps.flatMap(({ name, rows }) =>
        rows.map(({ key, value }) => `${name} ${toHex(key)}=${value ? toHex(value) : 'removed'}`),
      );
      const claim = claimsDigest ? toHex(claimsDigest) : 'none';
      return [`${id.view}.${id.seqno} ${kind} ${claim}`, ...rows].join('\n');
    })
    .join('\n');
}
