import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { asSeqno, asView, type LedgerError } from '@coco/base';
import { loadRaftModule, raftModuleHashUrl, raftModuleUrl } from '@coco/consensus';
import { storageLimitsDefault } from '@coco/replication';
import { createIdentity, SampleService } from '../../ledger/test/ledger-harness.ts';
import { FileDisk } from '../src/index.ts';
import { ReplicaClient } from '../src/replica-client.ts';

/** As many reads as may wait at once: few, since each takes its time. */
const requestsMax = 50;

describe('the replica worker', () => {
  let folder: string;
  let raftModule: WebAssembly.Module;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coco-replica-'));
    const hash = await readFile(raftModuleHashUrl, 'utf8');
    raftModule = await loadRaftModule(await readFile(raftModuleUrl), hash);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function start(
    name: string,
    changes: { ledgerFolder?: string; recovered?: { lastSeqno: number; root: Uint8Array } } = {},
  ): Promise<{ client: ReplicaClient; failed: Promise<LedgerError> }> {
    const { promise: failed, resolve } = Promise.withResolvers<LedgerError>();
    const { recovered } = changes;
    const lastSeqno = asSeqno(recovered?.lastSeqno ?? 0);
    const client = await ReplicaClient.open({ peerListen: undefined }, requestsMax);
    await client.start(
      {
        raftModule,
        ledgerFolder: changes.ledgerFolder ?? join(folder, name),
        recovered: recovered && { lastSeqno, root: recovered.root },
        nodeId: lastSeqno + 1,
        begin: { kind: 'start', voters: [lastSeqno + 1], view: asView(2), lastSeqno },
        storage: storageLimitsDefault,
      },
      {
        onRole: () => {},
        onCommitted: () => {},
        onFollowed: () => {},
        onInstall: () => {},
        onConfiguration: () => {},
        onPassOn: () => {},
        onRemoved: () => {},
        onStorage: () => {},
        onPeers: () => {},
        onFailed: resolve,
      },
    );
    return { client, failed };
  }

  test('refuses reads beyond a bound, and what the ledger does not hold', async () => {
    const { client } = await start('reads');
    const outcomes = Array.from({ length: requestsMax + 1 }, () =>
      client.readCovered(asSeqno(1)).then(
        () => 'read',
        (error: LedgerError) => error.code,
      ),
    );
    assert.equal(await outcomes.at(-1), 'ReplicaBusy');
    assert.deepEqual(
      new Set(await Promise.all(outcomes.slice(0, -1))),
      new Set(['ReceiptUnavailable']),
    );
    await client.stop();
  });

  test('a broken invariant in the worker fails the node and what waits', async () => {
    const { client, failed } = await start('broken');
    const batch = {
      view: asView(2),
      firstSeqno: asSeqno(9),
      entryCount: 1,
      signatureId: { view: asView(2), seqno: asSeqno(9) },
      body: new Uint8Array(10),
      digest: new Uint8Array(32),
    };
    client.propose(batch as unknown as Parameters<ReplicaClient['propose']>[0], 'batch');
    const waiting = client.readCovered(asSeqno(1)).catch((error: LedgerError) => error);
    const error = await failed;
    assert.equal(error.code, 'ReplicaFailed');
    assert.ok(
      ['ReplicaFailed', 'ReceiptUnavailable'].includes(
        String(((await waiting) as LedgerError).code),
      ),
    );
    await client.stop();
  });

  test('files that change between the two reads of a recovery are refused', async () => {
    const identity = await createIdentity();
    const ledger = await SampleService.create({ disk: new FileDisk(folder), identity });
    await ledger.open();
    await ledger.files.close();
    const recovered = { lastSeqno: 4, root: new Uint8Array(32) };
    const ledgerFolder = join(folder, 'ledger');
    await assert.rejects(start('changed', { ledgerFolder, recovered }), { code: 'LedgerDamaged' });
  });
});
