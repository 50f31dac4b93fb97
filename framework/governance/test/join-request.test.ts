import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, encodeJson, isJsonObject, type JsonValue } from '@coco/base';
import { EncryptionKey } from '@coco/crypto';
import {
  encodePendingAnswer,
  encodeTrustedAnswer,
  type JoinAnswer,
  parseJoinAnswer,
} from '../src/join-answer.ts';
import { encodeJoinRequest, joinRequestBytesMax, parseJoinRequest } from '../src/join-request.ts';
import { takeRsaKey } from './service-fixture.ts';
import { createJoiner } from './test-joiner.ts';

const { request, id } = await createJoiner({ nodeData: { site: 'north' } });
const encoded = encodeJoinRequest(request);

function changed(path: readonly string[], value: JsonValue | undefined): Uint8Array {
  const copy = structuredClone(encoded) as { [name: string]: JsonValue };
  let at: { [name: string]: JsonValue } = copy;
  for (const name of path.slice(0, -1)) at = at[name] as { [name: string]: JsonValue };
  const last = path.at(-1) ?? '';
  if (value === undefined) delete at[last];
  else at[last] = value;
  return encodeJson(copy);
}

suite('a request to join', () => {
  test('is read as it was written', () => {
    const read = parseJoinRequest(encodeJson(encoded));
    assert.deepEqual(encodeJoinRequest(read), encoded);
  });

  test('without one of its parts, or with a wrong one, is refused', () => {
    const fields = [
      ['node_info_network'],
      ['node_info_network', 'node_to_node_interface'],
      ['node_info_network', 'node_to_node_interface', 'published_address'],
      ['node_info_network', 'rpc_interfaces'],
      ['quote_info'],
      ['quote_info', 'format'],
      ['quote_info', 'quote'],
      ['quote_info', 'endorsements'],
      ['public_encryption_key'],
      ['certificate_signing_request'],
    ];
    for (const path of fields) {
      for (const value of [undefined, null, 7, ['text']]) {
        assert.throws(() => parseJoinRequest(changed(path, value)), { code: 'InvalidInput' });
      }
    }
  });

  test('names addresses, and nothing else in their place', () => {
    const path = ['node_info_network', 'node_to_node_interface', 'published_address'];
    const wrong = [
      '',
      'host',
      'host:0',
      'host:65536',
      'host:1/x',
      'a b:1',
      'x@host:1',
      '[::1]',
      ':1',
    ];
    for (const address of [...wrong, `${'h'.repeat(400)}:1`]) {
      assert.throws(() => parseJoinRequest(changed(path, address)), { code: 'InvalidInput' });
      const interfaces = { main: { published_address: address } };
      const inside = changed(['node_info_network', 'rpc_interfaces'], interfaces);
      assert.throws(() => parseJoinRequest(inside), { code: 'InvalidInput' });
    }
    for (const address of ['node.example:9000', '[::1]:1', '10.0.0.1:65535']) {
      const read = parseJoinRequest(changed(path, address));
      assert.equal(read.nodeToNodeInterface.publishedAddress, address);
    }
  });

  test('with a part beyond its limit is refused, and so is one that is too large as a whole', () => {
    const long = 'x'.repeat(50_000);
    const cases: readonly (readonly string[])[] = [
      ['public_encryption_key'],
      ['certificate_signing_request'],
      ['quote_info', 'quote'],
      ['node_data'],
    ];
    for (const path of cases) {
      assert.throws(() => parseJoinRequest(changed(path, long)), { code: 'InvalidInput' });
    }
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, at) => [
        `main${at}`,
        { published_address: 'host:1', padding: 'x'.repeat(40) },
      ]),
    );
    assert.throws(() => parseJoinRequest(changed(['node_info_network', 'rpc_interfaces'], many)), {
      code: 'InvalidInput',
      message: /rpc_interfaces has more than/,
    });
    const whole = new Uint8Array(joinRequestBytesMax + 1).fill(0x20);
    assert.throws(() => parseJoinRequest(whole), { code: 'RequestBodyTooLarge' });
    assert.throws(() => parseJoinRequest(new Uint8Array(0)), { code: 'InvalidInput' });
  });
});

suite('the answer to a request to join', () => {
  const reader = takeRsaKey();
  const trusted: Extract<JoinAnswer, { status: 'Trusted' }> = {
    status: 'Trusted',
    nodeId: id,
    network: {
      raftId: asSeqno(42),
      committed: { view: asView(3), seqno: asSeqno(77) },
      serviceCertificatePem: 'service',
      endorsedCertificatePem: 'endorsed',
      signer: { issuer: 'i', subject: 's' },
      peers: [
        { nodeId: 'a', raftId: asSeqno(1), nodeToNodeAddress: 'h:1', rpcAddress: 'h:2' },
        { nodeId: 'b', raftId: asSeqno(9), nodeToNodeAddress: 'h:3', rpcAddress: undefined },
      ],
      endorsements: [
        {
          endorsement: 'e',
          endorsing_key: 'k',
          endorsement_epoch_begin: '2.1',
          endorsement_epoch_end: '2.9',
          previous_version: undefined,
        },
      ],
    },
    secrets: {
      serviceKeyPem: 'the private key',
      ledgerSecrets: [
        { version: asSeqno(1), secret: Uint8Array.from(new Uint8Array(32).fill(1)) },
        { version: asSeqno(50), secret: Uint8Array.from(new Uint8Array(32).fill(2)) },
      ],
    },
  };

  test('to a Pending node holds no more than that', () => {
    const answer = encodePendingAnswer(id);
    assert.deepEqual(answer, { node_id: id, node_status: 'Pending' });
    assert.deepEqual(parseJoinAnswer(encodeJson(answer), reader), {
      status: 'Pending',
      nodeId: id,
    });
  });

  test('to a Trusted node is read by it, and holds no secret in clear', () => {
    const bytes = encodeJson(encodeTrustedAnswer(trusted, reader.publicPem));
    const text = Buffer.from(bytes).toString();
    assert.ok(!text.includes('the private key') && !text.includes('raw_key'));
    const read = parseJoinAnswer(bytes, reader);
    assert.ok(read.status === 'Trusted');
    assert.deepEqual(read.network, trusted.network);
    assert.equal(read.secrets.serviceKeyPem, 'the private key');
    assert.deepEqual(
      read.secrets.ledgerSecrets.map(({ version, secret }) => [version, ...secret]),
      trusted.secrets.ledgerSecrets.map(({ version, secret }) => [version, ...secret]),
    );
  });

  test('for another node, or another place in the network, does not open', () => {
    const answer = encodeTrustedAnswer(trusted, reader.publicPem);
    assert.ok(isJsonObject(answer) && isJsonObject(answer.network_info));
    const otherKey = EncryptionKey.generate();
    const closed = { code: 'DecryptionFailed' };
    assert.throws(() => parseJoinAnswer(encodeJson(answer), otherKey), closed);
    const otherId = { ...answer, node_id: 'cd'.repeat(32) };
    assert.throws(() => parseJoinAnswer(encodeJson(otherId), reader), closed);
    const otherPlace = { ...answer, network_info: { ...answer.network_info, raft_id: 43 } };
    assert.throws(() => parseJoinAnswer(encodeJson(otherPlace), reader), closed);
  });

  test('without one of its parts is refused', () => {
    const answer = encodeTrustedAnswer(trusted, reader.publicPem);
    assert.ok(isJsonObject(answer) && isJsonObject(answer.network_info));
    for (const name of Object.keys(answer.network_info).filter((one) => one !== 'public_only')) {
      const { [name]: _, ...rest } = answer.network_info;
      const lacking = encodeJson({ ...answer, network_info: rest });
      assert.throws(() => parseJoinAnswer(lacking, reader), { code: 'InvalidInput' }, name);
    }
    assert.throws(
      () => parseJoinAnswer(encodeJson({ node_id: id, node_status: 'Retired' }), reader),
      {
        code: 'InvalidInput',
      },
    );
  });
});
