/**
 * A whole node whose clock goes a year ahead: it begins 340 days in the past, so that certificates
 * from before and after the leap hold for clients that read the real time. What it leaves is
 * verified by PyPI ccf and by Coco's own audit, and recovered with the certificate from before.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { afterEach, suite, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { auditService } from '@coco/audit';
import { type Clock, utf8Encode } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { certificateIssuedBy, parseCertificate } from '@coco/crypto';
import { FileDisk } from '../src/file-disk.ts';
import { systemClock } from '../src/index.ts';
import { NodeHarness } from '../test/node-harness.ts';
import { createNotesAdapter } from '../test/notes-adapter.ts';

const behindMs = 340 * 86_400_000;
const longMs = 3_600_000;

/** The real clock, but late until it leaps; what waits for hours waits for the leap. */
class LeapingClock implements Clock {
  #behindMs = behindMs;
  readonly #waiting = new Set<() => void>();

  nowMs(): number {
    return systemClock.nowMs() - this.#behindMs;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    if (delayMs < longMs) return systemClock.setTimer(delayMs, callback);
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }

  leap(): void {
    this.#behindMs = 0;
    for (const callback of [...this.#waiting]) {
      this.#waiting.delete(callback);
      callback();
    }
  }
}

/** A simple majority decides, and has permitted renewals. */
const constitution = createConstitution({
  rules: {
    format: 'coco-rules/1',
    version: 1,
    title: 'Certificates renew by themselves',
    rules: [{ name: 'All', actions: ['*'], thresholds: [{ more_than: '1/2' }] }],
    standing_permissions: {
      certificate_renewal: { validity_days: 365, renew_before_days: 30 },
    },
  },
});

interface Seen {
  /** The certificate of the connection. */
  readonly certificate: string;
  readonly port: number | undefined;
}

const python = process.env.COCO_CCF_PYTHON;

/** A renewed certificate is of the same key: whoever verifies the ledger goes on. */
async function assertVerified(folder: string): Promise<void> {
  const { findings, story } = await auditService({ disk: new FileDisk(folder), folder: '' });
  assert.deepEqual(findings, []);
  assert.ok(story.length > 0);
  if (python === undefined) return;
  const script = join(import.meta.dirname, '../../ledger/interop/check_ledger.py');
  const input = JSON.stringify({ verify: folder, uncommitted: true });
  const { ok, last } = JSON.parse(execFileSync(python, [script], { input }).toString());
  assert.equal(ok, true, last);
}

suite('a node that renews its certificates', () => {
  let harness: NodeHarness;
  afterEach(() => harness.remove());

  const ask = (agent: Agent, path = '/node/network'): Promise<Seen> =>
    new Promise((resolve, reject) => {
      const url = `https://${harness.node?.addresses.main}${path}`;
      const outgoing = httpsRequest(url, { agent }, (answer) => {
        const socket = answer.socket as TLSSocket;
        const { raw } = socket.getPeerCertificate();
        answer.resume();
        answer.on('end', () =>
          resolve({ certificate: parseCertificate(raw).pem, port: socket.localPort }),
        );
      });
      outgoing.on('error', reject);
      outgoing.end();
    });

  test('shows the new ones without dropping a connection, and is recovered by the old one', async () => {
    harness = await NodeHarness.create(createNotesAdapter, constitution);
    const clock = new LeapingClock();
    await harness.start(undefined, { clock });
    await harness.openService();
    await harness.request('/app/notes/a', { method: 'POST', body: utf8Encode('before') });
    const file = (name: string): Promise<string> =>
      readFile(join(harness.folder, 'node', name), 'utf8');
    const [oldService, oldNode] = [await file('service_cert.pem'), await file('node_cert.pem')];
    const kept = new Agent({ keepAlive: true, maxSockets: 1, ca: oldService });
    const first = await ask(kept);
    clock.leap();
    const until = async (isDone: () => Promise<boolean>): Promise<void> => {
      while (!(await isDone()));
    };
    await until(async () => (await file('service_cert.pem')) !== oldService);
    await until(async () => (await file('node_cert.pem')) !== oldNode);

    const newService = await file('service_cert.pem');
    const network = (await harness.request('/node/network')).json;
    assert.equal((network as { service_certificate: string }).service_certificate, newService);
    assert.deepEqual(await ask(kept), first, 'the old connection goes on');
    for (const ca of [oldService, newService]) {
      const fresh = await ask(new Agent({ ca }));
      assert.notEqual(fresh.certificate, first.certificate);
      assert.ok(certificateIssuedBy(fresh.certificate, newService));
    }
    const own = (await harness.request('/node/self_signed_certificate')).json;
    const selfSigned = (own as { self_signed_certificate: string }).self_signed_certificate;
    assert.equal(selfSigned, await file('node_cert.pem'));
    kept.destroy();

    await harness.request('/app/notes/b', { method: 'POST', body: utf8Encode('after') });
    await harness.stop();
    await assertVerified(harness.ledgerFolder);
    await writeFile(join(harness.folder, 'previous.pem'), oldService);
    await harness.start('../previous.pem');
    await harness.openService(oldService);
    for (const [name, text] of [
      ['a', 'before'],
      ['b', 'after'],
    ] as const) {
      const note = await harness.request(`/app/notes/${name}`);
      assert.equal(new TextDecoder().decode(note.bytes), text);
    }
  });

  test('shows those that actions made, for the days and from the time that they say', async () => {
    harness = await NodeHarness.create(createNotesAdapter);
    await harness.start();
    await harness.openService();
    const file = (name: string): Promise<string> =>
      readFile(join(harness.folder, 'node', name), 'utf8');
    const [oldService, oldNode] = [await file('service_cert.pem'), await file('node_cert.pem')];
    const beganMs = Math.floor(Date.now() / 1000 - 60) * 1000;
    const text = new Date(beganMs).toISOString().slice(0, 19).replace('T', ' ');
    const args = { valid_from: text, validity_period_days: 90 };
    const decided = await harness.decide([
      { name: 'set_service_certificate_validity', args },
      { name: 'set_all_nodes_certificate_validity', args },
    ]);
    assert.equal((decided.json as { proposalState?: string }).proposalState, 'Accepted');
    while ((await file('service_cert.pem')) === oldService);
    while ((await file('node_cert.pem')) === oldNode);
    const newService = await file('service_cert.pem');
    const { certificate } = await ask(new Agent({ ca: oldService }));
    for (const pem of [newService, certificate, await file('node_cert.pem')]) {
      const { notBeforeMs, notAfterMs } = parseCertificate(pem);
      assert.equal(notBeforeMs, beganMs);
      assert.equal(notAfterMs - notBeforeMs, 90 * 86_400_000 - 1000);
    }
    const tooLong = { ...args, validity_period_days: 366 };
    const refused = await harness.decide([
      { name: 'set_service_certificate_validity', args: tooLong },
    ]);
    assert.ok(refused.status >= 400);
    assert.match(Buffer.from(refused.bytes).toString(), /366 \(days\) is not allowed/);
    await harness.stop();
    await assertVerified(harness.ledgerFolder);
  });
});
