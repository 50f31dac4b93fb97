import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDisk, SeededRandom, utf8Decode, utf8Encode } from '../src/index.ts';

const path = 'ledger/a';

async function written(text: string, options: { isFlushed: boolean; isListed: boolean }) {
  const disk = new MemoryDisk();
  const file = await disk.open(path, { create: true });
  await file.write(0, utf8Encode(text));
  if (options.isFlushed) await file.datasync();
  if (options.isListed) await disk.syncFolder('ledger');
  return disk;
}

test('reads what was written, lists and bounds', async () => {
  const disk = await written('hello', { isFlushed: false, isListed: false });
  assert.deepEqual(await disk.list('ledger'), ['a']);
  assert.deepEqual(await disk.list('other'), []);
  assert.equal(utf8Decode(await disk.readFile(path, 5)), 'hello');
  await assert.rejects(disk.readFile(path, 4), { code: 'DiskFault' });
  await assert.rejects(disk.readFile('ledger/b', 4), { code: 'DiskFault' });
  await assert.rejects(disk.open(path, { create: true }), { code: 'DiskFault' });
  const file = await disk.open(path, { create: false });
  assert.equal(await file.size(), 5);
  assert.equal(utf8Decode(await file.read(1, 3)), 'ell');
  await assert.rejects(file.read(3, 3), { code: 'DiskFault' });
  await file.truncate(2);
  await file.write(3, utf8Encode('x'));
  assert.equal(utf8Decode(await disk.readFile(path, 9)), 'he\0x');
});

test('a crash keeps what was flushed and listed', async () => {
  for (let seed = 0; seed < 50; seed++) {
    const disk = await written('hello', { isFlushed: true, isListed: true });
    disk.crash(new SeededRandom(seed));
    assert.equal(utf8Decode(await disk.readFile(path, 9)), 'hello');
  }
});

test('a crash forgets names whose folder was not flushed', async () => {
  const disk = await written('hello', { isFlushed: true, isListed: false });
  disk.crash(new SeededRandom(1));
  assert.deepEqual(await disk.list('ledger'), []);
  const renamed = await written('hello', { isFlushed: true, isListed: true });
  await renamed.rename(path, 'ledger/b');
  renamed.crash(new SeededRandom(1));
  assert.deepEqual(await renamed.list('ledger'), ['a']);
});

test('a crash may keep, tear or lose what was not flushed, and does each', async () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const disk = await written('', { isFlushed: true, isListed: true });
    const file = await disk.open(path, { create: false });
    await file.write(0, utf8Encode('hello'));
    disk.crash(new SeededRandom(seed));
    outcomes.add(utf8Decode(await disk.readFile(path, 9)));
  }
  assert.ok(outcomes.has('') && outcomes.has('hello') && outcomes.size > 2, [...outcomes].join());
  assert.ok([...outcomes].every((text) => 'hello'.startsWith(text)));
});

test('a full disk writes what there is room for and refuses the rest with a code', async () => {
  const disk = await written('hello', { isFlushed: true, isListed: true });
  disk.spaceBytes = 3;
  const file = await disk.open(path, { create: false });
  await file.write(0, utf8Encode('HELLO'));
  await assert.rejects(file.write(5, utf8Encode('four')), { code: 'DiskFull' });
  assert.equal(utf8Decode(await disk.readFile(path, 9)), 'HELLOfou');
  assert.equal(await disk.freeBytes('ledger'), 0);
  await assert.rejects(disk.open('ledger/b', { create: true }), { code: 'DiskFull' });
  await assert.rejects(disk.rename(path, 'ledger/b'), { code: 'DiskFull' });
  await file.truncate(5);
  await file.write(5, utf8Encode('two'));
  await disk.remove(path);
  assert.equal(await disk.freeBytes('ledger'), 8);
});

test('a flush that failed drops what it was to flush, as a later one does not tell', async () => {
  const disk = await written('hello', { isFlushed: true, isListed: true });
  const file = await disk.open(path, { create: false });
  await file.write(0, utf8Encode('J'));
  disk.failingFlushes = 1;
  await assert.rejects(file.datasync(), { code: 'DiskFull' });
  assert.equal(utf8Decode(await disk.readFile(path, 9)), 'Jello');
  await file.write(4, utf8Encode('y'));
  await file.datasync();
  disk.crash(new SeededRandom(1));
  assert.equal(utf8Decode(await disk.readFile(path, 9)), 'helly');
});
