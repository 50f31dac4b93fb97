import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LedgerError } from '@coco/base';
import { firstThatAnswers } from '../src/sandbox-client.ts';

const urls = ['https://a:1', 'https://b:2', 'https://c:3'];

function failure(code: string): LedgerError {
  const row = { kind: 'fault', status: 503, meaning: 'of a test' } as const;
  return new LedgerError(code, row, 'It said no.', {}, undefined);
}

describe('a client of several nodes', () => {
  test('begins with the first that answers, and has all the others behind it', async () => {
    const asked: (readonly string[])[] = [];
    const answer = await firstThatAnswers(urls, async (given) => {
      asked.push(given);
      if (asked.length < 3) throw failure('ServiceUnreachable');
      return 'connected';
    });
    assert.equal(answer, 'connected');
    const [a, b, c] = urls;
    assert.deepEqual(asked, [
      [a, b, c],
      [b, c, a],
      [c, a, b],
    ]);
  });

  test('asks nobody else where one answers that is of another service', async () => {
    let count = 0;
    const ask = async (): Promise<never> => {
      count++;
      throw failure('ServiceForked');
    };
    await assert.rejects(firstThatAnswers(urls, ask), { code: 'ServiceForked' });
    assert.equal(count, 1);
  });

  test('says what the last one said where all are silent, and that there is none', async () => {
    const ask = (): Promise<never> => Promise.reject(failure('ServiceTimeout'));
    await assert.rejects(firstThatAnswers(urls, ask), { code: 'ServiceTimeout' });
    await assert.rejects(firstThatAnswers([], ask), { code: 'SandboxUnreachable' });
  });
});
