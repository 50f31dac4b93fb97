import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { takePidFile } from '../src/output-files.ts';

test('a pid file holds while its process runs, and not for what came after it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'coco-pid-'));
  const path = join(folder, 'node.pid');
  try {
    await writeFile(path, `${process.ppid}`);
    await assert.rejects(takePidFile(folder, 'node.pid'), { code: 'PidFileTaken' });
    // The machine gave the number of a process that is gone to another one.
    const longAgo = new Date(0);
    await utimes(path, longAgo, longAgo);
    await takePidFile(folder, 'node.pid');
    assert.equal(await readFile(path, 'utf8'), `${process.pid}`);
    await writeFile(path, '999999999');
    await takePidFile(folder, 'node.pid');
    await writeFile(path, 'nonsense');
    await takePidFile(folder, 'node.pid');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
