/** Each checker is shown what it must find: one that cannot fail checks nothing. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno, asView, type Seqno, utf8Encode } from '@coco/base';
import { Store } from '@coco/kv';
import { createLedgerTree, LedgerSecrets, NonceGuard, Sequencer } from '@coco/ledger';
import { CommittedLog } from '../src/committed-log.ts';
import { countersMap, encodeCount, totalKey, totalsMap } from '../src/counters-adapter.ts';
import { NonceChecker } from '../src/nonce-checker.ts';
import { OfficeChecker } from '../src/office-checker.ts';
import { ReferenceState, stateDigest } from '../src/reference-state.ts';
import { serviceKey } from '../src/service-key.ts';
import { StatusChecker } from '../src/status-checker.ts';

const failed = { code: 'SimulationFailed' };
const id = { view: asView(2), seqno: asSeqno(5) };
const secretsOf = (): LedgerSecrets =>
  new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32).fill(1) }]);

function writes(name: string, key: Uint8Array, count: number) {
  return { maps: [{ name, rows: [{ key, value: encodeCount(count) }] }] };
}

const counter = (count: number) => writes(countersMap, utf8Encode('a'), count);

describe('the checkers find', () => {
  test('two primaries of a view, and one that takes its view again', () => {
    const offices = new OfficeChecker();
    offices.observe(1, 2);
    offices.observe(1, 2);
    assert.throws(() => offices.observe(2, 2), failed);
    offices.observe(1, undefined);
    assert.throws(() => offices.observe(1, 2), failed);
    assert.equal(offices.count, 1);
  });

  test('an id that is Committed here and Invalid there, and an answer taken back', () => {
    const statuses = new StatusChecker();
    statuses.answered(1, id, 'Pending');
    statuses.answered(1, id, 'Unknown');
    statuses.answered(1, id, 'Committed');
    statuses.answered(2, id, 'Pending');
    assert.throws(() => statuses.answered(2, id, 'Invalid'), failed);
    assert.throws(() => statuses.answered(1, id, 'Pending'), failed);
    assert.deepEqual(statuses.committed(), ['2.5']);
  });

  test('an id that two nodes encrypt under one secret, and not under two', () => {
    const nonces = new NonceChecker();
    const secret = secretsOf().secretFor(id.seqno);
    const other = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: new Uint8Array(32) }]);
    nonces.guardOf('node 1').use(secret, id);
    nonces.guardOf('node 2').use(other.secretFor(id.seqno), id);
    assert.throws(() => nonces.guardOf('node 2').use(secret, id), failed);
    assert.throws(() => nonces.guardOf('node 1').use(secret, id), failed);
  });

  test('a counter that does not count, and a total that does not add up', () => {
    const state = new ReferenceState();
    state.apply(counter(1), asSeqno(1));
    assert.throws(() => state.apply(counter(1), asSeqno(2)), failed);
    assert.throws(() => state.apply(counter(3), asSeqno(2)), failed);
    state.apply(writes(totalsMap, totalKey, 1), asSeqno(2));
    assert.throws(() => state.apply(writes(totalsMap, totalKey, 2), asSeqno(3)), failed);
  });

  test('a state that lacks a row, has another value, or another version of it', () => {
    const reference = new ReferenceState();
    const digests = new Set<string>();
    const stored = (rows: readonly (readonly [Seqno, number])[]): string => {
      const store = new Store();
      for (const [seqno, count] of rows) {
        if (seqno > store.seqno + 1) store.skip(asSeqno(seqno - 1));
        store.apply(counter(count), seqno);
      }
      return stateDigest(store.readAt(store.seqno));
    };
    reference.apply(counter(1), asSeqno(1));
    reference.apply(counter(2), asSeqno(2));
    digests.add(reference.digest());
    assert.equal(
      stored([
        [asSeqno(1), 1],
        [asSeqno(2), 2],
      ]),
      reference.digest(),
    );
    digests.add(stored([]));
    digests.add(stored([[asSeqno(2), 3]]));
    digests.add(stored([[asSeqno(3), 2]]));
    assert.equal(digests.size, 4);
  });

  test('commits out of order, of what nobody proposed, and of another batch or state', () => {
    const secrets = secretsOf();
    const sequencer = new Sequencer({
      view: asView(2),
      start: 'genesis',
      tree: createLedgerTree(),
      secrets,
      guard: new NonceGuard(),
      signer: { keyId: serviceKey.id, algorithm: serviceKey.algorithm, issuer: 'a', subject: 'b' },
      committed: asSeqno(0),
    });
    sequencer.append(counter(1));
    const batch = sequencer.completeBatch(serviceKey.sign(sequencer.closeBatch(0).input));
    const fresh: number[] = [];
    const log = new CommittedLog({
      secrets: secretsOf(),
      onEntry: () => {},
      onNew: ({ firstSeqno }) => fresh.push(firstSeqno),
    });
    const state = new Store().readAt(asSeqno(0));
    const commit = {
      view: asView(2),
      firstSeqno: asSeqno(1),
      lastSeqno: asSeqno(2),
      state,
      isWhole: true,
    };
    log.admit([1, 2]);
    assert.throws(() => log.commits(1, { ...commit, firstSeqno: asSeqno(2) }), failed);
    const unproposed = new CommittedLog({ secrets, onEntry: () => {}, onNew: () => {} });
    unproposed.admit([1]);
    assert.throws(() => unproposed.commits(1, commit), failed);
    assert.throws(() => log.delivers(2, batch), failed);
    log.proposes(1, batch);
    const body = batch.body.slice();
    body[60] = 1;
    assert.throws(() => log.proposes(2, { ...batch, body }), failed);
    assert.throws(() => log.delivers(2, { ...batch, body }), failed);
    log.delivers(2, batch);
    // An empty state is not what the batch leads to.
    assert.throws(() => log.commits(1, commit), failed);
    assert.throws(() => log.commits(2, { ...commit, view: asView(3) }), failed);
    assert.deepEqual(fresh, [1]);
    assert.equal(log.has('2.1') && log.has('2.2') && !log.has('3.1'), true);
  });
});
