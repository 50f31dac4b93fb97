import assert from 'node:assert/strict';
import { Agent, request as httpsRequest } from 'node:https';
import { suite, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { ManualClock } from '@coco/base';
import { endorseSigningRequest, parseCertificate } from '@coco/crypto';
import { jsonResponse } from '@coco/endpoint';
import { listen } from '@coco/http';
import { createNodeKeys, createServiceIdentity, endorseOwnNode } from '../src/identities.ts';

const clock = new ManualClock(Date.now());
const service = await createServiceIdentity({ curve: 'P-256', subject: 'S', days: 9, clock });
const hosts = ['127.0.0.1'];
const node = await endorseOwnNode(
  await createNodeKeys({ subject: 'N', hosts, days: 9, clock }),
  service,
  { days: 9, clock },
);
const privateKeyPem = node.key.privatePem();

suite('a listener whose certificate is renewed', () => {
  test('keeps its connections and shows new ones the new certificate', async (t) => {
    const listener = await listen({
      configuration: {
        name: 'test',
        host: '127.0.0.1',
        port: 0,
        sessionsSoftMax: 5,
        sessionsMax: 9,
        bodyBytesMax: 1000,
        headerBytesMax: 4096,
        channels: {
          channelsMax: 10,
          messageBytesMax: 1000,
          unreadBytesMax: 1000,
          messagesAtOnceMax: 4,
        },
      },
      identity: { certificatePem: node.endorsedPem, privateKeyPem },
      answer: async () => jsonResponse({}),
    });
    t.after(() => listener.stop());
    const ca = service.certificatePem;
    const kept = new Agent({ keepAlive: true, maxSockets: 1, ca });
    t.after(() => kept.destroy());
    /** The id of the certificate that the answering connection was made with, and its port. */
    const ask = (agent: Agent): Promise<readonly [string, number | undefined]> =>
      new Promise((resolve, reject) => {
        const outgoing = httpsRequest(`https://${listener.address}/`, { agent }, (answer) => {
          const socket = answer.socket as TLSSocket;
          const { raw } = socket.getPeerCertificate();
          answer.resume();
          answer.on('end', () => resolve([parseCertificate(raw).id, socket.localPort]));
        });
        outgoing.on('error', reject);
        outgoing.end();
      });
    const old = parseCertificate(node.endorsedPem).id;
    const first = await ask(kept);
    assert.equal(first[0], old);
    const renewed = await endorseSigningRequest({
      request: node.signingRequestPem,
      issuer: service,
      notBeforeMs: Date.now() - 1000,
      days: 2,
    });
    listener.renew({ certificatePem: renewed, privateKeyPem });
    assert.deepEqual(await ask(kept), first);
    const [shown] = await ask(new Agent({ ca }));
    assert.equal(shown, parseCertificate(renewed).id);
  });
});
