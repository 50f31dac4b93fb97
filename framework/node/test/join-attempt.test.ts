import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { asSeqno, asView, type JsonValue } from '@coco/base';
import { encodePendingAnswer, encodeTrustedAnswer, type JoinAnswer } from '@coco/governance';
import {
  createNodeKeys,
  createServiceIdentity,
  endorseOwnNode,
  type NodeIdentity,
  type ServiceIdentity,
} from '../src/identities.ts';
import { systemClock } from '../src/index.ts';
import { JoinAttempt } from '../src/join-attempt.ts';
import type { NodeBeginning } from '../src/node-beginning.ts';
import type { NodeSurroundings } from '../src/service-runtime.ts';

const clock = systemClock;
const createService = () =>
  createServiceIdentity({ curve: 'P-256', subject: 'CCF Service', days: 9, clock });
const service = await createService();
const createNode = async (by: ServiceIdentity): Promise<NodeIdentity> => {
  const keys = await createNodeKeys({ subject: 'CCF Node', hosts: ['127.0.0.1'], days: 9, clock });
  return endorseOwnNode(keys, by, { days: 9, clock });
};
const own = await createNode(service);

/** What a node of the network answers, in turn; the last one again and again. */
interface Said {
  readonly status: number;
  readonly body?: JsonValue;
  readonly location?: string;
}

let folder: string;
const servers: https.Server[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'coco-join-'));
  await writeFile(join(folder, 'service.pem'), service.certificatePem);
});
after(async () => {
  for (const server of servers) server.close().closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

/** A node that answers what it is told to; its address. */
async function listening(say: () => Said, shown?: NodeIdentity): Promise<string> {
  const node = shown ?? (await createNode(service));
  const server = https.createServer(
    {
      cert: node.endorsedPem,
      key: node.key.privatePem(),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (_request, reply) => {
      const { status, body = null, location } = say();
      reply.writeHead(status, location === undefined ? {} : { location });
      reply.end(JSON.stringify(body));
    },
  );
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function inTurn(...all: readonly Said[]): () => Said {
  let at = 0;
  return () => all[Math.min(at++, all.length - 1)] ?? { status: 500 };
}

function attempt(
  targetAddress: string,
  options: { readonly followsRedirect?: boolean; readonly ledgerDirectory?: string } = {},
): { readonly attempt: JoinAttempt; readonly logged: string[] } {
  const logged: string[] = [];
  const { followsRedirect = true, ledgerDirectory = 'ledger' } = options;
  const surroundings = {
    configuration: { ledgerDirectory, serviceCertificateFile: 'service.pem' },
    baseFolder: folder,
    clock,
    log: {
      write: (_level: string, event: string, { reason = '' }: { reason?: string } = {}) =>
        logged.push(`${event} ${reason}`.trim()),
    },
  } as unknown as NodeSurroundings;
  const description = {
    nodeToNodeInterface: { bindAddress: 'h:1', publishedAddress: 'h:1' },
    rpcInterfaces: {},
    quoteInfo: { format: '', quote: '', endorsements: '' },
    encryptionPublicKeyPem: own.encryptionKey.publicPem,
    signingRequestPem: own.signingRequestPem,
    nodeData: undefined,
  };
  const beginning = { keys: own, description } as unknown as NodeBeginning;
  const configured = { targetAddress, retryMs: 5, followsRedirect };
  return { attempt: new JoinAttempt(surroundings, configured, beginning), logged };
}

function trustedBy(
  by: ServiceIdentity,
  changes: {
    readonly nodeId?: string;
    readonly endorsedPem?: string;
    readonly key?: ServiceIdentity;
  } = {},
): JsonValue {
  const answer: Extract<JoinAnswer, { status: 'Trusted' }> = {
    status: 'Trusted',
    nodeId: changes.nodeId ?? own.key.id,
    network: {
      raftId: asSeqno(42),
      committed: { view: asView(2), seqno: asSeqno(50) },
      serviceCertificatePem: by.certificatePem,
      endorsedCertificatePem: changes.endorsedPem ?? own.endorsedPem,
      signer: { issuer: 'i', subject: 's' },
      peers: [],
      endorsements: [],
    },
    secrets: {
      serviceKeyPem: (changes.key ?? by).key.privatePem(),
      ledgerSecrets: [{ version: asSeqno(1), secret: new Uint8Array(32) }],
    },
  };
  return encodeTrustedAnswer(answer, own.encryptionKey.publicPem);
}

const pending: Said = { status: 200, body: encodePendingAnswer(own.key.id) };
const trusted: Said = { status: 200, body: trustedBy(service) };

suite('a node that asks to join', () => {
  test('asks until it is trusted, over errors that may pass, and says each of them once', async () => {
    const error = { error: { code: 'NodeCannotHandleRequest', message: 'Primary unknown' } };
    const busy: Said = { status: 503, body: error };
    const address = await listening(inTurn(busy, busy, pending, pending, trusted));
    const { attempt: asked, logged } = attempt(address);
    const joined = await asked.untilTrusted();
    assert.equal(joined?.network.raftId, 42);
    assert.equal(joined?.service.key.id, service.key.id);
    assert.equal(joined?.service.subject, 'CCF Service');
    const lines = ['join.unreachable Primary unknown', 'join.pending', 'join.trusted'];
    assert.deepEqual(logged, lines);
  });

  test('ends with the network’s words when it is refused', async () => {
    const message = 'Quote host data is not authorised\u001b[2J';
    const body = { error: { code: 'InvalidQuote', message } };
    const { attempt: asked } = attempt(await listening(() => ({ status: 401, body })));
    await assert.rejects(asked.untilTrusted(), {
      code: 'JoinRefused',
      message: 'The network refuses this node: Quote host data is not authorised [2J',
    });
    const { attempt: bare } = attempt(await listening(() => ({ status: 404, body: 'what?' })));
    await assert.rejects(bare.untilTrusted(), { code: 'JoinRefused' });
  });

  test('goes on to the primary, where it may, and never in circles', async () => {
    const primary = await listening(() => trusted);
    const location = `https://${primary}/node/join`;
    const backup = await listening(() => ({ status: 307, location }));
    assert.ok(await attempt(backup).attempt.untilTrusted());
    await assert.rejects(attempt(backup, { followsRedirect: false }).attempt.untilTrusted(), {
      code: 'JoinRefused',
      message: `The primary is at ${primary}, and follow_redirect is false.`,
    });
    let itself = '';
    let count = 0;
    const circle = (): Said =>
      ++count < 8 ? { status: 307, location: `https://${itself}/node/join` } : trusted;
    itself = await listening(circle);
    const { attempt: asked, logged } = attempt(itself);
    assert.ok(await asked.untilTrusted());
    assert.ok(logged.includes('join.unreachable Nodes point to each other.'));
    const elsewhere = inTurn({ status: 307, location: 'http://evil/node/join' }, trusted);
    assert.ok(await attempt(await listening(elsewhere)).attempt.untilTrusted());
  });

  test('speaks to nobody whom the service did not endorse', async () => {
    const stranger = await createNode(await createService());
    const address = await listening(() => assert.fail('no request arrives'), stranger);
    const { attempt: asked, logged } = attempt(address);
    const done = asked.untilTrusted();
    while (logged.length === 0) await new Promise(setImmediate);
    asked.stop();
    assert.equal(await done, undefined);
    assert.match(logged[0] ?? '', /^join.unreachable invalid cert on handshake/);
  });

  test('believes no answer that is not for it, or not of its service', async () => {
    const other = await createService();
    const cases: readonly JsonValue[] = [
      'text',
      {},
      { node_id: own.key.id, node_status: 'Trusted' },
      encodePendingAnswer('ab'.repeat(32)),
      trustedBy(other),
      trustedBy(service, { nodeId: 'ab'.repeat(32) }),
      trustedBy(service, { key: other }),
      trustedBy(service, { endorsedPem: (await createNode(service)).endorsedPem }),
      trustedBy(service, { endorsedPem: own.selfSignedPem }),
    ];
    for (const body of cases) {
      const { attempt: asked } = attempt(await listening(() => ({ status: 200, body })));
      await assert.rejects(asked.untilTrusted(), { code: 'JoinAnswerInvalid' });
    }
  });

  test('begins without a ledger', async () => {
    await mkdir(join(folder, 'old'));
    await writeFile(join(folder, 'old', 'ledger_1'), '');
    const { attempt: asked } = attempt('127.0.0.1:1', { ledgerDirectory: 'old' });
    await assert.rejects(asked.untilTrusted(), {
      code: 'InvalidConfiguration',
      message: /A node joins with an empty ledger directory/,
    });
  });

  test('waits for nobody once it is stopped', async () => {
    const { attempt: asked } = attempt('127.0.0.1:1');
    const done = asked.untilTrusted();
    asked.stop();
    assert.equal(await done, undefined);
    assert.equal(await asked.orStopped(new Promise(() => {})), false);
  });
});
