/**
 * A network whose hosts are hostile: one meddles with the packets between nodes, one with the files
 * of its node. Nothing forged is accepted, nothing acknowledged is lost, and at worst a node stops
 * with a clear message. Hostile joins are in ../test/join.test.ts and join-endpoint.test.ts.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { present, utf8Decode, utf8Encode } from '@coco/base';
import { HostileLink, type Mischief } from '../test/hostile-link.ts';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';

/** The id of a write, or undefined while nobody executes. */
async function write(
  network: TestNetwork,
  name: string,
  text: string,
): Promise<string | undefined> {
  const node = await network.untilPrimary();
  const answer = await node.ask(`/app/notes/${name}`, { method: 'POST', body: utf8Encode(text) });
  if (answer.status !== 503) assert.equal(answer.status, 200, utf8Decode(answer.bytes));
  return (answer.json as { transactionId?: string }).transactionId;
}

/** Writes until it is committed; a write that is lost with its view is written again. */
async function commit(network: TestNetwork, name: string, text: string): Promise<string> {
  for (;;) {
    const id = await write(network, name, text);
    if (id !== undefined && (await network.member.decided(id)) === 'Committed') return id;
  }
}

async function read(node: TestNode, name: string): Promise<string> {
  const answer = await node.askUntil(`/app/notes/${name}`, ({ status }) => status === 200);
  return utf8Decode(answer.bytes);
}

function smallChunks(configuration: { [name: string]: unknown }): void {
  Object.assign(configuration, { ledger: { chunk_size: '16KB' } });
}

describe('a host that meddles with the packets between nodes', () => {
  const links: HostileLink[] = [];
  let network: TestNetwork;

  before(async () => {
    network = await TestNetwork.create();
    for (let count = 0; count < 3; count++) {
      const link = await HostileLink.open(
        () => present(network.nodes[count], 'it runs').peerAddress,
      );
      links.push(link);
      const configure = (configuration: { [name: string]: unknown }): void => {
        smallChunks(configuration);
        const part = configuration.network as { node_to_node_interface: object };
        Object.assign(part.node_to_node_interface, { published_address: link.address });
      };
      if (count === 0) await network.start(configure);
      else await network.grow({ configure });
    }
    await network.openService();
  });
  after(async () => {
    await network.remove();
    for (const link of links) link.close();
  });

  const kinds: readonly Mischief[] = ['flip', 'repeat', 'swap', 'drop', 'garbage', 'cut'];
  for (const kind of kinds) {
    test(`is noticed, and what it does costs time at most: ${kind}`, {
      timeout: 60_000,
    }, async () => {
      for (const link of links) link.begin(kind);
      const before = links.reduce((sum, link) => sum + (link.done.get(kind) ?? 0), 0);
      // Nobody waits for these: they go on their way while the wire is not to be trusted.
      const tried: string[] = [];
      while (links.reduce((sum, link) => sum + (link.done.get(kind) ?? 0), 0) < before + 6) {
        const id = await write(network, kind, kind);
        if (id !== undefined) tried.push(id);
      }
      for (const link of links) link.end();
      await commit(network, `after-${kind}`, kind);
      for (const id of tried) assert.match(await network.member.decided(id), /Committed|Invalid/);
      for (const node of network.nodes) {
        assert.equal(await read(node, `after-${kind}`), kind);
        assert.equal(node.failure, undefined);
      }
    });
  }

  test('leaves ledgers that are the same everywhere', async () => {
    await commit(network, 'last', 'last');
    for (const node of network.nodes) await read(node, 'last');
    const [first, ...others] = await Promise.all(network.nodes.map(closedChunks));
    assert.ok(first && first.size > 0);
    for (const other of others) {
      const shared: (readonly [string, Uint8Array])[] = [...other].filter(([name]) =>
        first.has(name),
      );
      assert.ok(shared.length > 0);
      for (const [name, bytes] of shared) assert.deepEqual(bytes, first.get(name), name);
    }
  });
});

/** The chunks that nothing is added to any more, by name. */
async function closedChunks(node: TestNode): Promise<ReadonlyMap<string, Uint8Array>> {
  const names = (await readdir(node.ledgerFolder)).filter((name) => name.endsWith('.committed'));
  const files = names.map(
    async (name) => [name, await readFile(join(node.ledgerFolder, name))] as const,
  );
  return new Map(await Promise.all(files));
}

/** Changes one bit in the middle of each file of a folder whose name ends so. */
async function flipFiles(folder: string, ending: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(ending));
  for (const name of names) {
    const bytes = await readFile(join(folder, name));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(join(folder, name), bytes);
  }
  return names.length;
}

describe('hosts that meddle with the files of their nodes', () => {
  let network: TestNetwork;
  const ids: string[] = [];

  before(async () => {
    network = await TestNetwork.create();
    await network.start(smallChunks);
    await network.grow({ configure: smallChunks });
    await network.grow({ configure: smallChunks });
    await network.openService();
    for (let count = 0; count < 60; count++) {
      ids.push(await commit(network, `n${count}`, `note ${count} `.repeat(60)));
    }
  });
  after(() => network.remove());

  test('forge no receipt: what is damaged is refused with a code', async () => {
    const backup = present(
      network.nodes.find((node) => node !== network.primary),
      'one follows',
    );
    assert.ok((await flipFiles(backup.ledgerFolder, '.committed')) > 0);
    const refused: string[] = [];
    for (const id of ids) {
      const answer = await backup.ask(`/app/receipt/cose?transaction_id=${id}`);
      if (answer.status === 200) continue;
      refused.push((answer.json as { error: { code: string } }).error.code);
    }
    assert.ok(refused.length > 0);
    assert.deepEqual([...new Set(refused)], ['LedgerDamaged']);
    assert.equal(backup.failure, undefined);
    assert.equal(await read(backup, 'n0'), 'note 0 '.repeat(60));
  });

  test('mislead no node that joins: it takes what verifies, from who has it', async () => {
    const sound = present(network.primary, 'somebody leads');
    for (const node of network.nodes) {
      if (node === sound) continue;
      await flipFiles(join(node.folder, 'snapshots'), '.committed');
    }
    const joined = await network.grow({ configure: smallChunks });
    await commit(network, 'after', 'after');
    for (const count of [0, 30, 59]) {
      assert.equal(await read(joined, `n${count}`), `note ${count} `.repeat(60));
    }
    assert.equal(await read(joined, 'after'), 'after');
    const [own, its] = await Promise.all([closedChunks(joined), closedChunks(sound)]);
    for (const [name, bytes] of own) {
      if (its.has(name)) assert.deepEqual(bytes, its.get(name), name);
    }
  });
});
