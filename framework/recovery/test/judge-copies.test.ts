import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk } from '@coco/base';
import { createIdentity } from '../../ledger/test/sample-writer.ts';
import { judgeCopies, surveyCopy } from '../src/index.ts';
import { beginLate, createNode, folder, survey, type TestNode, Writer } from './copies-writer.ts';

const identity = await createIdentity();
const [first, second, third] = [createNode(), createNode(), createNode()];
const three: readonly TestNode[] = [first, second, third];

test('the highest last signature of a majority is chosen, and who is behind is told', async () => {
  const writer = await Writer.create(identity, three);
  await writer.write(2);
  const behind = await survey(await writer.copy(second), 'second');
  await writer.write(1);
  const whole = await survey(await writer.copy(first), 'first');
  const judged = judgeCopies([behind, whole]);
  assert.equal(judged.best.name, 'first');
  assert.ok(judged.isEnough);
  assert.equal(judged.missingCount, 0);
  assert.deepEqual(judged.seenIds, [first.id, second.id].sort());
  const [one, other] = judged.copies.map(({ standing }) => standing);
  assert.deepEqual(one, { kind: 'behind', lackingCount: 4 });
  assert.deepEqual(other, { kind: 'equal' });
});

test('one of three is too few, also where its folder is given three times', async () => {
  const writer = await Writer.create(identity, three);
  const names = ['a', 'b', 'c'];
  const copies = await Promise.all(
    names.map(async (name) => survey(await writer.copy(third), name)),
  );
  const judged = judgeCopies(copies);
  assert.ok(!judged.isEnough);
  assert.equal(judged.missingCount, 1);
  assert.deepEqual(judged.seenIds, [third.id]);
});

test('two of four are enough, because three of four commit', async () => {
  const fourth = createNode();
  const writer = await Writer.create(identity, [...three, fourth]);
  const copies = [
    await survey(await writer.copy(first), 'a'),
    await survey(await writer.copy(second), 'b'),
  ];
  assert.ok(judgeCopies(copies).isEnough);
  assert.ok(!judgeCopies(copies.slice(1)).isEnough);
});

test('an unmarked folder stands for the only node, and for none of several', async () => {
  const alone = await survey(await (await Writer.create(identity, [first])).copy(), 'alone');
  assert.ok(!judgeCopies([alone]).isEnough, 'its node would have marked it');
  assert.ok(judgeCopies([{ ...alone, isBeforeMarks: true }]).isEnough);
  const several = await Writer.create(identity, three);
  const unmarked = await survey(await several.copy(), 'unmarked');
  assert.deepEqual(judgeCopies([unmarked]).seenIds, []);
});

test('the view counts before the seqno: what a later primary replaced never committed', async () => {
  const writer = await Writer.create(identity, three, 1e6);
  const common = (await survey(await writer.copy(), 'common')).lastSigned.seqno;
  const later = await writer.elsewhere(4);
  await writer.write(5);
  const left = await survey(await writer.copy(first), 'left');
  const elected = await survey(await later.copy(second), 'elected');
  assert.ok(left.lastSigned.seqno > elected.lastSigned.seqno);
  const judged = judgeCopies([left, elected]);
  assert.equal(judged.best.name, 'elected');
  assert.ok(judged.isEnough);
  const [{ standing }] = judged.copies as [(typeof judged.copies)[0]];
  const expected = { kind: 'replaced', from: common + 1, view: 2, lackingCount: 1 };
  assert.deepEqual(standing, expected);
});

test('two primaries of one view are a fork, named with its first seqno', async () => {
  const writer = await Writer.create(identity, three);
  const common = (await survey(await writer.copy(), 'common')).lastSigned.seqno;
  const [one, other] = [await writer.elsewhere(5), await writer.elsewhere(5)];
  await one.write(1);
  await other.write(2);
  const copies = [await survey(one.disk, 'one'), await survey(other.disk, 'other')];
  assert.throws(() => judgeCopies(copies), {
    code: 'LedgersFork',
    metadata: { one: 'one', other: 'other', seqno: common + 1 },
  });
});

test('a lower copy whose replaced files are named as committed is a fork', async () => {
  const writer = await Writer.create(identity, three);
  const later = await writer.elsewhere(4);
  await writer.write(12);
  const left = await survey(writer.disk, 'left');
  const elected = await survey(later.disk, 'elected');
  assert.ok(left.namedCommitted > elected.lastSigned.seqno);
  assert.throws(() => judgeCopies([left, elected]), {
    code: 'LedgersFork',
    message: /named as committed/,
  });
});

test('a service recovered without what another copy holds is a fork', async () => {
  const writer = await Writer.create(identity, three);
  const recovered = await survey((await writer.recovered()).disk, 'recovered');
  const before = await survey(await writer.copy(first), 'before');
  assert.equal(judgeCopies([before, recovered]).best.name, 'recovered');
  await writer.write(1);
  const more = await survey(await writer.copy(first), 'more');
  assert.throws(() => judgeCopies([more, recovered]), {
    code: 'LedgersFork',
    message: /recovered without/,
  });
});

test('copies of different services are told apart, and no copy is nothing to recover', async () => {
  const [one, other] = [
    await Writer.create(identity, three),
    await Writer.create(await createIdentity(), three),
  ];
  const copies = [await survey(one.disk, 'one'), await survey(other.disk, 'other')];
  assert.throws(() => judgeCopies(copies), { code: 'LedgersUnrelated' });
  assert.throws(() => judgeCopies([]), { code: 'NothingToRecover' });
});

test('a damaged copy and an empty folder are unusable, with a reason', async () => {
  const writer = await Writer.create(identity, three);
  const disk = await writer.copy(first);
  const [name = ''] = (await disk.list(folder)).filter((one) => one.startsWith('ledger_1'));
  const file = await disk.open(`${folder}/${name}`, { create: false });
  await file.write(200, Uint8Array.of(1, 2, 3));
  const damaged = await surveyCopy({ disk, folder, name: 'damaged' });
  assert.ok(damaged.kind === 'unusable' && damaged.reason.includes(name));
  const empty = await surveyCopy({ disk: new MemoryDisk(), folder, name: 'empty' });
  assert.ok(empty.kind === 'unusable' && /no signed ledger/.test(empty.reason));
});

test('a node that was trusted or retired last counts against, until the ledger says it is done', async () => {
  const fourth = createNode();
  const writer = await Writer.create(identity, three);
  await writer.change([
    { node: fourth, row: {} },
    { node: third, row: { status: 'Retired' } },
  ]);
  const one = await survey(await writer.copy(first), 'first');
  const other = await survey(await writer.copy(fourth), 'fourth');
  const uncertain = judgeCopies([one, other]);
  // The third may still vote, the fourth may not yet: the second and the third may have committed.
  assert.ok(!uncertain.isEnough);
  assert.deepEqual(
    uncertain.nodes.filter(({ isCertain }) => isCertain).map(({ nodeId }) => nodeId),
    [first.id, second.id].sort(),
  );
  await writer.change([{ node: fourth, isVoter: true }]);
  await writer.change([{ node: third, row: { status: 'Retired', retired_committed: true } }]);
  const done = judgeCopies([
    await survey(await writer.copy(first), 'first'),
    await survey(await writer.copy(fourth), 'fourth'),
  ]);
  assert.ok(done.isEnough);
  assert.equal(done.nodes.length, 3);
});

test('progress counts entries and bytes up to the whole ledger', async () => {
  const writer = await Writer.create(identity, three);
  await writer.write(3);
  const seen: number[] = [];
  let last = { entryCount: 0, bytesRead: 0, bytesTotal: 0 };
  await surveyCopy({
    disk: writer.disk,
    folder,
    name: 'ledger',
    onProgress: (progress) => {
      seen.push(progress.entryCount);
      last = progress;
    },
  });
  assert.deepEqual(
    seen,
    seen.toSorted((one, other) => one - other),
  );
  assert.equal(last.entryCount, writer.service.sequencer.nextSeqno - 1);
  assert.ok(last.bytesRead > 0 && last.bytesRead <= last.bytesTotal);
});

test('a renewed certificate makes no other service: who goes on under it is no fork', async () => {
  const writer = await Writer.create(identity, three, 1e6);
  const before = await survey(await writer.copy(first), 'before');
  await writer.renewCertificate();
  const after = await survey(await writer.copy(second), 'after');
  assert.deepEqual(after.identities, before.identities);
});

test('a copy that begins behind a snapshot is judged like one that is whole', async () => {
  const writer = await Writer.create(identity, three);
  await writer.write(2);
  const early = await survey(await writer.copy(third), 'early');
  await writer.snapshot();
  await writer.write(2);
  const behind = await survey(await writer.copy(second), 'behind');
  await writer.write(2);
  const late = await survey(await beginLate(writer, first), 'late');
  assert.ok(late.beginsAfter > early.lastSigned.seqno);
  const whole = await survey(await writer.copy(second), 'whole');
  assert.deepEqual(late.lastSigned, whole.lastSigned);
  assert.deepEqual(late.root, whole.root);
  assert.deepEqual(late.nodes, whole.nodes);
  assert.deepEqual(
    judgeCopies([whole, late]).copies.map(({ standing }) => standing.kind),
    ['equal', 'equal'],
  );
  const judged = judgeCopies([behind, late, early]);
  assert.equal(judged.best.name, 'late');
  assert.ok(judged.isEnough);
  assert.deepEqual(judged.seenIds.length, 3);
  const lacking = (copy: { readonly lastSigned: { readonly seqno: number } }): number =>
    late.lastSigned.seqno - copy.lastSigned.seqno;
  assert.deepEqual(judged.copies[0]?.standing, { kind: 'behind', lackingCount: lacking(behind) });
  // It ends before the snapshot: the views of the snapshot show that it is of the same service.
  assert.deepEqual(judged.copies[2]?.standing, { kind: 'behind', lackingCount: lacking(early) });
});

test('what an earlier view wrote before a snapshot is replaced, also where it is not there', async () => {
  const writer = await Writer.create(identity, three, 1e6);
  const common = (await survey(await writer.copy(), 'common')).lastSigned.seqno;
  const later = await writer.elsewhere(4);
  await writer.write(2);
  const left = await survey(await writer.copy(second), 'left');
  await later.write(4);
  await later.snapshot();
  await later.write(1);
  const late = await survey(await beginLate(later, first), 'late');
  const judged = judgeCopies([left, late]);
  assert.equal(judged.best.name, 'late');
  const { standing } = judged.copies[0] as (typeof judged.copies)[0];
  assert.ok(standing.kind === 'replaced');
  assert.deepEqual([standing.from, standing.view], [common + 1, 2]);
});

test('a fork behind a snapshot is one, and another service before it is unrelated', async () => {
  const writer = await Writer.create(identity, three);
  await writer.snapshot();
  await writer.write(1);
  const [one, other] = [await writer.elsewhere(5), await writer.elsewhere(5)];
  await one.write(1);
  await other.write(2);
  for (const fork of [one, other]) {
    await fork.disk.makeFolder('snapshots');
    for (const name of await writer.disk.list('snapshots')) {
      const bytes = await writer.disk.readFile(`snapshots/${name}`, 1e6);
      const file = await fork.disk.open(`snapshots/${name}`, { create: true });
      await file.write(0, bytes);
      await file.close();
    }
  }
  const forks = [
    await survey(await beginLate(one, first), 'one'),
    await survey(await beginLate(other, second), 'other'),
  ];
  assert.throws(() => judgeCopies(forks), { code: 'LedgersFork' });
  const foreign = await Writer.create(await createIdentity(), three);
  const stranger = await survey(await foreign.copy(third), 'stranger');
  assert.throws(() => judgeCopies([stranger, forks[0] as (typeof forks)[0]]), {
    code: 'LedgersUnrelated',
    message: /begin behind seqno/,
  });
});

test('without its snapshot a folder that begins late is unusable, and says what is missing', async () => {
  const writer = await Writer.create(identity, three);
  await writer.snapshot();
  await writer.write(1);
  const disk = await beginLate(writer, first);
  const found = await surveyCopy({ disk, folder, name: 'late' });
  assert.ok(found.kind === 'unusable' && /The files before ledger_\d+/.test(found.reason));
});

test('a service recovered from a snapshot is told from what it was recovered without', async () => {
  const writer = await Writer.create(identity, three);
  await writer.write(1);
  const before = await survey(await writer.copy(first), 'before');
  const recovered = await writer.recovered();
  await recovered.snapshot();
  await recovered.write(1);
  const late = await survey(await beginLate(recovered, second), 'late');
  assert.equal(late.identities.length, 1);
  // The older copy is of the service before: what is here of the newer one does not tell more.
  assert.throws(() => judgeCopies([before, late]), { code: 'LedgersUnrelated' });
  const whole = await survey(await recovered.copy(third), 'whole');
  assert.equal(judgeCopies([late, whole]).best.name, 'late');
});
