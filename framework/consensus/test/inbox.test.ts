/** What peers may send: honest messages captured on the link, then bent one way at a time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asSeqno, asView, SeededRandom } from '@coco/base';
import type { Handle, PeerMessage, Verdict } from '../src/index.ts';
import {
  createConfiguration,
  createHandle,
  defaultLimits,
  parsePeerMessage,
} from '../src/index.ts';
import { Cluster } from './cluster.ts';
import { readRaftFields } from './raft-fields.ts';
import type { TestNode } from './test-node.ts';

const append = 3;
const heartbeat = 8;

interface Captured {
  readonly cluster: Cluster;
  readonly receiver: TestNode;
  readonly sender: number;
  readonly message: PeerMessage & { readonly kind: 'raft' };
}

/** The first message of a type that the leader sends to a backup after `cause`; not delivered. */
async function capture(
  type: number,
  cause: (cluster: Cluster, leader: TestNode) => void,
): Promise<Captured> {
  const cluster = new Cluster({ seed: 7 });
  cluster.start([1, 2, 3]);
  const leader = await cluster.untilLeader();
  await cluster.tick(2);
  cause(cluster, leader);
  await new Promise((resolve) => setImmediate(resolve));
  for (const parcel of cluster.queue) {
    const message = parsePeerMessage(parcel.bytes, defaultLimits);
    if (message.kind !== 'raft' || readRaftFields(message.message).type !== type) continue;
    return { cluster, receiver: cluster.node(parcel.to), sender: parcel.from, message };
  }
  throw new assert.AssertionError({ message: `no message of type ${type}` });
}

function captureAppend(): Promise<Captured> {
  return capture(append, (_cluster, leader) => leader.propose(leader.seal(2, 500)));
}

function kindOf(verdict: Verdict): string {
  return verdict.kind;
}

/** Replaces the value of a varint field of one or two bytes by one as long. */
function withField(message: Uint8Array, tag: number, value: number): Uint8Array {
  const changed = message.slice();
  let at = 0;
  while (at < changed.length) {
    const key = changed[at] ?? 0;
    assert.ok(key < 0x80, 'the scalar fields come first');
    if (key >> 3 === tag) {
      assert.ok((changed[at + 1] ?? 0x80) < 0x80 && value < 0x80, 'a value of one byte');
      changed[at + 1] = value;
      return changed;
    }
    at += key % 8 === 0 ? 2 : 2 + (changed[at + 1] ?? 0);
  }
  throw new assert.AssertionError({ message: `no field ${tag}` });
}

describe('a Raft message of a peer', () => {
  it('is accepted as it was sent, twice too', async () => {
    const { receiver, sender, message } = await captureAppend();
    assert.equal(kindOf(receiver.replica.step(sender, message)), 'accept');
    assert.equal(kindOf(receiver.replica.step(sender, message)), 'accept');
  });

  it('is rejected from another sender, for another node, or without a term', async () => {
    const { receiver, sender, message } = await captureAppend();
    const { replica } = receiver;
    const other = [1, 2, 3].find((id) => id !== sender && id !== receiver.id) ?? 0;
    assert.equal(kindOf(replica.step(other, message)), 'reject');
    const bent: readonly Uint8Array[] = [
      withField(message.message, 2, other),
      withField(message.message, 3, other),
      withField(message.message, 4, 0),
    ];
    for (const bytes of bent) {
      assert.equal(kindOf(replica.step(sender, { ...message, message: bytes })), 'reject');
    }
  });

  it('is rejected when it is of a type that does not travel or does not decode', async () => {
    const { receiver, sender, message } = await captureAppend();
    const { replica } = receiver;
    // MsgHup, MsgProp, MsgUnreachable, MsgTransferLeader, and two of storage threads.
    for (const type of [0, 2, 10, 13, 19, 21]) {
      const bytes = withField(message.message, 1, type);
      assert.equal(kindOf(replica.step(sender, { ...message, message: bytes })), 'reject');
    }
    const garbage = new Uint8Array([0xff, 0xff, 0xff]);
    assert.equal(kindOf(replica.step(sender, { ...message, message: garbage })), 'reject');
    const long = new Uint8Array(defaultLimits.messageBytesMax + 1);
    assert.equal(kindOf(replica.step(sender, { ...message, message: long })), 'reject');
  });

  it('is rejected when Raft would trip over its entries', async () => {
    const { receiver, sender } = await captureAppend();
    const { replica } = receiver;
    const { view } = replica.status().office;
    const envelope = (type: number): number[] => [
      ...[0x08, type, 0x10, receiver.id, 0x18, sender],
      ...[0x20, view, 0x28, view, 0x30, 0x01],
    ];
    const bent: Readonly<Record<string, readonly number[]>> = {
      'a read without an entry': envelope(15),
      'a read with a short context': [...envelope(15), 0x3a, 0x03, 0x22, 0x01, 0xff],
      'an entry of an unknown type': [...envelope(append), 0x3a, 0x02, 0x08, 0x07],
      'an entry of a later term': [...envelope(append), 0x3a, 0x02, 0x10, view + 1],
      'a handle that is none': [...envelope(append), 0x3a, 0x05, 0x10, view, 0x22, 0x01, 0xff],
      'a membership change that is none': [
        ...[...envelope(append), 0x3a, 0x07, 0x08, 0x02, 0x10, view, 0x22, 0x01, 0xff],
      ],
      'a vote with an entry': [...envelope(5), 0x3a, 0x02, 0x10, view],
      'a snapshot without one': envelope(7),
    };
    for (const [name, bytes] of Object.entries(bent)) {
      const message: PeerMessage = { kind: 'raft', message: new Uint8Array(bytes), bodies: [] };
      assert.equal(kindOf(replica.step(sender, message)), 'reject', name);
    }
  });

  it('is rejected with a body that none of its handles names', async () => {
    const { receiver, sender, message } = await captureAppend();
    const body = message.bodies[0]?.slice() ?? new Uint8Array();
    body[7] = (body[7] ?? 0) ^ 1;
    const { replica } = receiver;
    assert.equal(kindOf(replica.step(sender, { ...message, bodies: [body] })), 'reject');
    const extra = [...message.bodies, new Uint8Array([1])];
    assert.equal(kindOf(replica.step(sender, { ...message, bodies: extra })), 'reject');
    assert.equal(replica.status().stagedBytes, 0);
  });

  it('is rejected when a heartbeat commits what this node never acknowledged', async () => {
    const { receiver, sender, message } = await capture(heartbeat, (_cluster, leader) =>
      leader.replica.tick(),
    );
    const { commit } = receiver.replica.status().raft;
    const honest = receiver.replica.step(sender, message);
    assert.equal(kindOf(honest), 'accept');
    const bytes = withField(message.message, 8, commit + 1);
    assert.equal(kindOf(receiver.replica.step(sender, { ...message, message: bytes })), 'reject');
  });

  it('never makes a verified body replaceable: flips in it change the verdict, not the ledger', async () => {
    const random = new SeededRandom(11);
    const { cluster, receiver, sender, message } = await captureAppend();
    for (let run = 0; run < 100; run++) {
      const bodies = message.bodies.map((body) => body.slice());
      const [body] = bodies;
      assert.ok(body);
      const at = random.below(body.length);
      body[at] = (body[at] ?? 0) ^ (1 << random.below(8));
      assert.equal(kindOf(receiver.replica.step(sender, { ...message, bodies })), 'reject');
    }
    assert.equal(kindOf(receiver.replica.step(sender, message)), 'accept');
    await cluster.settle();
    // The checkers compare each persisted and delivered body with its handle.
    assert.ok(cluster.checkers.counts.bodies > 0);
  });
});

describe('a message without its bodies', () => {
  it('waits until they come, and is forgotten when they do not', async () => {
    const { cluster, receiver, sender, message } = await captureAppend();
    const { replica } = receiver;
    cluster.queue = [];
    assert.equal(kindOf(replica.step(sender, { ...message, bodies: [] })), 'accept');
    const fetches = cluster.queue.filter(({ bytes }) => bytes[0] === 2);
    assert.equal(fetches.length, 1);
    const other: PeerMessage = { kind: 'bodies', bodies: [new Uint8Array([9])] };
    assert.equal(kindOf(replica.step(sender, other)), 'ignore');
    const before = replica.status().lastSeqno;
    const supply: PeerMessage = { kind: 'bodies', bodies: message.bodies };
    assert.equal(kindOf(replica.step(sender, supply)), 'accept');
    await cluster.settle();
    assert.ok(replica.status().lastSeqno > before);
    assert.equal(kindOf(replica.step(sender, supply)), 'ignore');
  });

  it('is asked for again, and given up after a while', async () => {
    const { cluster, receiver, sender, message } = await captureAppend();
    cluster.isolated.add(receiver.id);
    cluster.queue = [];
    receiver.replica.step(sender, { ...message, bodies: [] });
    let fetchCount = 0;
    for (let beat = 0; beat <= defaultLimits.heldTicksMax; beat++) {
      receiver.replica.tick();
      fetchCount += cluster.queue.filter(({ bytes }) => bytes[0] === 2).length;
      cluster.queue = [];
    }
    assert.ok(fetchCount >= 5, `${fetchCount} requests`);
    const supply: PeerMessage = { kind: 'bodies', bodies: message.bodies };
    assert.equal(kindOf(receiver.replica.step(sender, supply)), 'ignore');
  });

  it('is dropped when too many wait already', async () => {
    const { receiver, sender, message } = await captureAppend();
    const bare = { ...message, bodies: [] };
    const verdicts = Array.from({ length: defaultLimits.heldMessagesMax + 1 }, () =>
      kindOf(receiver.replica.step(sender, bare)),
    );
    assert.equal(verdicts.pop(), 'ignore');
    assert.ok(verdicts.every((kind) => kind === 'accept'));
  });
});

describe('a request for bodies', () => {
  it('is answered from memory and from the files, and never with another body', async () => {
    const cluster = new Cluster({ seed: 1, limits: { recentBytesMax: 0 } });
    cluster.start([1]);
    await cluster.settle();
    const node = cluster.node(1);
    for (let count = 0; count < 3; count++) node.propose(node.seal(2, 300));
    await cluster.settle();
    const held = node.durable.map(({ handle }) => handle);
    const place = {
      kind: 'batch',
      view: asView(2),
      firstSeqno: asSeqno(3),
      entryCount: 2,
    } as const;
    const other: Handle = createHandle(place, new Uint8Array(300));
    const ask = (handles: readonly Handle[]): string =>
      kindOf(node.replica.step(9, { kind: 'fetch', handles }));
    assert.equal(ask(held), 'ignore', 'a stranger gets nothing');
    const added = node.replica.proposeMembership({ kind: 'addLearner', id: 9 });
    await cluster.settle();
    await added;
    cluster.queue = [];
    assert.equal(ask(held), 'accept');
    assert.equal(ask(held), 'ignore', 'one request at a time');
    await new Promise((resolve) => setImmediate(resolve));
    const answer = cluster.queue.pop();
    assert.ok(answer);
    const message = parsePeerMessage(answer.bytes, defaultLimits);
    assert.ok(message.kind === 'bodies' && message.bodies.length === held.length);
    assert.equal(ask([other]), 'accept');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(cluster.queue.length, 0);
    assert.equal(ask(Array.from({ length: 9 }, () => other)), 'reject');
  });
});

describe('a replica that does not run', () => {
  it('ignores messages and ticks and refuses calls', async () => {
    const cluster = new Cluster({ seed: 1 });
    const node = cluster.add(1);
    assert.equal(kindOf(node.replica.step(2, { kind: 'bodies', bodies: [] })), 'ignore');
    node.start(createConfiguration([1]), 2);
    await cluster.settle();
    const read = assert.rejects(node.replica.readIndex(), { code: 'ReplicaStopped' });
    node.replica.stop();
    await read;
    node.replica.tick();
    node.replica.stop();
    assert.throws(() => node.replica.status(), { code: 'ReplicaStopped' });
    await assert.rejects(node.replica.readIndex(), { code: 'ReplicaStopped' });
  });
});
