import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asView } from '@coco/base';
import { handOver } from '../src/hand-over.ts';
import { commit, Member } from './office-harness.ts';

const view4 = asView(4);

function two(): [Member, Member] {
  return [new Member(), new Member()];
}

describe('the offices of a node', () => {
  test('a view begins with a signature alone, before any request', async () => {
    const [first, second] = two();
    first.lead(3);
    const id = first.write('a');
    assert.equal(id.seqno, 4, 'the signature took the first seqno');
    const batches = await first.take();
    assert.deepEqual(
      batches.map(({ kind, entryCount }) => `${kind} ${entryCount}`),
      ['opening 1', 'batch 2'],
    );
    commit(batches, { own: first, others: [second] });
    assert.equal(first.tracker.status(id), 'Committed');
    assert.equal(second.tracker.status(id), 'Committed');
  });

  test('a backup holds the state of the primary and tells its observers', async () => {
    const [first, second] = two();
    first.lead(3);
    for (const name of ['a', 'b']) {
      first.write(name, 'x');
      commit(await first.take(), { own: first, others: [second] });
    }
    assert.equal(second.standing(), first.standing());
    assert.deepEqual(second.observed, first.observed);
    assert.deepEqual(second.observed, ['3.3-3', '3.4-5', '3.6-7']);
    assert.equal(second.pipeline.isExecuting, false);
    assert.throws(() => second.write('c'), { code: 'NodeCannotHandleRequest' });
  });

  test('office goes to and fro, and every node ends where the others do', async () => {
    const nodes = two();
    for (let view = 3; view < 11; view++) {
      const [primary, backup] = view % 2 === 0 ? nodes : [...nodes].reverse();
      assert.ok(primary && backup);
      backup.follow(view);
      primary.lead(view);
      const kept = primary.write(`kept ${view}`);
      commit(await primary.take(), { own: primary, others: [backup] });
      const lost = primary.write(`lost ${view}`);
      await primary.settle();
      assert.equal(primary.tracker.status(kept), 'Committed');
      assert.equal(primary.tracker.status(lost), 'Pending');
      primary.proposed.length = 0;
      primary.follow(view);
      assert.notEqual(primary.tracker.status(lost), 'Committed');
      assert.equal(primary.standing(), backup.standing());
    }
    const [last, other] = nodes;
    last.lead(12);
    commit(await last.take(), { own: last, others: [other] });
    for (const node of nodes) {
      for (let view = 3; view < 11; view++) {
        assert.equal(node.read(`kept ${view}`), '1');
        assert.equal(node.read(`lost ${view}`), undefined);
      }
    }
  });

  for (const place of ['inside its batch', 'at the end of its batch'] as const) {
    test(`a retired node that a rekey ${place} leaves out stands still from there on`, async () => {
      const [first, second, retired] = [...two(), new Member('retired')];
      const others = [second, retired];
      first.lead(3);
      first.write('before');
      commit(await first.take(), { own: first, others });
      const standing = retired.standing();
      first.rekey(new Uint8Array(32).fill(7));
      if (place === 'inside its batch') first.write('behind');
      commit(await first.take(), { own: first, others });
      first.write('later');
      commit(await first.take(), { own: first, others });
      assert.equal(second.read('later'), '1');
      assert.equal(second.isLockedOut, false);
      assert.equal(retired.isLockedOut, true);
      assert.equal(retired.standing(), standing);
      retired.lead(9);
      assert.equal(retired.pipeline.isInOffice, false, 'it has no state to execute on');
      retired.follow(10);
      first.follow(10);
      second.lead(10);
      commit(await second.take(), { own: second, others: [first, retired] });
      assert.equal(second.standing(), first.standing());
    });
  }

  test('what was lost is invalid on every node once the next view commits', async () => {
    const [first, second] = two();
    first.lead(3);
    commit(await first.take(), { own: first, others: [second] });
    const lost = first.write('lost');
    const decided = first.tracker.whenDecided(lost);
    first.follow(4);
    second.lead(4);
    commit(await second.take(), { own: second, others: [first] });
    assert.equal(first.tracker.status(lost), 'Invalid');
    assert.equal(second.tracker.status(lost), 'Invalid');
    assert.equal(await decided, 'Invalid');
  });

  test('a batch that was discarded and commits all the same is followed', async () => {
    const [first, second] = two();
    first.lead(3);
    commit(await first.take(), { own: first, others: [second] });
    const [one, two_] = [first.write('one'), first.write('two')];
    const batches = await first.take();
    first.follow(4);
    assert.equal(first.read('one'), undefined);
    // The next leader had the batch in its log: it commits under it, then the new view opens.
    commit(batches, { others: [first, second] });
    second.lead(4);
    commit(await second.take(), { own: second, others: [first] });
    for (const node of [first, second]) {
      assert.equal(node.read('one'), '1');
      assert.equal(node.tracker.status(one), 'Committed');
      assert.equal(node.tracker.status(two_), 'Committed');
    }
    assert.equal(first.standing(), second.standing());
  });

  test('a signature that comes back in a later office of the node belongs to no batch', async () => {
    const [first, second] = two();
    first.holdsSignatures = true;
    first.lead(3);
    first.follow(3);
    first.lead(4);
    first.write('a');
    first.holdsSignatures = false;
    first.releaseSignatures();
    const batches = await first.take();
    assert.deepEqual(
      batches.map(({ kind, view }) => `${kind} ${view}`),
      ['opening 4', 'batch 4'],
    );
    commit(batches, { own: first, others: [second] });
    assert.equal(second.read('a'), '1');
  });

  test('a node may win the very view in which it became a candidate', async () => {
    const [first, second] = two();
    first.lead(3);
    first.office.onRole({ role: 'candidate', view: view4, leaderId: undefined, canExecute: false });
    first.lead(4);
    first.write('a');
    commit(await first.take(), { own: first, others: [second] });
    assert.equal(second.standing(), first.standing());
  });

  test('a transaction that waited over a change of office conflicts', async () => {
    const [first, second] = two();
    first.lead(3);
    commit(await first.take(), { own: first, others: [second] });
    const tracked = first.pipeline.beginTracked();
    first.follow(4);
    first.lead(5);
    assert.equal(first.pipeline.executeTracked(tracked, { result: undefined }), 'conflict');
  });

  test('a hand-over commits everything first, and execution goes on where it fails', async () => {
    const [first, second] = two();
    first.lead(3);
    const id = first.write('a');
    const asked: number[] = [];
    const replica = {
      handOver: async (to: number) => {
        asked.push(to);
      },
    };
    const { pipeline } = first;
    const failed = assert.rejects(handOver({ pipeline, replica }, 2), { code: 'HandOverFailed' });
    assert.throws(() => first.write('refused'), { code: 'NodeCannotHandleRequest' });
    commit(await first.take(), { own: first, others: [second] });
    await failed;
    assert.deepEqual(asked, [2]);
    assert.equal(second.tracker.status(id), 'Committed');
    first.write('b');
    commit(await first.take(), { own: first, others: [second] });

    replica.handOver = async () => first.follow(4);
    await handOver({ pipeline, replica }, 2);
    assert.equal(pipeline.isExecuting, false);
    await assert.rejects(handOver({ pipeline, replica }, 2), { code: 'NodeCannotHandleRequest' });
    second.lead(4);
    commit(await second.take(), { own: second, others: [first] });
    assert.equal(second.standing(), first.standing());
  });

  test('a rekey reaches the backups, goes with its office, and commits all the same', async () => {
    const [first, second] = two();
    first.lead(3);
    commit(await first.take(), { own: first, others: [second] });
    first.rekey(new Uint8Array(32).fill(8));
    first.write('under the new secret');
    const batches = await first.take();
    first.rekey(new Uint8Array(32).fill(9));
    first.follow(4);
    assert.equal(first.secrets.chain.length, 1, 'both rekeys went with the office');
    commit(batches, { others: [first, second] });
    second.lead(4);
    second.write('by the next primary');
    commit(await second.take(), { own: second, others: [first] });
    for (const { secrets } of [first, second]) assert.equal(secrets.chain.length, 2);
    assert.equal(first.standing(), second.standing());
  });

  test('a body that is not the ledger’s is refused, and nothing of it told', async () => {
    const [first, second] = two();
    first.lead(3);
    first.write('a');
    const [opening, batch] = await first.take();
    assert.ok(opening && batch);
    second.office.onFollowed(opening);
    const body = batch.body.slice();
    body[60] = (body[60] as number) ^ 1;
    assert.throws(() => second.office.onFollowed({ ...batch, body }), { code: 'BatchUnverified' });
    assert.equal(second.tracker.committedId.seqno, 3);
  });
});
