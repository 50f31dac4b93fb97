import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { step } from '../src/steps.ts';

function recorder(isInteractive: boolean) {
  const written: string[] = [];
  return { written, terminal: { isInteractive, write: (text: string) => written.push(text) } };
}

describe('a step', () => {
  test('shows its name and seconds when it is done, and gives the result', async () => {
    const { written, terminal } = recorder(false);
    const made = await step(terminal, 'make keys', async (progress) => {
      progress('half');
      return 5;
    });
    assert.equal(made, 5);
    assert.equal(written.length, 1);
    assert.match(written[0] ?? '', /^ {2}ok make keys +\d+\.\d s\n$/);
  });

  test('shows that it runs where a line can be redrawn', async () => {
    const { written, terminal } = recorder(true);
    await step(terminal, 'make keys', async (progress) => {
      assert.match(written.join(''), /make keys +\r$/);
      progress('12,000 entries');
      assert.match(written.at(-1) ?? '', /make keys +12,000 entries\r$/);
    });
    assert.match(written.at(-1) ?? '', /^ {2}ok make keys/);
  });

  test('marks what failed and passes the error on', async () => {
    const { written, terminal } = recorder(false);
    const failure = new RangeError('no');
    await assert.rejects(
      step(terminal, 'make keys', async () => {
        throw failure;
      }),
      failure,
    );
    assert.deepEqual(written, ['  !! make keys\n']);
  });
});
