import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { asView, toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { type NodeInfoRow, nodeInfos, nodeJoins, nodeVoters, raftIdOf } from '@coco/governance';
import { ConfigurationRecorder } from '../src/configuration-recorder.ts';
import { PipelineHarness } from './pipeline-harness.ts';

const row = {
  node_to_node_interface: {},
  rpc_interfaces: {},
  quote_info: { format: 'Insecure_Virtual', quote: '', endorsements: '' },
  encryption_pub_key: 'pem',
};

/** A primary's pipeline, with nodes in its ledger and a recorder beside it. */
class Recording {
  readonly harness: PipelineHarness = new PipelineHarness({ uncommittedMax: 8 });
  readonly recorder: ConfigurationRecorder;

  private constructor() {
    const { pipeline, clock } = this.harness;
    const log = { write: (): void => {} };
    this.recorder = new ConfigurationRecorder({ pipeline, clock, log });
  }

  /** Nodes by name with their status: each is added by a transaction of its own. */
  static async start(nodes: Readonly<Record<string, NodeInfoRow['status']>>): Promise<Recording> {
    const recording = new Recording();
    recording.harness.pipeline.startExecuting();
    for (const [name, status] of Object.entries(nodes)) recording.put(name, status);
    await recording.commit();
    return recording;
  }

  put(name: string, status: NodeInfoRow['status']): void {
    this.harness.pipeline.execute((transaction) => {
      const id = idOf(name);
      if (!nodeJoins.has(transaction, id)) nodeJoins.put(transaction, id, {});
      nodeInfos.put(transaction, id, { ...row, status });
      return { result: undefined };
    });
  }

  async commit(): Promise<void> {
    await this.harness.settle();
    this.harness.commit(10);
  }

  raftIds(...names: string[]): number[] {
    const state = this.harness.pipeline.committedState();
    return names.map((name) => raftIdOf(state, idOf(name)) ?? 0);
  }

  /** Lets time pass, and says what the ledger has recorded. */
  async after(ms: number, ...names: string[]): Promise<Record<string, string>> {
    this.harness.clock.advance(ms);
    await this.commit();
    const state = this.harness.pipeline.committedState();
    return Object.fromEntries(
      names.map((name) => {
        const votes = nodeVoters.has(state, idOf(name)) ? 'voted' : '';
        const isGone = nodeInfos.get(state, idOf(name))?.retired_committed === true;
        return [name, `${votes}${isGone ? ' gone' : ''}`];
      }),
    );
  }
}

function idOf(name: string): string {
  return toHex(sha256(new TextEncoder().encode(name)));
}

describe('what the ledger records of the configuration', () => {
  test('is who votes, once Raft’s configuration names it, whatever became of it since', async () => {
    const recording = await Recording.start({ a: 'Trusted', b: 'Trusted', c: 'Retired' });
    assert.deepEqual(await recording.after(5_000, 'a', 'b'), { a: '', b: '' }, 'nobody told it');
    const [a = 0, b = 0, c = 0] = recording.raftIds('a', 'b', 'c');
    recording.recorder.onConfiguration({ voters: [a, c], learners: [b] });
    assert.deepEqual(await recording.after(500, 'a', 'b', 'c'), { a: 'voted', b: '', c: 'voted' });
    recording.recorder.onConfiguration({ voters: [a, b, c], learners: [] });
    assert.deepEqual(await recording.after(500, 'b'), { b: 'voted' });
    const { length } = recording.harness.proposed;
    await recording.after(5_000);
    assert.equal(recording.harness.proposed.length, length, 'nothing is written twice');
    recording.recorder.stop();
  });

  test('is that a retired node is gone, some time after Raft dropped it and not before', async () => {
    const recording = await Recording.start({ a: 'Trusted', b: 'Retired', p: 'Pending' });
    const [a = 0, b = 0] = recording.raftIds('a', 'b');
    recording.recorder.onConfiguration({ voters: [a, b], learners: [] });
    assert.deepEqual(await recording.after(9_000, 'b'), { b: 'voted' });
    recording.recorder.onConfiguration({ voters: [a], learners: [b] });
    assert.deepEqual(await recording.after(9_000, 'b'), { b: 'voted' });
    recording.recorder.onConfiguration({ voters: [a], learners: [] });
    assert.deepEqual(await recording.after(500, 'b'), { b: 'voted' });
    await recording.after(2_500, 'b');
    assert.deepEqual(await recording.after(500, 'a', 'b', 'p'), {
      a: 'voted',
      b: 'voted gone',
      p: '',
    });
    recording.recorder.stop();
  });

  test('waits for its office, and for room', async () => {
    const recording = await Recording.start({ a: 'Trusted', b: 'Retired' });
    const { pipeline } = recording.harness;
    const [a = 0] = recording.raftIds('a');
    recording.recorder.onConfiguration({ voters: [a], learners: [] });
    pipeline.loseOffice(asView(3));
    assert.deepEqual(await recording.after(9_000, 'a', 'b'), { a: '', b: '' });
    pipeline.startExecuting(asView(3));
    await recording.commit();
    for (let count = 0; count < 8; count++) recording.harness.write('row', `${count}`);
    recording.harness.clock.advance(500);
    assert.deepEqual(await recording.after(0, 'a'), { a: '' }, 'too much waits for commit');
    assert.deepEqual(await recording.after(500, 'a', 'b'), { a: 'voted', b: '' });
    await recording.after(3_000);
    assert.deepEqual(
      await recording.after(0, 'b'),
      { b: ' gone' },
      'the wait began with the office',
    );
    recording.recorder.stop();
  });
});
