import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, type JsonValue, type Seqno } from '@coco/base';
import { type NodeInfoRow, nodeInfos, nodeJoins, serviceInfo } from '@coco/governance';
import { Store, type Transaction } from '@coco/kv';
import type { LedgerMembers } from '@coco/replication';
import { MembersFollower } from '../src/members-follower.ts';

const ids = ['aa', 'bb', 'cc', 'dd'].map((pair) => pair.repeat(32)) as [
  string,
  string,
  string,
  string,
];
const [self, other, third, fourth] = ids;

/** A ledger of nodes, and what this one's replica is told of them. */
class Fixture {
  readonly store = new Store();
  readonly told: Omit<LedgerMembers, 'seqno'>[] = [];
  /** As of where each was told. */
  readonly toldAt: Seqno[] = [];
  readonly logged: string[] = [];
  readonly #follower: MembersFollower;

  constructor(from: number = 0) {
    this.#follower = new MembersFollower({
      nodeId: self,
      from: asSeqno(from),
      log: { write: (_level, event) => this.logged.push(event) },
      tell: ({ seqno, ...members }) => {
        this.told.push(members);
        this.toldAt.push(seqno);
      },
    });
  }

  commit(run: (transaction: Transaction) => void): Seqno {
    const transaction = this.store.begin();
    run(transaction);
    this.store.apply(transaction.writeSet());
    this.store.seal();
    const { seqno: lastSeqno } = this.store;
    this.#follower.onCommitted({ state: this.store.readAt(lastSeqno), lastSeqno });
    return lastSeqno;
  }

  put(id: string, status: NodeInfoRow['status'], changes: Partial<NodeInfoRow> = {}): Seqno {
    return this.commit((transaction) => {
      if (!nodeJoins.has(transaction, id)) nodeJoins.put(transaction, id, {});
      const address: JsonValue = { published_address: `10.0.0.${ids.indexOf(id)}:9000` };
      nodeInfos.put(transaction, id, {
        node_to_node_interface: address,
        rpc_interfaces: {},
        quote_info: { format: '', quote: '', endorsements: '' },
        encryption_pub_key: '',
        status,
        ...changes,
      });
    });
  }
}

suite('the members that a replica is told', () => {
  test('are the trusted nodes by the transactions that added them, and this one is no peer', () => {
    const fixture = new Fixture();
    const one = fixture.put(self, 'Trusted');
    assert.deepEqual(fixture.told, [{ peers: [], trusted: [one] }]);
    const two = fixture.put(other, 'Pending');
    assert.deepEqual(fixture.told.at(-1), { peers: [], trusted: [one] });
    fixture.put(other, 'Trusted');
    const peer = { id: two, keyId: other, host: '10.0.0.1', port: 9000 };
    assert.deepEqual(fixture.told.at(-1), { peers: [peer], trusted: [one, two] });
    assert.equal(fixture.toldAt.at(-1), fixture.store.seqno);
  });

  test('a retired node is spoken with until Raft has let it go, and not after', () => {
    const fixture = new Fixture();
    const one = fixture.put(self, 'Trusted');
    const two = fixture.put(other, 'Trusted');
    fixture.put(other, 'Retired');
    const retired = fixture.told.at(-1);
    assert.deepEqual(retired?.trusted, [one]);
    assert.deepEqual(
      retired?.peers.map(({ id }) => id),
      [two],
    );
    fixture.put(other, 'Retired', { retired_committed: true });
    assert.deepEqual(fixture.told.at(-1), { peers: [], trusted: [one] });
  });

  test('are told when a row of a node changed, and not otherwise', () => {
    const fixture = new Fixture();
    fixture.put(self, 'Trusted');
    fixture.commit((transaction) =>
      transaction.map('other').set(new Uint8Array(1), new Uint8Array(1)),
    );
    assert.equal(fixture.told.length, 1);
    fixture.put(third, 'Pending');
    fixture.commit((transaction) => nodeInfos.delete(transaction, third));
    assert.equal(fixture.told.length, 3);
  });

  test('an address that is none is logged, and the others are told', () => {
    const fixture = new Fixture();
    const one = fixture.put(self, 'Trusted');
    const wrong = ['', 'host', 'host:0', 'host:1/path', 'a b:1'];
    for (const published_address of wrong) {
      fixture.put(other, 'Trusted', { node_to_node_interface: { published_address } });
      assert.deepEqual(fixture.told.at(-1)?.peers, []);
    }
    const two = fixture.put(other, 'Trusted', { node_to_node_interface: 'text' });
    assert.ok(two > one && fixture.told.at(-1)?.trusted.length === 2);
    assert.equal(fixture.logged.filter((event) => event === 'peer.addressUnknown').length, 6);
    fixture.put(fourth, 'Trusted', { node_to_node_interface: { published_address: '[::1]:7' } });
    const [peer] = fixture.told.at(-1)?.peers ?? [];
    assert.deepEqual([peer?.host, peer?.port], ['::1', 7]);
  });

  test('a node that catches up is told nothing of states that it knows to be old', () => {
    const fixture = new Fixture(3);
    fixture.put(self, 'Trusted');
    fixture.put(other, 'Trusted');
    assert.equal(fixture.told.length, 0);
    fixture.put(third, 'Trusted');
    assert.equal(fixture.told.length, 1);
    assert.equal(fixture.told[0]?.trusted.length, 3);
  });

  test('nodes of the service before a recovery are none of its', () => {
    const fixture = new Fixture();
    fixture.put(other, 'Trusted');
    fixture.put(other, 'Retired');
    fixture.commit((transaction) => {
      serviceInfo.put(transaction, {
        cert: '',
        status: 'Recovering',
        current_service_create_txid: `7.${fixture.store.seqno + 2}`,
      });
    });
    const one = fixture.put(self, 'Trusted');
    assert.deepEqual(fixture.told.at(-1), { peers: [], trusted: [one] });
  });
});
