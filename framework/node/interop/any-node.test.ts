/**
 * Three whole nodes: whatever node is asked, requests come to where they are answered, with their
 * caller's identity; and ids end as Committed or Invalid everywhere, also if nothing more happens.
 */

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { coseHeader, type JsonValue, utf8Decode, utf8Encode } from '@coco/base';
import {
  certificateIssuedBy,
  createCertificate,
  parseCertificate,
  SigningKey,
  signCose,
} from '@coco/crypto';
import { SignJWT } from 'jose';
import type { AskOptions } from '../test/member-client.ts';
import { TestNetwork, type TestNode } from '../test/network-harness.ts';
import { Asker } from '../test/note-clients.ts';

type Json = { [name: string]: JsonValue };

const write = { method: 'POST', body: utf8Encode('x') } as const;

function idOf(answer: { readonly json: JsonValue }): string {
  return String((answer.json as Json).transactionId);
}

/** What a node shows in a handshake, and the service's certificate that its operator finds. */
async function certificatesOf(
  node: TestNode,
): Promise<{ readonly node: string; readonly service: string }> {
  const [host, port] = node.address.split(':');
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const shown = socket.getPeerX509Certificate()?.toString() ?? '';
  socket.destroy();
  return { node: shown, service: await readFile(join(node.folder, 'service_cert.pem'), 'utf8') };
}

describe('any node of a network', () => {
  let network: TestNetwork;
  let backups: readonly [TestNode, TestNode];
  before(async () => {
    network = await TestNetwork.create();
    const first = await network.start();
    const second = await network.grow();
    await network.openService();
    const third = await network.grow();
    await first.untilLogged('consensus.configuration', { voters: 3, learners: 0 });
    backups = [second, third];
  });
  after(() => network.remove());

  test('takes writes, and each commits everywhere', async () => {
    for (const backup of backups) {
      const answer = await backup.ask('/app/notes/a', write);
      assert.equal(answer.status, 200, utf8Decode(answer.bytes));
      for (const node of network.running) await node.untilCommitted(idOf(answer));
    }
  });

  test('takes what a member signs', async () => {
    const [backup] = backups;
    const { member } = network;
    const path = '/gov/members/proposals:create?api-version=2024-07-01';
    const proposal = {
      actions: [{ name: 'set_node_data', args: { node_id: backup.id, node_data: 1 } }],
    };
    const answer = await backup.ask(path, {
      method: 'POST',
      body: member.signedBody('proposal', proposal),
      headers: { 'content-type': 'application/cose' },
    });
    assert.equal(answer.status, 200, utf8Decode(answer.bytes));
    assert.equal((answer.json as Json).proposerId, member.id);
    assert.ok(answer.headers['x-ms-ccf-transaction-id']);
    const unsigned = await backup.ask(path, write);
    assert.equal(unsigned.status, 401, 'the primary checks the signature itself');
  });

  test('lets the primary name the caller by what the node that was asked saw', async () => {
    const { member } = network;
    for (const node of network.running) {
      const asked = { method: 'POST', client: member.client } as const;
      const known = (await node.ask('/app/who', asked)).json;
      assert.deepEqual(known, { policy: 'member_cert', id: member.id });
      const unknown = (await node.ask('/app/who', { method: 'POST' })).json;
      assert.deepEqual(unknown, { policy: 'no_auth' });
    }
  });

  test('names users and bearers of tokens alike, whatever node they ask', async () => {
    const [backup] = backups;
    const issuer = 'https://example.issuer';
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = SigningKey.generate('P-384');
    const notBeforeMs = Date.now() - 1000;
    const cert = await createCertificate({
      subject: 'user',
      key,
      isAuthority: false,
      notBeforeMs,
      days: 2,
    });
    const { id } = parseCertificate(cert);
    const jwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'k1', issuer } as JsonValue;
    await network.decide([
      { name: 'set_user', args: { cert } },
      { name: 'set_jwt_issuer', args: { issuer, jwks: { keys: [jwk] } } },
    ]);
    const token = await new SignJWT({ iss: issuer, sub: 'alice', exp: 4_000_000_000 })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(rsa.privateKey);
    const protectedHeader = new Map<number, number | Uint8Array>([
      [coseHeader.algorithm, key.algorithm],
      [coseHeader.keyId, utf8Encode(id)],
    ]);
    const payload = utf8Encode('order');
    const body = signCose({ key, protectedHeader, payload, isDetached: false });
    const bearer = { authorization: `Bearer ${token}` };
    const { member } = network;
    const calls: readonly [AskOptions, JsonValue][] = [
      [{ client: { cert, key: key.privatePem() } }, { policy: 'user_cert', id }],
      [{ headers: bearer }, { policy: 'jwt', id: 'alice' }],
      // What is signed or told counts, whoever brings it.
      [
        { headers: bearer, client: member.client },
        { policy: 'jwt', id: 'alice' },
      ],
      [
        { body, headers: { 'content-type': 'application/cose' }, client: member.client },
        { policy: 'user_cose_sign1', id },
      ],
      [{ client: member.client }, { policy: 'member_cert', id: member.id }],
    ];
    for (const node of network.running) {
      for (const [call, expected] of calls) {
        const { json } = await node.ask('/app/who', { method: 'POST', ...call });
        assert.deepEqual(json, expected, node.name);
      }
    }
    // A token of nobody's key is not taken for another one because a backup forwards it.
    const forged = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const foreign = await new SignJWT({ iss: issuer, sub: 'alice', exp: 4_000_000_000 })
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(forged.privateKey);
    const headers = { authorization: `Bearer ${foreign}` };
    const { json } = await backup.ask('/app/who', { method: 'POST', headers });
    assert.deepEqual(json, { policy: 'no_auth' });
  });

  test('shows renewed certificates, its own and the service’s, also while it is a backup', async () => {
    const valid_from = new Date(Date.now() - 60_000).toISOString().slice(0, 19).replace('T', ' ');
    const args = { valid_from, validity_period_days: 90 };
    const before = await Promise.all(network.running.map(certificatesOf));
    await network.decide([
      { name: 'set_service_certificate_validity', args },
      { name: 'set_all_nodes_certificate_validity', args },
    ]);
    for (const [at, node] of network.running.entries()) {
      let now = await certificatesOf(node);
      const isOld = (): boolean =>
        now.node === before[at]?.node || now.service === before[at]?.service;
      while (isOld()) now = await certificatesOf(node);
      assert.ok(certificateIssuedBy(now.node, now.service), node.name);
      for (const pem of [now.node, now.service]) {
        const { notBeforeMs, notAfterMs } = parseCertificate(pem);
        assert.equal(notAfterMs - notBeforeMs, 90 * 86_400_000 - 1000);
      }
      const { spki } = parseCertificate(now.service);
      assert.deepEqual(spki, parseCertificate(before[at]?.service ?? '').spki, 'of the same key');
      const { json } = await node.ask('/node/network');
      assert.equal((json as Json).service_certificate, now.service);
      const answer = await node.ask('/app/notes/renewed', write);
      assert.equal(answer.status, 200, utf8Decode(answer.bytes));
    }
  });

  test('names the primary, and points to it', async () => {
    const { target: primary } = network;
    for (const node of network.running) {
      const { json } = await node.ask('/node/network');
      assert.equal((json as Json).primary_id, primary.id);
      const isPrimary = node === primary;
      assert.equal((await node.ask('/node/primary')).status, isPrimary ? 200 : 404);
      const pointed = await node.ask('/node/primary', { method: 'HEAD' });
      assert.equal(pointed.status, isPrimary ? 200 : 308);
      if (!isPrimary)
        assert.equal(pointed.headers.location, `https://${primary.address}/node/primary`);
      const { nodes } = (await node.ask('/node/network/nodes')).json as { nodes: Json[] };
      const flagged = nodes.filter((one) => one.primary === true).map((one) => one.node_id);
      assert.deepEqual(flagged, [primary.id]);
    }
  });

  test('refuses who says that he forwards', async () => {
    for (const node of network.running) {
      const headers = { 'x-coco-forwarded': '1' };
      assert.equal((await node.ask('/app/notes/a', { ...write, headers })).status, 403);
    }
  });

  test('answers what is current where that is asked for', async () => {
    const id = idOf(await network.target.ask('/app/notes/current', write));
    await network.target.untilCommitted(id);
    for (const node of network.running) {
      const headers = { 'x-coco-read': 'current' };
      assert.equal((await node.ask('/app/notes/current', { headers })).status, 200);
      const commit = await node.ask('/node/commit', { headers });
      const committed = String((commit.json as Json).transaction_id).split('.')[1];
      assert.ok(Number(committed) >= Number(id.split('.')[1]));
    }
  });
});

describe('any node of a network of processes', () => {
  let network: TestNetwork;
  before(async () => {
    network = await TestNetwork.create({ processes: true });
    const first = await network.start();
    await network.grow();
    await network.openService();
    await network.grow();
    await first.untilLogged('consensus.configuration', { voters: 3, learners: 0 });
  });
  after(() => network.remove());

  test('carries writes over a stopped primary, which shows nothing stale as current', async () => {
    const stopped = network.target;
    const others = network.running.filter((node) => node !== stopped);
    const [asked] = others;
    assert.ok(asked);
    stopped.signal('SIGSTOP');
    // The write waits for the next primary, or says that it may have been carried out.
    let answer = await asked.ask('/app/notes/stopped', write);
    while (answer.status === 504) answer = await asked.ask('/app/notes/stopped', write);
    assert.equal(answer.status, 200, utf8Decode(answer.bytes));
    const id = idOf(answer);
    for (const node of others) await node.untilCommitted(id);
    stopped.signal('SIGCONT');
    const current = await stopped.ask('/app/notes/stopped', {
      headers: { 'x-coco-read': 'current' },
    });
    assert.ok(current.status === 200 || current.status === 503, String(current.status));
    if (current.status === 200) assert.equal(utf8Decode(current.bytes), 'x');
    await stopped.untilCommitted(id);
  });

  test('decides every id that was ever answered, also when nothing more happens', async () => {
    const primary = await network.untilPrimary();
    const asker = new Asker(await serviceCertificate(network));
    const answered: string[] = [];
    const writes = Array.from({ length: 40 }, async (_, at) => {
      const node = network.running[at % network.running.length];
      const reply = await asker
        .ask(node?.address ?? '', `/app/notes/load-${at}`, { ...write, body: 'y', waitMs: 4_000 })
        .catch(() => undefined);
      if (reply?.status === 200) answered.push(String(JSON.parse(reply.text).transactionId));
      if (at === 20) await primary.kill();
    });
    await Promise.all(writes);
    asker.close();
    assert.ok(answered.length > 0);
    await network.untilPrimary((node) => node !== primary);
    const decided = new Map<string, string>();
    for (const node of network.running) {
      for (const id of answered) {
        const { json } = await node.askUntil(`/node/tx?transaction_id=${id}`, ({ json }) =>
          ['Committed', 'Invalid'].includes(String((json as Json).status)),
        );
        const status = String((json as Json).status);
        assert.equal(decided.get(id) ?? status, status, `${id} is decided alike everywhere`);
        decided.set(id, status);
      }
    }
    assert.equal(decided.size, new Set(answered).size);
  });
});

async function serviceCertificate(network: TestNetwork): Promise<string> {
  const { json } = await network.target.ask('/node/network');
  return String((json as Json).service_certificate);
}
