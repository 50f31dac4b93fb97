/**
 * What three nodes in three processes tell their operators: metrics that are right, a peer that is
 * stopped under load and costs a bounded memory, a change of primary, and no primary at all.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { present } from '@coco/base';
import type { Answer } from '../test/member-client.ts';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

const noteBytes = 900_000;
/** So many of them, 126 MB, are more than a node may keep for a peer that takes nothing. */
const loadCount = 140;
const growthBytesMax = 100_000_000;
const queuedBytesMax = 32 * 1024 * 1024;

type Labelled = Readonly<Record<string, number>>;
interface Told {
  readonly [name: string]: unknown;
  readonly role: number;
  readonly view: number;
  readonly leader_id: number;
  readonly committed_seqno: number;
  readonly applied_seqno: number;
  readonly peer_lag_entries: Labelled;
  readonly link_up: Labelled;
  readonly link_queued_bytes: Labelled;
  readonly link_round_trip_seconds: Labelled;
  readonly peer_clock_skew_seconds: Labelled;
  readonly elections_total: number;
  readonly leader_changes_total: number;
  readonly rollbacks_total: number;
  readonly batch_entries: { readonly count: number; readonly sum: number };
  readonly commit_seconds: { readonly count: number; readonly sum: number };
  readonly flush_seconds: { readonly count: number; readonly sum: number };
  readonly memory_rss_bytes: number;
  readonly store_bytes: number;
  readonly troubles: Labelled;
}

describe('three nodes in three processes', { timeout: 240_000 }, () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    await network.start();
    await network.grow();
    await network.grow();
    await network.openService();
    for (const node of network.nodes) await node.untilLogged('peer.up');
  });
  // One test that fails leaves the others a network that runs.
  afterEach(() => {
    for (const node of network.running) node.signal('SIGCONT');
  });
  after(() => network.remove());

  const told = async (node: TestNode): Promise<Told> =>
    (await node.ask('/node/metrics')).json as unknown as Told;

  /** Looks again and again: the replica tells its figures once a second. */
  async function untilTold(node: TestNode, isIt: (told: Told) => boolean): Promise<Told> {
    for (;;) {
      const found = await told(node);
      if (isIt(found)) return found;
    }
  }

  const post = (node: TestNode, name: string, bytes = noteBytes): Promise<Answer> =>
    node.ask(`/app/notes/${name}`, { method: 'POST', body: new Uint8Array(bytes).fill(66) });
  const idOf = ({ json }: Answer): string => (json as { transactionId: string }).transactionId;
  const othersOf = (node: TestNode): readonly TestNode[] =>
    network.running.filter((other) => other !== node);

  test('tell their office, commit, peers and times as they are', async () => {
    const primary = await network.untilPrimary();
    const id = idOf(await post(primary, 'measured', 100));
    for (const node of network.nodes) await node.untilCommitted(id);
    const [view, seqno] = id.split('.').map(Number);
    const isThere = ({ committed_seqno }: Told): boolean => committed_seqno >= (seqno ?? 0);
    const led = await untilTold(primary, isThere);
    assert.deepEqual([led.role, led.view], [2, view]);
    assert.ok(led.elections_total >= 1, 'it campaigned, or it would not lead');
    assert.ok(led.applied_seqno >= led.committed_seqno, 'a state is at commit');
    assert.equal(Object.keys(led.peer_lag_entries).length, 2);
    assert.ok(led.batch_entries.count > 0);
    assert.ok(led.batch_entries.sum >= 2 * led.batch_entries.count, 'a signature ends each batch');
    assert.ok(led.commit_seconds.sum > 0);
    const peers = await Promise.all(othersOf(primary).map((node) => untilTold(node, isThere)));
    for (const one of [led, ...peers]) {
      assert.deepEqual([one.leader_id, one.view], [led.leader_id, view]);
      assert.ok(one.flush_seconds.count > 0 && one.flush_seconds.sum > 0);
      assert.deepEqual(Object.values(one.link_up), [1, 1]);
    }
    for (const { role, peer_lag_entries } of peers) {
      assert.deepEqual([role, peer_lag_entries], [0, {}], 'only a primary knows of lags');
    }
    for (const node of network.nodes) {
      const measured = await untilTold(
        node,
        ({ link_round_trip_seconds: trips }) => Object.keys(trips).length === 2,
      );
      for (const seconds of Object.values(measured.link_round_trip_seconds)) {
        assert.ok(seconds > 0 && seconds < 5, `a round trip of ${seconds} s`);
      }
      for (const seconds of Object.values(measured.peer_clock_skew_seconds)) {
        assert.ok(Math.abs(seconds) < 2, `clocks of one machine stand ${seconds} s apart`);
      }
    }
    await untilTold(primary, ({ peer_lag_entries: lag }) =>
      Object.values(lag).every((entries) => entries === 0),
    );
  });

  test('tell of a stopped peer, which costs the others a bounded memory under load', async () => {
    const primary = await network.untilPrimary();
    const slow = present(othersOf(primary)[0], 'there are three');
    const awake = othersOf(slow);
    // What a node needs anyway is there after a first load.
    for (let note = 0; note < 80; note++) await post(primary, `warm${note % 8}`);
    /** What each takes beside the state, in whose older versions the notes stay for a while. */
    const measured = async (): Promise<readonly number[]> => {
      const all = await Promise.all(awake.map(told));
      for (const bytes of all.flatMap((one) => Object.values(one.link_queued_bytes))) {
        assert.ok(bytes <= queuedBytesMax, `${bytes} bytes are queued`);
      }
      return all.map((one) => one.memory_rss_bytes - one.store_bytes);
    };
    const before = await measured();
    const growth: number[] = [];
    slow.signal('SIGSTOP');
    for (let note = 0; note < loadCount; note++) {
      const answer = await post(primary, `note${note % 8}`, noteBytes);
      // On a busy machine office may change meanwhile, and an answer be lost.
      assert.ok([200, 503, 504].includes(answer.status), `${answer.status}`);
      if (note % 20 !== 0) continue;
      growth.push(...(await measured()).map((now, at) => now - (before[at] ?? 0)));
    }
    process.stdout.write(`# grew by ${Math.round(Math.max(...growth) / 1e6)} MB\n`);
    assert.ok(Math.max(...growth) < growthBytesMax, `grew by ${Math.max(...growth)} bytes`);
    for (const node of awake) await node.untilLogged('peer.lost');
    const oneTells = (event: string) => Promise.race(awake.map((node) => node.untilLogged(event)));
    let isTold = false;
    const telling = oneTells('network.lag').then(() => {
      isTold = true;
    });
    // How many writes share a batch, and so how far they leave it behind, is up to the machine.
    while (!isTold) await post(await network.untilPrimary(), 'behind', 100);
    await telling;
    slow.signal('SIGCONT');
    await oneTells('network.lag.over');
    const { committed_seqno } = await told(primary);
    await untilTold(slow, ({ applied_seqno }) => applied_seqno >= committed_seqno);
  });

  test('tell of a change of primary, and what was rolled back', async () => {
    const old = await network.untilPrimary();
    const before = new Map<TestNode, Told>();
    for (const node of network.nodes) before.set(node, await told(node));
    const grown = (node: TestNode, now: Told, name: 'elections_total' | 'rollbacks_total') =>
      now[name] - (before.get(node)?.[name] ?? 0);
    const { view, leader_id: oldId } = await told(old);
    old.signal('SIGSTOP');
    const next = await network.untilPrimary((node) => node !== old);
    old.signal('SIGCONT');
    const isOver = (found: Told): boolean =>
      found.view > view && found.leader_id !== oldId && found.leader_id !== 0;
    const deposed = await untilTold(old, (found) => isOver(found) && found.role === 0);
    assert.equal(grown(old, deposed, 'rollbacks_total'), 1);
    assert.ok(deposed.leader_changes_total >= 2);
    const elected = await untilTold(next, isOver);
    assert.ok(grown(next, elected, 'elections_total') >= 1);
    assert.equal(grown(next, elected, 'rollbacks_total'), 0);
  });

  test('tell that they know of no primary, and that there is one again', async () => {
    const primary = await network.untilPrimary();
    const from = primary.events.length;
    for (const other of othersOf(primary)) other.signal('SIGSTOP');
    await primary.untilLogged('network.noPrimary', {}, from);
    assert.equal((await told(primary)).troubles.noPrimary, 1);
    const refused = await post(primary, 'refused', 100);
    assert.equal(refused.status, 503);
    for (const other of othersOf(primary)) other.signal('SIGCONT');
    await primary.untilLogged('network.noPrimary.over', {}, from);
  });
});
