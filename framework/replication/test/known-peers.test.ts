import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asSeqno } from '@coco/base';
import type { KnownNode, MembersMessage } from '@coco/consensus';
import { KnownPeers } from '../src/known-peers.ts';
import { HostNetwork } from './host-network.ts';

function nodes(...ids: number[]): KnownNode[] {
  return ids.map((id) => ({ id, keyId: String(id).padStart(64, '0'), host: `n${id}`, port: id }));
}

interface Told {
  readonly known: KnownPeers;
  /** Ids of the nodes that it speaks with, each time they changed. */
  readonly peers: number[][];
  readonly sent: [number, MembersMessage][];
}

function knownBy(nodeId: number): Told {
  const peers: number[][] = [];
  const sent: [number, MembersMessage][] = [];
  const known = new KnownPeers({
    nodeId,
    send: (to, message) => sent.push([to, message]),
    onPeers: (now) => peers.push(now.map(({ id }) => id)),
  });
  return { known, peers, sent };
}

describe('the nodes that a node speaks with', () => {
  test('are its ledger’s and those of a newer ledger, until its own is as new', () => {
    const { known, peers } = knownBy(1);
    known.setLedger({ seqno: asSeqno(10), peers: nodes(2, 3) });
    assert.ok(known.take({ seqno: asSeqno(50), nodes: nodes(1, 3, 40) }));
    // Who left meanwhile is still spoken with: its own ledger says so.
    assert.deepEqual(peers.at(-1), [2, 3, 40]);
    known.setLedger({ seqno: asSeqno(20), peers: nodes(2, 3, 20) });
    assert.deepEqual(peers.at(-1), [2, 3, 20, 40]);
    known.setLedger({ seqno: asSeqno(60), peers: nodes(3, 40) });
    assert.deepEqual(peers.at(-1), [3, 40]);
  });

  test('do not change by what is no news, nor before there is a ledger', () => {
    const { known, peers } = knownBy(1);
    assert.ok(!known.take({ seqno: asSeqno(50), nodes: nodes(40) }));
    known.setLedger({ seqno: asSeqno(50), peers: nodes(2) });
    assert.ok(!known.take({ seqno: asSeqno(50), nodes: nodes(40) }));
    assert.ok(known.take({ seqno: asSeqno(52), nodes: nodes(40) }));
    assert.ok(!known.take({ seqno: asSeqno(51), nodes: nodes(41) }));
    assert.deepEqual(peers, [[2], [2, 40]]);
  });

  test('are never two by one key or one id, whatever is told', () => {
    const { known, peers } = knownBy(1);
    known.setLedger({ seqno: asSeqno(1), peers: nodes(2) });
    const [two] = nodes(2);
    const told = [{ ...two, id: 9 } as KnownNode, ...nodes(2, 7, 7)];
    known.take({ seqno: asSeqno(2), nodes: told });
    assert.deepEqual(peers.at(-1), [2, 7]);
  });

  test('are told who they are once a second, as the ledger of this node has them', () => {
    const { known, sent } = knownBy(1);
    for (let beat = 0; beat < 20; beat++) known.tick();
    assert.deepEqual(sent, [], 'without a ledger there is nothing to tell');
    known.setLedger({ seqno: asSeqno(5), peers: nodes(2, 3) });
    known.take({ seqno: asSeqno(6), nodes: nodes(4) });
    for (let beat = 0; beat < 20; beat++) known.tick();
    const message = { kind: 'members', seqno: asSeqno(5), nodes: nodes(2, 3) };
    assert.deepEqual(sent, [
      [2, message],
      [3, message],
      [4, message],
    ]);
  });

  test('become known to a node that was away when one of them was let in', async () => {
    const opened: number[][] = [];
    const network = await HostNetwork.start(
      3,
      {},
      { onPeers: (now) => opened.push(now.map(({ id }) => id)) },
    );
    network.host(1).setMembers({ seqno: asSeqno(9), peers: nodes(2, 3, 9), trusted: [1, 2, 3, 9] });
    network.host(2).setMembers({ seqno: asSeqno(4), peers: nodes(1, 3), trusted: [1, 2, 3] });
    opened.length = 0;
    await network.beat(40);
    assert.deepEqual(opened, [[1, 3, 9]]);
    await network.stop();
  });
});
