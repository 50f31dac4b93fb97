import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, utf8Decode, utf8Encode } from '@coco/base';
import { Store } from '@coco/kv';
import fc from 'fast-check';
import type { Singleton, Table } from '../src/table.ts';
import * as tables from '../src/tables.ts';

const singletonKey = new Uint8Array(8);

/** What `put` leaves in the map, as text. */
function stored<Value>(table: Singleton<Value>, value: Value): string {
  const transaction = new Store().begin();
  table.put(transaction, value);
  return utf8Decode(transaction.map(table.name).get(singletonKey) ?? new Uint8Array(0));
}

suite('tables', () => {
  test('rows stand in the ledger as CCF writes them', () => {
    assert.equal(
      stored(tables.serviceInfo, {
        cert: 'PEM',
        status: 'Opening',
        recovery_count: 0,
        service_data: undefined,
        current_service_create_txid: '2.1',
      }),
      '{"cert":"PEM","current_service_create_txid":"2.1","recovery_count":0,"status":"Opening"}',
    );
    assert.equal(
      stored(tables.serviceConfig, { recovery_threshold: 1 }),
      '{"recovery_threshold":1}',
    );
    assert.equal(stored(tables.constitution, 'a "b"'), '"a \\"b\\""');
    assert.equal(
      stored(tables.nodeSecrets, { n1: [{ version: null, encrypted_secret: 'AA==' }] }),
      '{"n1":[{"encrypted_secret":"AA==","version":null}]}',
    );
    assert.equal(
      stored(tables.historicalSecret, { next_version: 1, previous_ledger_secret: undefined }),
      '{"next_version":1}',
    );
  });

  test('what is put is got back', () => {
    const text = fc.string();
    const row = fc.record(
      {
        proposer_id: text,
        state: fc.constantFrom(...tables.proposalStates),
        ballots: fc.dictionary(text, text),
        final_votes: fc.dictionary(text, fc.boolean()),
        failure: fc.record({ reason: text }),
      },
      { requiredKeys: ['proposer_id', 'state', 'ballots'] },
    );
    fc.assert(
      fc.property(text, row, (key, value) => {
        const transaction = new Store().begin();
        tables.proposalInfos.put(transaction, key, value);
        const read = tables.proposalInfos.get(transaction, key);
        assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(value)));
        assert.deepEqual(tables.proposalInfos.rows(transaction), [[key, read]]);
        assert.deepEqual(tables.proposalInfos.keys(transaction), [key]);
        tables.proposalInfos.delete(transaction, key);
        assert.equal(tables.proposalInfos.has(transaction, key), false);
      }),
      { numRuns: 100 },
    );
  });

  test('a damaged row is a fault, whatever is damaged', () => {
    const rows: readonly (readonly [Table<unknown>, string])[] = [
      [tables.memberInfos, '{}'],
      [tables.memberInfos, '{"status":"Retired"}'],
      [tables.memberInfos, '{"status":5}'],
      [tables.memberInfos, '[]'],
      [tables.memberInfos, 'null'],
      [tables.memberInfos, '{"status":"Active"'],
      [tables.memberAcks, '{"state_digest":1}'],
      [tables.nodeInfos, '{"status":"Trusted","encryption_pub_key":"","quote_info":[]}'],
      [tables.proposalInfos, '{"proposer_id":"a","state":"Open","ballots":{"b":1}}'],
      [
        tables.proposalInfos,
        '{"proposer_id":"a","state":"Open","ballots":{},"final_votes":{"b":1}}',
      ],
      [tables.recentProposals, '5'],
      [tables.submittedShares, '"*"'],
      [
        tables.nodeInfos,
        '{"status":"Trusted","encryption_pub_key":"","quote_info":{"format":"","quote":"","endorsements":""},"ledger_secret_seqno":-1}',
      ],
    ];
    for (const [table, text] of rows) {
      const transaction = new Store().begin();
      transaction.map(table.name).set(utf8Encode('key'), utf8Encode(text));
      const fault = { code: 'GovernanceRowInvalid', status: 500 };
      assert.throws(() => table.get(transaction, 'key'), fault, text);
      assert.throws(() => table.rows(transaction), fault, text);
    }
    const transaction = new Store().begin();
    assert.throws(() => tables.serviceInfo.require(transaction), { code: 'GovernanceRowInvalid' });
    transaction
      .map(tables.nodeSecrets.name)
      .set(singletonKey, utf8Encode('{"n":[{"version":1.5,"encrypted_secret":""}]}'));
    assert.throws(() => tables.nodeSecrets.get(transaction), { code: 'GovernanceRowInvalid' });
  });

  test('a singleton knows the seqno that wrote it', () => {
    const store = new Store();
    for (let round = 1; round <= 2; round++) {
      const transaction = store.begin();
      const before = tables.constitution.versionOf(transaction);
      assert.equal(before, round === 1 ? undefined : asSeqno(round - 1));
      tables.constitution.put(transaction, `text ${round}`);
      store.apply(transaction.writeSet());
    }
  });
});
