import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, MemoryDisk } from '@coco/base';
import { bytesResponse, type Request, type Response } from '@coco/endpoint';
import { encodeBatches } from '@coco/ledger';
import { createIdentity, SampleService } from '../../ledger/test/ledger-harness.ts';
import { FolderSource, LedgerSource } from '../src/ledger-source.ts';

const file = Uint8Array.from({ length: 2500 }, (_, at) => at % 251);
const name = 'snapshot_20_21.committed';

/** A node that answers as `answer` says; `asked` collects what it was asked. */
function sourceOf(answer: (request: Request) => Response): {
  readonly source: LedgerSource;
  readonly asked: Request[];
} {
  const asked: Request[] = [];
  const call = async (nodeId: string, request: Request): Promise<Response> => {
    assert.equal(nodeId, 'node');
    asked.push(request);
    return answer(request);
  };
  return { source: new LedgerSource('node', { call }), asked };
}

function part(
  from: number,
  end: number,
  changes: { size?: number; range?: string } = {},
): Response {
  const { size = file.length, range = `bytes ${from}-${end}/${size}` } = changes;
  return {
    status: 206,
    headers: { 'content-range': range },
    body: file.subarray(from, end),
  };
}

function startOf({ headers }: Request): number {
  return Number(/^bytes=(\d+)-$/.exec(headers.get('range') ?? '')?.[1]);
}

suite('another node as a source', () => {
  test('gives a snapshot part by part', async () => {
    const { source, asked } = sourceOf((request) => {
      const from = startOf(request);
      return part(from, Math.min(from + 1000, file.length));
    });
    const read = await source.readSnapshotPart(name, 1000);
    assert.deepEqual(read, { bytes: file.subarray(1000, 2000), size: 2500 });
    const [request] = asked;
    assert.equal(request?.path, `/node/snapshot/${name}`);
    assert.equal(request?.headers.get('range'), 'bytes=1000-');
  });

  test('is refused where it answers with another part', async () => {
    const wrong: readonly ((from: number) => Response)[] = [
      () => part(0, 1000),
      (from) => part(from, from + 100, { range: `bytes ${from}-${from + 99}/2500` }),
      (from) => part(from, from + 100, { range: 'bytes x' }),
      (from) => ({ ...part(from, from + 100), headers: {} }),
    ];
    for (const answer of wrong) {
      const { source } = sourceOf((request) => answer(startOf(request)));
      await assert.rejects(source.readSnapshotPart(name, 100), { code: 'InvalidInput' });
    }
  });

  test('gives batches, and says what it does not have', async () => {
    const body = new Uint8Array(200);
    const batch = { view: asView(2), firstSeqno: asSeqno(9), entryCount: 1, body };
    const { source, asked } = sourceOf(() => bytesResponse(encodeBatches([batch]), 'x/y'));
    assert.deepEqual(await source.readBatches(asSeqno(9), asSeqno(30)), [batch]);
    const [request] = asked;
    assert.equal(request?.path, '/node/ledger/batches');
    assert.deepEqual(Object.fromEntries(request?.query ?? []), { from: '9', to: '30' });
    const garbled = sourceOf(() => bytesResponse(new Uint8Array(9), 'x/y'));
    await assert.rejects(garbled.source.readBatches(asSeqno(9), asSeqno(30)), {
      code: 'InvalidInput',
    });
    for (const status of [401, 404, 503]) {
      const busy = sourceOf(() => bytesResponse(body, 'x/y', status));
      await assert.rejects(busy.source.readBatches(asSeqno(9), asSeqno(30)), {
        code: 'SourceUnavailable',
      });
      await assert.rejects(busy.source.readSnapshotPart(name, 0), { code: 'SourceUnavailable' });
    }
  });
});

suite('a copy of the ledger on this machine', () => {
  test('gives batches of its files, and no snapshot', async () => {
    const disk = new MemoryDisk();
    const service = await SampleService.create({
      disk,
      identity: await createIdentity(),
      chunkBytes: 2_000,
    });
    await service.open();
    for (let batch = 0; batch < 4; batch++) {
      service.write(9);
      await service.sign();
    }
    const source = new FolderSource({ disk, folder: 'ledger' }, 'copy');
    const [first] = await source.readBatches(asSeqno(1), asSeqno(30));
    assert.equal(first?.firstSeqno, 1);
    const beyond = source.readBatches(service.files.next, asSeqno(900));
    await assert.rejects(beyond, { code: 'EntryNotFound' });
    await assert.rejects(source.readSnapshotPart(name), { code: 'SourceUnavailable' });
  });
});
