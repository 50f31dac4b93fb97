/** Snapshots of a whole node: taken, served, and read by PyPI ccf. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { present, utf8Encode } from '@coco/base';
import { decodeSnapshot, verifySnapshot } from '@coco/ledger';
import { NodeHarness } from '../test/node-harness.ts';
import { createNotesAdapter } from '../test/notes-adapter.ts';

const python = process.env.COCO_CCF_PYTHON;
const skip =
  python === undefined ? 'COCO_CCF_PYTHON is not set: see `npm run test:interop`' : false;

interface Verdict {
  readonly committed: boolean;
  readonly seqno: number;
  readonly tables: readonly string[];
  readonly rows: number;
}

function ask(path: string): Verdict {
  const script = join(import.meta.dirname, 'check_snapshot.py');
  const program = present(python, 'the suite is skipped without');
  const output = execFileSync(program, [script, path], { stdio: 'pipe' });
  return JSON.parse(output.toString());
}

/** The newest snapshot as the node serves it, once there is one after `since`. */
async function download(harness: NodeHarness, since: number): Promise<[string, Uint8Array]> {
  for (;;) {
    const answer = await harness.request(`/node/snapshot?since=${since}`);
    if (answer.status !== 308) continue;
    const location = String(answer.headers.location);
    const head = await harness.request(location, { method: 'HEAD' });
    assert.equal(head.status, 200);
    const parts: Uint8Array[] = [];
    for (let from = 0, size = 1; from < size; ) {
      const range = `bytes=${from}-${from + 5000}`;
      const part = await harness.request(location, { headers: { range } });
      assert.equal(part.status, 206);
      const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(String(part.headers['content-range']));
      [from, size] = [Number(match?.[2]), Number(match?.[3])];
      parts.push(part.bytes);
      assert.equal(head.headers['content-length'], String(size));
    }
    return [location.split('/').at(-1) ?? '', new Uint8Array(Buffer.concat(parts))];
  }
}

describe('snapshots of a node', { skip, concurrency: true }, () => {
  test('are served and verified after the opening, by count, and after a recovery', async () => {
    const harness = await NodeHarness.create(createNotesAdapter);
    try {
      await harness.start(undefined, { snapshotEntries: 20 });
      await harness.openService();
      const [name, bytes] = await download(harness, 0);
      const opening = await check(harness, name, bytes);
      assert.ok(opening.tables.includes('public:ccf.gov.service.info'));
      let last = '';
      for (let at = 0; at < 25; at++) {
        const body = utf8Encode('a private note');
        const answer = await harness.request(`/app/notes/n${at}`, { method: 'POST', body });
        last = (answer.json as { transactionId: string }).transactionId;
      }
      await harness.decided(last);
      const later = await check(harness, ...(await download(harness, opening.seqno + 1)));
      assert.ok(later.seqno >= opening.seqno + 20);
      const network = (await harness.request('/node/network')).json as Record<string, unknown>;
      const { last_signed_seqno } = (await harness.request('/node/state')).json as {
        last_signed_seqno: number;
      };
      const previous = await harness.keepIdentity();
      await harness.stop();
      await harness.start(previous);
      await harness.openService(String(network.service_certificate));
      const recovered = await check(harness, ...(await download(harness, last_signed_seqno + 1)));
      assert.ok(recovered.tables.includes('public:ccf.internal.snapshot_evidence'));
      const folder = join(harness.folder, 'node', 'snapshots');
      for (const file of await readdir(folder)) {
        assert.match(file, /\.committed$/);
        const content = await readFile(join(folder, file));
        assert.ok(!content.includes('a private note'));
      }
    } finally {
      await harness.remove();
    }
  });
});

/** By PyPI ccf, and by our own reader under the service's present identity. */
async function check(harness: NodeHarness, name: string, bytes: Uint8Array): Promise<Verdict> {
  const path = join(harness.folder, name);
  await writeFile(path, bytes);
  const verdict = ask(path);
  assert.equal(verdict.committed, true);
  const decoded = decodeSnapshot(bytes);
  assert.equal(decoded.seqno, verdict.seqno);
  const certificate = await readFile(join(harness.folder, 'node', 'service_cert.pem'), 'utf8');
  await verifySnapshot(decoded, certificate);
  const changed = bytes.slice();
  changed[200] = (changed[200] as number) ^ 1;
  await writeFile(path, changed);
  assert.throws(() => ask(path), /Command failed/);
  return verdict;
}
