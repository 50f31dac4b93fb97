import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { runTranscript } from './transcript.ts';

const folder = new URL('./transcripts/', import.meta.url);

describe('transcripts', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  assert.ok(files.length > 0, 'there are transcripts');
  for (const name of files) {
    it(`${name} runs as it is written`, async () => {
      const { checkers } = await runTranscript(new URL(name, folder));
      assert.ok(checkers.counts.committed > 0 && checkers.counts.bodies > 0);
    });
  }
});
