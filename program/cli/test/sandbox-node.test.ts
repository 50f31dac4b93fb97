import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseJson } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { parseConfiguration } from '@coco/node';
import { SandboxFolder } from '../src/sandbox-folder.ts';
import { spawnNode, writeConfiguration } from '../src/sandbox-node.ts';

describe('the sandbox’s node', () => {
  let folder: SandboxFolder;
  beforeEach(async () => {
    folder = new SandboxFolder(await mkdtemp(join(tmpdir(), 'coco-spawn-')));
    await folder.prepare(() => []);
  });
  afterEach(() => rm(folder.path, { recursive: true, force: true }));

  const options = { ports: { https: 8001, rpc: 8546 }, chainId: 7, accounts: [] };

  test('gets a configuration that starts a service, or recovers one', async () => {
    const read = async () =>
      parseConfiguration(parseJson(await readFile(folder.node('config.json'))));
    await writeConfiguration(folder, { ...options, previousIdentity: undefined });
    const fresh = await read();
    assert.equal(fresh.command.type, 'Start');
    const { start } = fresh.command;
    assert.deepEqual([start.members.length, start.recoveryThreshold], [3, 2]);
    const [file = ''] = start.constitutionFiles;
    assert.equal(await readFile(folder.node(file), 'utf8'), createConstitution());
    const ports = fresh.interfaces.map(({ name, authority, port }) => [name, authority, port]);
    assert.deepEqual(ports, [
      ['https', 'Service', 8001],
      ['ethereum', 'Unsecured', 8546],
    ]);
    await writeConfiguration(folder, { ...options, previousIdentity: 'PEM' });
    assert.equal((await read()).command.type, 'Recover');
    assert.equal(await readFile(folder.node('previous_service_cert.pem'), 'utf8'), 'PEM');
  });

  test('that does not start says why', async () => {
    await writeFile(folder.node('config.json'), '{}');
    const ended = {
      code: 'NodeDidNotStart',
      message: /ended with code 1 before it served.*node\.log/,
    };
    await assert.rejects(
      spawnNode(folder, () => {}),
      ended,
    );
    assert.match(await readFile(folder.node('node.log'), 'utf8'), /InvalidConfiguration/);
    await writeConfiguration(folder, { ...options, previousIdentity: undefined });
    await rm(folder.member('development_root_privk.pem'));
    await assert.rejects(
      spawnNode(folder, () => {}),
      {
        code: 'NodeDidNotStart',
        metadata: { nodeCode: 'InvalidConfiguration' },
        message: /development_root_privk\.pem".*cannot be read/,
      },
    );
  });
});
