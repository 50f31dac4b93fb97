import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseJson } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { parseConfiguration } from '@coco/node';
import { type NodeBeginning, writeConfiguration } from '../src/node-configuration.ts';
import type { NodeFolder } from '../src/node-folder.ts';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { prepareKeys } from '../src/sandbox-keys.ts';
import { launchNode } from '../src/sandbox-node.ts';

describe('the sandbox’s node', () => {
  let folder: SandboxFolder;
  let node: NodeFolder;
  beforeEach(async () => {
    folder = new SandboxFolder(await mkdtemp(join(tmpdir(), 'coco-spawn-')));
    node = folder.nodeFolder('node0');
    await prepareKeys(folder, () => []);
  });
  afterEach(() => rm(folder.path, { recursive: true, force: true }));

  const write = (beginning: NodeBeginning) =>
    writeConfiguration(folder, node, {
      ports: { https: 8001, rpc: 8546 },
      chainId: 7,
      accounts: [],
      beginning,
    });
  const started = async () => (await launchNode(node)).started();

  test('gets a configuration that starts a service, or recovers one', async () => {
    const read = async () =>
      parseConfiguration(parseJson(await readFile(node.file('config.json'))));
    await write({ kind: 'start' });
    const { command, interfaces, nodeToNode } = await read();
    assert.equal(command.type, 'Start');
    const { start } = command;
    assert.deepEqual([start.members.length, start.recoveryThreshold], [3, 2]);
    const [file = ''] = start.constitutionFiles;
    assert.equal(await readFile(node.file(file), 'utf8'), createConstitution());
    const ports = interfaces.map(({ name, authority, port }) => [name, authority, port]);
    assert.deepEqual(ports, [
      ['https', 'Service', 8001],
      ['ethereum', 'Unsecured', 8546],
    ]);
    assert.equal(nodeToNode?.port, 0);
    const others = [folder.nodeFolder('node1'), folder.nodeFolder('node4')];
    await write({ kind: 'recover', previousIdentity: 'PEM', others });
    const recovering = (await read()).command;
    assert.ok(recovering.type === 'Recover');
    assert.deepEqual(recovering.recover.otherLedgerDirectories, [
      '../node1/ledger',
      '../node4/ledger',
    ]);
    assert.equal(await readFile(node.file('previous_service_cert.pem'), 'utf8'), 'PEM');
  });

  test('that does not start says why', async () => {
    await write({ kind: 'start' });
    await writeFile(node.file('config.json'), '{}');
    const ended = {
      code: 'NodeDidNotStart',
      message: /ended with code 1 before it served.*node\.log/,
    };
    await assert.rejects(started(), ended);
    assert.match(await readFile(node.file('node.log'), 'utf8'), /InvalidConfiguration/);
    await write({ kind: 'start' });
    await rm(folder.member('development_root_privk.pem'));
    await assert.rejects(started(), {
      code: 'NodeDidNotStart',
      metadata: {
        nodeCode: 'InvalidConfiguration',
        file: '../members/development_root_privk.pem',
      },
      message: /development_root_privk\.pem".*cannot be read/,
    });
  });

  test('that was launched before it has a configuration waits for it, or is stopped', async () => {
    await write({ kind: 'start' });
    await rm(node.file('config.json'));
    const waiting = await launchNode(node);
    await waiting.stop();
    await assert.rejects(waiting.started(), { code: 'NodeDidNotStart' });
    assert.equal(await node.isRunning(), false);
  });
});
