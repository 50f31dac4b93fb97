import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NodeVisits } from '../src/node-visits.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { SandboxNetwork } from '../src/sandbox-network.ts';
import type { SandboxNode } from '../src/sandbox-node.ts';
import { type NodeWatch, watchNodes } from '../src/sandbox-watch.ts';

interface Watched {
  readonly told: readonly string[];
  readonly watch: NodeWatch;
  end(place: number, reason: string): Promise<void>;
}

/** Nodes without processes, which end when the test says so. */
function watched(count: number): Watched {
  const folder = new SandboxFolder('/nonexistent/sandbox');
  const network = new SandboxNetwork(folder, { ports: { https: 0, rpc: 0 }, chainId: 1 });
  const ends = Array.from({ length: count }, (_, place) => {
    const ended = Promise.withResolvers<Awaited<SandboxNode['ended']>>();
    const node: SandboxNode = {
      folder: folder.nodeFolder(`node${place}`),
      nodeId: `id${place}`,
      pid: place,
      httpsUrl: 'https://127.0.0.1:1',
      rpcUrl: 'http://127.0.0.1:2',
      recoveredSeqno: undefined,
      ended: ended.promise,
      stop: async () => undefined,
      kill: () => undefined,
    };
    network.take({ place, folder: node.folder }, node);
    return ended;
  });
  const told: string[] = [];
  const visits = new NodeVisits(folder);
  const joining = { network, visits, tell: (line: string) => void told.push(line) };
  return {
    told,
    watch: watchNodes(joining, { isReplacing: false }),
    end: async (place, reason) => {
      ends[place]?.resolve({ code: 1, reason });
      await ends[place]?.promise;
    },
  };
}

describe('the watch over a sandbox’s nodes', () => {
  test('tells of a node that ends, and of the loss of the majority', async () => {
    const { told, watch, end } = watched(3);
    await end(1, 'SIGKILL');
    assert.deepEqual(told, ['node1 ended (SIGKILL): 2 of 3 nodes left']);
    await end(0, 'the disk is gone (DiskFailed)');
    assert.match(await watch.lost, /^1 of 3 nodes are left, which is no majority.*"npm start"/);
    assert.equal(told.length, 2);
  });

  test('of one node, and of two, loses all with any', async () => {
    const alone = watched(1);
    await alone.end(0, 'code 70');
    assert.match(await alone.watch.lost, /ended by itself; see .*node0\/node\.log/);
    const two = watched(2);
    await two.end(1, 'SIGKILL');
    assert.match(await two.watch.lost, /1 of 2 nodes are left/);
  });

  test('says nothing of nodes that are stopped', async () => {
    const { told, watch, end } = watched(3);
    watch.stop();
    for (const place of [0, 1, 2]) await end(place, 'code 0');
    assert.deepEqual(told, []);
  });
});
