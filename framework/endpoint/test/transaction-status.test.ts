import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, BugError, type TransactionId } from '@coco/base';
import fc from 'fast-check';
import { type TransactionStatus, TransactionStatusTracker } from '../src/transaction-status.ts';

function id(view: number, seqno: number): TransactionId {
  return { view: asView(view), seqno: asSeqno(seqno) };
}

function started(options: { waitersMax?: number } = {}): TransactionStatusTracker {
  const tracker = new TransactionStatusTracker(options);
  tracker.startView(asView(2), asSeqno(1));
  return tracker;
}

suite('transaction status', () => {
  test('an id is pending once executed and committed with its batch', async () => {
    const tracker = started();
    assert.equal(tracker.status(id(2, 1)), 'Unknown');
    tracker.executed(asSeqno(2));
    assert.equal(tracker.status(id(2, 1)), 'Pending');
    const decided = tracker.whenDecided(id(2, 1));
    assert.equal(tracker.whenDecided(id(2, 1)), decided);
    tracker.committed(id(2, 2));
    assert.equal(tracker.status(id(2, 1)), 'Committed');
    assert.equal(await decided, 'Committed');
    assert.equal(await tracker.whenDecided(id(2, 2)), 'Committed');
    assert.equal(tracker.status(id(3, 2)), 'Invalid');
    assert.equal(tracker.status(id(2, 3)), 'Unknown');
    assert.equal(tracker.status(id(2, 0)), 'Invalid');
  });

  test('what a lost view executed becomes invalid when the next view commits', async () => {
    const tracker = started();
    tracker.executed(asSeqno(5));
    tracker.committed(id(2, 3));
    const lost = tracker.whenDecided(id(2, 5));
    tracker.rolledBack(asSeqno(3));
    assert.equal(tracker.status(id(2, 5)), 'Unknown');
    tracker.startView(asView(4), asSeqno(4));
    tracker.executed(asSeqno(4));
    assert.equal(tracker.status(id(2, 5)), 'Unknown');
    tracker.committed(id(4, 4));
    assert.equal(tracker.status(id(2, 5)), 'Invalid');
    assert.equal(await lost, 'Invalid');
    assert.deepEqual(tracker.viewHistory(), [id(1, 1), id(2, 1), id(4, 4)]);
    assert.deepEqual(tracker.viewHistory(asView(3)), [id(4, 4)]);
  });

  test('a view of which nothing is left leaves the history', () => {
    const tracker = started();
    tracker.executed(asSeqno(3));
    tracker.committed(id(2, 3));
    tracker.startView(asView(3), asSeqno(4));
    tracker.executed(asSeqno(6));
    tracker.rolledBack(asSeqno(3));
    assert.deepEqual(tracker.viewHistory(), [id(1, 1), id(2, 1)]);
    tracker.startView(asView(5), asSeqno(4));
    assert.equal(tracker.view, 5);
  });

  test('a recovered service knows the views before it', () => {
    const tracker = new TransactionStatusTracker({
      history: [id(1, 1), id(2, 1), id(3, 10)],
      committed: id(3, 12),
    });
    tracker.startView(asView(5), asSeqno(13));
    tracker.executed(asSeqno(13));
    assert.equal(tracker.status(id(2, 9)), 'Committed');
    assert.equal(tracker.status(id(3, 9)), 'Invalid');
    assert.equal(tracker.status(id(3, 12)), 'Committed');
    assert.equal(tracker.status(id(3, 13)), 'Unknown');
    assert.equal(tracker.status(id(5, 13)), 'Pending');
    tracker.committed(id(5, 13));
    assert.equal(tracker.status(id(3, 13)), 'Invalid');
  });

  test('a node that is given a ledger knows what became of its ids, and of those waited for', async () => {
    const tracker = new TransactionStatusTracker();
    const decided = [tracker.whenDecided(id(2, 9)), tracker.whenDecided(id(2, 12))];
    const history = [id(1, 1), id(2, 1), id(3, 10)];
    tracker.adopt({ history, committed: id(3, 12) });
    assert.deepEqual(await Promise.all(decided), ['Committed', 'Invalid']);
    assert.deepEqual(tracker.viewHistory(), history);
    assert.equal(tracker.lastExecuted, 12);
    const again = () => tracker.adopt({ history, committed: id(3, 12) });
    assert.throws(again, { name: 'BugError' });
  });

  test('more waiting clients than the limit are refused', () => {
    const tracker = started({ waitersMax: 1 });
    tracker.executed(asSeqno(2));
    void tracker.whenDecided(id(2, 1));
    assert.throws(() => tracker.whenDecided(id(2, 2)), {
      code: 'TooManyPendingTransactions',
      status: 503,
    });
    tracker.committed(id(2, 1));
    void tracker.whenDecided(id(2, 2));
  });

  test('events against the order of the ledger are bugs', () => {
    const tracker = started();
    tracker.executed(asSeqno(4));
    tracker.committed(id(2, 2));
    assert.throws(() => tracker.committed(id(2, 1)), BugError);
    assert.throws(() => tracker.committed(id(2, 5)), BugError);
    assert.throws(() => tracker.committed(id(3, 3)), BugError);
    assert.throws(() => tracker.executed(asSeqno(3)), BugError);
    assert.throws(() => tracker.rolledBack(asSeqno(1)), BugError);
    assert.throws(() => tracker.startView(asView(2), asSeqno(5)), BugError);
    assert.throws(() => tracker.startView(asView(3), asSeqno(4)), BugError);
  });

  test('random histories agree with a list of entries, and decisions never change', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('execute' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        kind: fc.constant('commit' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({ kind: fc.constant('lose' as const), gap: fc.integer({ min: 1, max: 3 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const tracker = started();
        // The model: the view of each entry, and how many are committed.
        let entries: number[] = [];
        let committed = 0;
        let view = 2;
        const waits: { readonly id: TransactionId; readonly decided: Promise<string> }[] = [];
        for (const one of steps) {
          if (one.kind === 'execute') {
            for (let count = 0; count < one.count; count++) {
              entries.push(view);
              tracker.executed(asSeqno(entries.length));
              const written = id(view, entries.length);
              waits.push({ id: written, decided: tracker.whenDecided(written) });
            }
          } else if (one.kind === 'commit') {
            committed += Math.floor((entries.length - committed) * one.share);
            if (committed > 0) tracker.committed(id(entries[committed - 1] ?? 0, committed));
          } else {
            entries = entries.slice(0, committed);
            tracker.rolledBack(asSeqno(committed));
            view += one.gap;
            tracker.startView(asView(view), asSeqno(committed + 1));
          }
          const committedView = entries[committed - 1] ?? 0;
          for (let seqno = 1; seqno <= entries.length + 2; seqno++) {
            for (let asked = 1; asked <= view + 1; asked++) {
              assert.equal(
                tracker.status(id(asked, seqno)),
                modelStatus({ entries, committed, committedView }, id(asked, seqno)),
                `${asked}.${seqno}`,
              );
            }
          }
        }
        for (const wait of waits) {
          const status = tracker.status(wait.id);
          if (status !== 'Committed' && status !== 'Invalid') continue;
          assert.equal(await wait.decided, status);
        }
      }),
      { numRuns: 100 },
    );
  });
});

/** CCF's rule, over a plain list of entries. */
function modelStatus(
  model: {
    readonly entries: readonly number[];
    readonly committed: number;
    readonly committedView: number;
  },
  asked: TransactionId,
): TransactionStatus {
  const isThere = model.entries[asked.seqno - 1] === asked.view;
  if (asked.seqno <= model.committed) return isThere ? 'Committed' : 'Invalid';
  if (isThere) return 'Pending';
  return model.committedView > asked.view ? 'Invalid' : 'Unknown';
}
