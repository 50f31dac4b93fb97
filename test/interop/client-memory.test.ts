/**
 * The client's memory against real nodes. A ledger cut at the end of a batch is an older valid
 * ledger: no audit of the files can tell, and a service recovered from it has genuine evidence and
 * endorses the right key. Only who saw more notices.
 */
import assert from 'node:assert/strict';
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Client,
  connect,
  forgetfulMemory,
  type MemoryStore,
} from '../../clients/sdk/src/index.ts';
import { LedgerError, present, utf8Decode } from '../../framework/base/src/index.ts';
import { SigningKey } from '../../framework/crypto/src/index.ts';
import { NodeHarness } from '../../framework/node/test/node-harness.ts';
import { createNotesAdapter } from '../../framework/node/test/notes-adapter.ts';

const testMsMax = 120_000;

async function dial(harness: NodeHarness, memory: MemoryStore): Promise<Client> {
  const root = SigningKey.fromPem(await readFile(join(harness.folder, 'root.pem'), 'utf8'));
  const node = present(harness.node, 'the node runs');
  return connect({
    url: `https://${node.addresses.main}`,
    pin: { developmentRoot: root.spki, measurements: ['11'.repeat(32)] },
    memory,
    limits: { behindGraceMs: 500 },
  });
}

/** Writes a note; returns its transaction id once the client has seen it committed. */
async function write(client: Client, name: string): Promise<string> {
  const path = `/app/notes/${name}`;
  const answer = await client.request({ method: 'POST', path, body: name });
  const { transactionId } = JSON.parse(utf8Decode(answer.body)) as { transactionId: string };
  await client.committed(transactionId);
  return transactionId;
}

/** Stops the node and recovers its service, from whatever its ledger folder then holds. */
async function recover(harness: NodeHarness, previousPem: string): Promise<void> {
  await harness.start('../previous.pem');
  await harness.openService(previousPem);
}

test('a client that remembers accepts a whole recovery and refuses one from an older ledger', {
  timeout: testMsMax,
}, async () => {
  const harness = await NodeHarness.create(createNotesAdapter);
  const older = join(harness.folder, 'older');
  const whole = join(harness.folder, 'whole');
  try {
    await harness.start();
    await harness.openService();
    const memory = forgetfulMemory();
    const client = await dial(harness, memory);
    const seen = await write(client, 'first');
    const receipt = await client.receipt(seen);
    await cp(harness.ledgerFolder, older, { recursive: true });
    await write(client, 'second');
    client.close();

    await harness.keepIdentity();
    const { serviceCertificate } = client;
    await harness.stop();
    await cp(harness.ledgerFolder, whole, { recursive: true });
    await rm(harness.ledgerFolder, { recursive: true });
    await cp(older, harness.ledgerFolder, { recursive: true });
    await recover(harness, serviceCertificate);
    await assert.rejects(
      dial(harness, memory),
      (error: unknown) => error instanceof LedgerError && error.code === 'ServiceBehind',
    );
    // Who never saw more has nothing to compare with.
    (await dial(harness, forgetfulMemory())).close();

    await harness.stop();
    await rm(harness.ledgerFolder, { recursive: true });
    await cp(whole, harness.ledgerFolder, { recursive: true });
    await recover(harness, serviceCertificate);
    const again = await dial(harness, memory);
    assert.equal(again.identities.length, 2);
    const old = await again.receipt(seen);
    assert.equal(old.serviceId, receipt.serviceId);
    assert.equal(old.isCurrentIdentity, false);
    again.close();
  } finally {
    await harness.remove();
  }
});
