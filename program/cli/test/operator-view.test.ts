import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { SeededRandom } from '@coco/base';
import { findInFiles, seeFiles } from '../src/operator-view.ts';

/** The search reads files in parts of so many bytes. */
const partBytes = 4 * 1024 * 1024;
const value = Buffer.from(new SeededRandom(20_171_114).bytes(20));

describe('the operator’s view', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-view-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const wide = (text: string) => Buffer.from(text, 'utf16le');
  const planted: Readonly<Record<string, Uint8Array>> = {
    raw: value,
    'lower hex': Buffer.from(value.toString('hex')),
    'upper hex': Buffer.from(value.toString('hex').toUpperCase()),
    'hex in UTF-16': wide(value.toString('hex')),
    'raw in UTF-16': wide(value.toString('latin1')),
    'base64 in UTF-16': wide(value.toString('base64')),
    base64url: Buffer.from(Buffer.concat([Buffer.of(1), value]).toString('base64url')),
    ...Object.fromEntries(
      [0, 1, 2, 3].map((shift) => [
        `base64 at ${shift}`,
        Buffer.from(
          Buffer.concat([Buffer.alloc(shift, 7), value, Buffer.of(9)]).toString('base64'),
        ),
      ]),
    ),
  };

  for (const [form, bytes] of Object.entries(planted)) {
    test(`finds a value that stands there as ${form}`, async () => {
      await mkdir(join(folder, 'ledger'));
      const around = Buffer.alloc(100, 0x2e);
      await writeFile(join(folder, 'ledger', 'chunk'), Buffer.concat([around, bytes, around]));
      await writeFile(join(folder, 'clean'), around);
      assert.deepEqual(await findInFiles(folder, value), [join('ledger', 'chunk')]);
    });
  }

  test('finds nothing where nothing is, not even nearly', async () => {
    const near = Buffer.from(value);
    near[19] = (near[19] ?? 0) ^ 1;
    await writeFile(join(folder, 'near'), Buffer.concat([near, value.subarray(0, 19)]));
    await writeFile(join(folder, 'empty'), '');
    assert.deepEqual(await findInFiles(folder, value), []);
  });

  test('finds a value across the border of two parts', async () => {
    const content = Buffer.alloc(2 * partBytes + 100);
    for (const at of [partBytes - 19, partBytes - 1, partBytes, 2 * partBytes - 10]) {
      content.fill(0);
      value.copy(content, at);
      await writeFile(join(folder, 'large'), content);
      assert.deepEqual(await findInFiles(folder, value), ['large'], `at ${at}`);
    }
  });

  test('lists files with their sizes and a glimpse', async () => {
    await mkdir(join(folder, 'b'));
    await writeFile(join(folder, 'b', 'deep'), 'x');
    await writeFile(join(folder, 'a'), Buffer.concat([Buffer.alloc(60, 0x41), Buffer.of(0, 0xff)]));
    const files = await seeFiles(folder);
    assert.deepEqual(
      files.map(({ path, sizeBytes }) => [path, sizeBytes]),
      [
        ['a', 62],
        [join('b', 'deep'), 1],
      ],
    );
    assert.match(files[0]?.glimpse ?? '', /^A+··$/);
  });

  test('a glimpse is of what is least readable, and not of zeros', async () => {
    const hidden = Buffer.from(new SeededRandom(7).bytes(400));
    const clear = Buffer.alloc(20_000, 0x41);
    await writeFile(join(folder, 'a'), Buffer.concat([clear, Buffer.alloc(4000), hidden, hidden]));
    const [file] = await seeFiles(folder);
    assert.match(file?.glimpse ?? '', /·/);
    assert.match(file?.glimpse ?? '', /[^·A]/);
  });

  test('says that there is no such folder', async () => {
    const absent = { code: 'SandboxBroken', message: /start the sandbox first/ };
    await assert.rejects(seeFiles(join(folder, 'absent')), absent);
    await assert.rejects(findInFiles(join(folder, 'absent'), value), absent);
  });
});
