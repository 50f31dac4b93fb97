import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { LedgerError } from '@coco/base';
import { Store } from '@coco/kv';
import fc from 'fast-check';
import { noteProposal, proposalWindowDefault } from '../src/replay-window.ts';
import { recentProposals, serviceConfig } from '../src/tables.ts';

interface Noted {
  readonly createdAt: number;
  readonly signature: number;
}

/** The code that noting gives, or Noted. */
function note(transaction: ReturnType<Store['begin']>, proposal: Noted): string {
  try {
    const signature = new Uint8Array([proposal.signature]);
    noteProposal(transaction, { id: 'id', createdAt: proposal.createdAt, signature });
    return 'Noted';
  } catch (error) {
    assert.ok(error instanceof LedgerError);
    return error.code;
  }
}

suite('replay window', () => {
  test('a signed proposal is noted once, ever, in any order of submission', () => {
    const proposal = fc.record({
      createdAt: fc.integer({ min: 0, max: 30 }),
      signature: fc.integer({ min: 0, max: 3 }),
    });
    const runs = fc.array(proposal, { maxLength: 120 });
    fc.assert(
      fc.property(runs, fc.integer({ min: 1, max: 8 }), (submitted, window) => {
        const transaction = new Store().begin();
        serviceConfig.put(transaction, {
          recovery_threshold: 1,
          recent_cose_proposals_window_size: window,
        });
        const noted = new Set<string>();
        let kept: number[] = [];
        for (const one of submitted) {
          const key = `${one.createdAt}:${one.signature}`;
          const median = kept[Math.floor(kept.length / 2)];
          const outcome = note(transaction, one);
          if (outcome !== 'Noted') {
            assert.ok(outcome === 'ProposalReplay' ? noted.has(key) : kept.length > 0, outcome);
            continue;
          }
          assert.ok(!noted.has(key), `${key} was noted before`);
          assert.ok(median === undefined || one.createdAt >= median);
          noted.add(key);
          kept = recentProposals.keys(transaction).map((text) => Number(text.split(':')[0]));
          assert.ok(kept.length <= window);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('the window has a default size', () => {
    const transaction = new Store().begin();
    for (let at = 0; at < proposalWindowDefault + 20; at++) {
      assert.equal(note(transaction, { createdAt: 1000 + at, signature: 1 }), 'Noted');
    }
    const keys = recentProposals.keys(transaction);
    assert.equal(keys.length, proposalWindowDefault);
    assert.match(keys[0] ?? '', /^0000001020:[0-9a-f]{64}$/);
    assert.equal(note(transaction, { createdAt: 1069, signature: 2 }), 'ProposalCreatedTooLongAgo');
    assert.equal(note(transaction, { createdAt: 1070, signature: 2 }), 'Noted');
    assert.equal(note(transaction, { createdAt: 1070, signature: 2 }), 'ProposalReplay');
  });

  test('the last second that fits ten digits is the last one taken', () => {
    const transaction = new Store().begin();
    assert.equal(note(transaction, { createdAt: 9_999_999_999, signature: 1 }), 'Noted');
    assert.equal(
      note(transaction, { createdAt: 10_000_000_000, signature: 1 }),
      'InvalidCreatedAt',
    );
  });
});
