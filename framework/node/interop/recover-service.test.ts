/** From which ledgers a node recovers: it looks at others' copies, decides, and records. */
import assert from 'node:assert/strict';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Log } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { readMarks, signMark } from '@coco/recovery';
import { FileDisk } from '../src/index.ts';
import { NodeHarness } from '../test/node-harness.ts';

const api = 'api-version=2024-07-01';

describe('a recovery by the ledgers of several nodes', () => {
  let harness: NodeHarness;
  let identity: string;
  const events: string[] = [];
  const log: Log = { write: (_, event) => events.push(event) };

  const copyOf = (name: string): string => join(harness.folder, name);

  async function keepCopy(name: string): Promise<string> {
    await rm(copyOf(name), { recursive: true, force: true });
    await cp(harness.ledgerFolder, copyOf(name), { recursive: true });
    return copyOf(name);
  }

  before(async () => {
    harness = await NodeHarness.create();
    await harness.start();
    await keepCopy('early');
    await harness.openService();
    identity = await harness.keepIdentity();
    await harness.stop();
    await keepCopy('whole');
  });
  after(() => harness.remove());

  async function useLedger(name: string): Promise<void> {
    await rm(harness.ledgerFolder, { recursive: true, force: true });
    await cp(copyOf(name), harness.ledgerFolder, { recursive: true });
  }

  async function marks(): Promise<readonly string[]> {
    return readMarks({ disk: new FileDisk(join(harness.folder, 'node')), folder: 'ledger' });
  }

  /** The folder now looks like another node's, which had no vote. */
  async function markAsForeign(folder: string): Promise<void> {
    for (const name of await readdir(folder)) {
      if (name.endsWith('.ignored')) await rm(join(folder, name));
    }
    const key = SigningKey.generate('P-256');
    await writeFile(join(folder, `node_${key.id}.ignored`), signMark(key));
  }

  test('a node marks its ledger’s folder as its own', async () => {
    assert.equal((await marks()).length, 1);
  });

  test('it does not recover where another ledger that it was given goes further', async () => {
    await mkdir(join(harness.folder, 'broken'), { recursive: true });
    await writeFile(join(harness.folder, 'broken', 'ledger_1'), 'no ledger');
    await useLedger('early');
    await assert.rejects(harness.start(identity, { otherLedgers: ['../whole'] }), {
      code: 'ServiceNeverOpened',
    });
    await useLedger('whole');
    await harness.start(identity, { otherLedgers: ['../early', '../broken'], log });
    assert.ok(events.includes('recovery.ledger.unusable'), 'the broken one is told, not hidden');
    const record = (await harness.request(`/gov/service/recovery?${api}`)).json;
    const { mayLackCommits, lookedAt, mayHaveVoted } = record as Record<string, unknown>;
    assert.deepEqual(
      [mayLackCommits, lookedAt, mayHaveVoted],
      [false, await marks(), await marks()],
    );
    await harness.openService(await harness.previousPem());
    assert.equal((await marks()).length, 1);
    await harness.stop();
    await keepCopy('longer');
    await useLedger('whole');
    await assert.rejects(harness.start(identity, { otherLedgers: ['../longer'] }), {
      code: 'BetterLedgerGiven',
      message: /recover from \.\.\/longer, or lose/,
    });
    assert.deepEqual(await readdir(harness.ledgerFolder), await readdir(copyOf('whole')));
  });

  test('the ledger of a node that had no vote is too little, unless a loss is accepted', async () => {
    await useLedger('whole');
    await markAsForeign(harness.ledgerFolder);
    await assert.rejects(harness.start(identity), { code: 'TooFewLedgers', message: /of 0 were/ });
    await harness.start(identity, { acceptPossibleLoss: true });
    const network = (await harness.request('/node/network')).json as Record<string, unknown>;
    assert.equal(network.may_lack_commits, true);
    const record = (await harness.request(`/gov/service/recovery?${api}`)).json;
    assert.equal((record as Record<string, unknown>).mayLackCommits, true);
    await harness.stop();
  });
});
