import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type JsonValue, utf8Decode, type View } from '@coco/base';
import type { Response } from '@coco/endpoint';
import { nodeInfos } from '@coco/governance';
import { nodeError } from '../src/errors.ts';
import { networkEndpoints } from '../src/network-endpoints.ts';
import { nodeBody } from '../src/node-endpoints.ts';
import { createTwoNodes, type TestNode } from './two-nodes.ts';

function serve(node: TestNode): void {
  const { leadership } = node.context();
  node.registry.add(
    networkEndpoints({
      leadership,
      role: () => (node.isExecuting ? 'leader' : 'follower'),
      committedState: () => node.harness.pipeline.committedState(),
      becomeCurrent: () => node.becomeCurrent(),
      describe: (state, row) => nodeBody({ leadership }, state, row),
    }),
  );
}

async function served(): Promise<{ readonly primary: TestNode; readonly backup: TestNode }> {
  const nodes = await createTwoNodes([]);
  serve(nodes.primary);
  serve(nodes.backup);
  return nodes;
}

const bodyOf = ({ body }: Response): JsonValue => JSON.parse(utf8Decode(body));
const codeOf = (response: Response) => (bodyOf(response) as { error: { code: string } }).error.code;

suite('what a node tells of the others', () => {
  test('is whether it is the primary, and where the primary is', async () => {
    const { primary, backup } = await served();
    const ask = (node: TestNode, method: string) => node.answer({ method, path: '/node/primary' });
    assert.equal((await ask(primary, 'GET')).status, 200);
    assert.equal((await ask(primary, 'HEAD')).status, 200);
    assert.equal((await ask(backup, 'GET')).status, 404);
    const pointed = await ask(backup, 'HEAD');
    assert.equal(pointed.status, 308);
    assert.equal(pointed.headers.location, 'https://node0.example:443/node/primary');
    backup.primaryId = undefined;
    assert.equal((await ask(backup, 'HEAD')).status, 503);
  });

  test('is never that it is the primary when no majority says so, or no more', async () => {
    const { primary } = await served();
    primary.becomeCurrent = () => Promise.reject(nodeError('ReplicaBusy', 'cut off'));
    for (const method of ['GET', 'HEAD']) {
      assert.equal((await primary.answer({ method, path: '/node/primary' })).status, 503);
    }
    primary.becomeCurrent = async () => {
      primary.isExecuting = false;
    };
    assert.equal((await primary.answer({ path: '/node/primary' })).status, 404);
  });

  test('is whether it is a backup, and where one is', async () => {
    const { primary, backup } = await served();
    const ask = (node: TestNode, method: string) => node.answer({ method, path: '/node/backup' });
    assert.equal((await ask(backup, 'GET')).status, 200);
    assert.equal((await ask(backup, 'HEAD')).status, 200);
    assert.equal((await ask(primary, 'GET')).status, 404);
    assert.equal((await ask(primary, 'HEAD')).status, 308);
  });

  test('is how consensus stands', async () => {
    const { primary, backup } = await served();
    backup.view = 7 as View;
    const answer = await backup.answer({ path: '/node/consensus' });
    const { details } = bodyOf(answer) as { details: Record<string, JsonValue> };
    assert.equal(details.leadership_state, 'Follower');
    assert.equal(details.membership_state, 'Active');
    assert.equal(details.primary_id, primary.nodeId);
    assert.equal(details.current_view, 7);
    assert.equal((await primary.answer({ path: '/node/config' })).status, 200);
  });
});

suite('a retired node’s row', () => {
  test('is listed and can be deleted once its retirement is final, and not before', async () => {
    const { primary, backup } = await served();
    const { harness } = primary;
    const path = `/node/network/nodes/${backup.nodeId}`;
    const remove = () => primary.answer({ method: 'DELETE', path });
    const listed = async () => {
      const answer = await primary.answer({ path: '/node/network/removable_nodes' });
      return (bodyOf(answer) as { nodes: { node_id: string }[] }).nodes.map((one) => one.node_id);
    };
    const retire = async (fields: object) => {
      harness.pipeline.execute((transaction) => {
        const row = nodeInfos.get(transaction, backup.nodeId);
        assert.ok(row);
        nodeInfos.put(transaction, backup.nodeId, { ...row, ...fields, status: 'Retired' });
        return { result: undefined };
      });
    };
    assert.equal(codeOf(await remove()), 'NodeNotRetiredCommitted');
    await retire({});
    assert.equal(codeOf(await remove()), 'NodeNotRetiredCommitted');
    await retire({ retired_committed: true });
    assert.deepEqual(await listed(), [], 'what is not committed may be rolled back');
    await harness.settle();
    harness.commit(1);
    assert.deepEqual(await listed(), [backup.nodeId]);
    assert.equal((await remove()).status, 200);
    assert.equal((await remove()).status, 404);
  });
});
