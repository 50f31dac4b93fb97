import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Agenda, nobody } from '../src/agenda.ts';
import { Chance } from '../src/chance.ts';
import { Mailbox } from '../src/mailbox.ts';

function runAll(agenda: Agenda): void {
  while (agenda.step());
}

test('events come by time, and in the order they were made at one time', () => {
  const agenda = new Agenda();
  const chance = new Chance(7);
  const expected: { at: number; order: number }[] = [];
  const seen: { at: number; order: number }[] = [];
  for (let order = 0; order < 500; order++) {
    const at = chance.below(40);
    expected.push({ at, order });
    agenda.after(at, nobody, () => seen.push({ at: agenda.nowMs, order }));
  }
  runAll(agenda);
  expected.sort((one, other) => one.at - other.at || one.order - other.order);
  assert.deepEqual(seen, expected);
  assert.equal(agenda.step(), false);
});

test('nothing happens any more to the dead, nor what was cancelled', async () => {
  const agenda = new Agenda();
  const seen: string[] = [];
  agenda.after(1, 5, () => seen.push('before'));
  agenda.after(2, nobody, () => agenda.kill(5));
  agenda.after(3, 5, () => seen.push('after'));
  agenda.after(3, 6, () => seen.push('another'));
  agenda.after(4, 6, () => seen.push('cancelled'))();
  let isOver = false;
  void agenda.pause(3, 5).then(() => {
    isOver = true;
  });
  runAll(agenda);
  await Promise.resolve();
  assert.deepEqual(seen, ['before', 'another']);
  assert.equal(isOver, false);
  assert.throws(() => agenda.after(-1, nobody, () => {}), { name: 'BugError' });
});

test('a mailbox keeps the order and delivers together what waits together', () => {
  const agenda = new Agenda();
  const mailbox = new Mailbox(agenda, new Chance(1), 1);
  const seen: string[] = [];
  for (const name of ['a', 'b', 'c']) mailbox.post(() => seen.push(name));
  assert.equal(agenda.step(), true);
  assert.deepEqual(seen, ['a', 'b', 'c']);
  mailbox.post(() => seen.push('d'));
  runAll(agenda);
  assert.deepEqual(seen, ['a', 'b', 'c', 'd']);
});
