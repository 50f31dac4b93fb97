/** Three nodes lose their primary under load: killed, stopped, and cut off from the network. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hostsMissing } from '../test/isolated-hosts.ts';
import { runFailoverOnHosts } from '../test/run-failover.ts';

describe('the loss of the primary under load', () => {
  test('costs no acknowledged write, and writes go on', { timeout: 240_000 }, async () => {
    assert.equal(hostsMissing(), undefined);
    const losses = ['kill', 'stop', 'cut', 'kill', 'stop', 'cut'] as const;
    const { rounds, writes, lost } = await runFailoverOnHosts(losses);
    assert.deepEqual(
      rounds.map(({ loss }) => loss),
      losses,
    );
    assert.ok(writes > losses.length);
    assert.equal(lost, 0);
  });
});
