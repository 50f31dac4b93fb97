import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asSeqno, asView, MemoryDisk, utf8Encode } from '@coco/base';
import { Agenda } from '../src/agenda.ts';
import { Chance } from '../src/chance.ts';
import { checkDurable, holdsDurably } from '../src/durability-checker.ts';
import { microtasks } from '../src/pump.ts';
import { SimulatedDisk } from '../src/simulated-disk.ts';

const body = utf8Encode('the bytes of a batch');
const batch = { view: asView(2), firstSeqno: asSeqno(3), entryCount: 1, body };

async function finish(agenda: Agenda, act: Promise<void>): Promise<void> {
  let isDone = false;
  void act.then(() => {
    isDone = true;
  });
  for (await microtasks(); !isDone; await microtasks()) agenda.step();
}

test('bytes are durable when file and name are flushed, and a commit needs a majority', async () => {
  const agenda = new Agenda();
  const disks = [1, 2, 3].map(
    (owner) => new SimulatedDisk(new MemoryDisk(), { agenda, chance: new Chance(owner), owner }),
  );
  const written: (() => Promise<void>)[] = [];
  for (const disk of disks) {
    const file = await disk.open('ledger/ledger_1', { create: true });
    await file.write(8, body);
    assert.equal(holdsDurably(disk, batch), false);
    written.push(async () => {
      await file.datasync();
      await disk.syncFolder('ledger');
    });
  }
  const [first, second] = written;
  assert.ok(first && second);
  await finish(agenda, first());
  assert.throws(() => checkDurable(batch, [disks]), { code: 'SimulationFailed' });
  await finish(agenda, second());
  checkDurable(batch, [disks]);
  assert.ok(agenda.nowMs > 0, 'a flush takes time');
});
