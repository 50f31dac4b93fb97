import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isJsonObject, type JsonValue, toBase64, utf8Encode } from '@coco/base';
import {
  constitution,
  nodeInfos,
  snpHostData,
  snpMeasurements,
  userCertificates,
} from '../src/tables.ts';
import { answerOf, createMember, refusalOf, TestService } from './service-fixture.ts';
import { testConstitution } from './test-constitution.ts';

const member = await createMember();
const opened = await TestService.start([member]);
opened.sign();
await opened.acknowledge(member);
const proposalId = String((await opened.open([member])).field('proposalId'));
opened.sign();

opened.write((transaction) => userCertificates.put(transaction, member.id, member.certificatePem));

const recorded: {
  readonly anonymous: readonly {
    readonly method: string;
    readonly target: string;
    readonly status: number;
    readonly error: { readonly code: string; readonly message: string };
  }[];
  readonly shapes: readonly { readonly path: string; readonly shape: JsonValue }[];
} = JSON.parse(readFileSync(new URL('recorded-gov.json', import.meta.url), 'utf8'));

/** The names and types of a value, as the recordings have them. */
function shapeOf(value: JsonValue): JsonValue {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0] ?? null)];
  if (!isJsonObject(value)) return typeof value;
  const entries = Object.entries(value);
  const [only] = entries;
  if (only && entries.every(([name]) => /^[0-9a-f]{64}$/.test(name))) {
    return { '<memberId>': shapeOf(only[1]) };
  }
  return Object.fromEntries(entries.map(([name, part]) => [name, shapeOf(part)]));
}

/** Data that the recorded service did not have is null there; ours has some, to see it shown. */
function withoutData(shape: JsonValue): JsonValue {
  return JSON.parse(
    JSON.stringify(shape).replace(/"(memberData|serviceData)":(\{[^}]*\}|"null")/g, '"$1":"any"'),
  );
}

suite('service endpoints', () => {
  for (const { method, target, status, error } of recorded.anonymous) {
    test(`${method} ${target} is refused as CCF refuses`, async () => {
      const answer = answerOf(await opened.request(method, target));
      assert.deepEqual(refusalOf(answer), [status, error.code, error.message]);
    });
  }

  for (const { path, shape } of recorded.shapes) {
    test(`GET /gov${path} has the shape of CCF’s answer`, () => {
      const target = path
        .replace('{member}', member.id)
        .replace('{node}', opened.identity.node.id)
        .replace('{proposal}', proposalId)
        .replace('{user}', member.id);
      const answer = opened.get(target);
      assert.equal(answer.status, 200, answer.text);
      assert.deepEqual(withoutData(shapeOf(answer.body)), withoutData(shape));
    });
  }

  test('the service, its members and nodes are told as the ledger has them', () => {
    const info = opened.get('/service/info');
    assert.equal(info.field('certificate'), opened.identity.serviceCertificate);
    assert.equal(info.field('status'), 'Open');
    assert.equal(info.field('creationTransactionId'), '2.1');
    assert.deepEqual(info.field('serviceData'), { network: 'test' });
    assert.deepEqual(info.field('configuration'), {
      recoveryThreshold: 1,
      maximumNodeCertificateValidityDays: 365,
      maximumServiceCertificateValidityDays: 365,
      recentCoseProposalsWindowSize: 100,
    });
    assert.deepEqual(opened.get(`/service/members/${member.id}`).body, {
      certificate: member.certificatePem,
      memberData: { name: 'A' },
      memberId: member.id,
      publicEncryptionKey: member.encryptionKey?.publicPem,
      recoveryRole: 'Participant',
      status: 'Active',
    });
    const node = opened.get(`/service/nodes/${opened.identity.node.id}`);
    assert.equal(node.field('status'), 'Trusted');
    assert.deepEqual(node.field('rpcInterfaces'), {
      primary_rpc_interface: { protocol: 'HTTP1', publishedAddress: '127.0.0.1:8000' },
    });
    assert.equal(node.field('quoteInfo.details.measurement'), 'test measurement');
    assert.deepEqual(opened.get('/service/join-policy').field('virtual'), {
      hostData: ['aa'.repeat(32)],
      measurements: ['test measurement'],
    });
    const text = opened.get('/service/constitution');
    assert.equal(text.text, testConstitution);
    assert.equal(text.headers['content-type'], 'text/javascript');
  });

  test('what is not there is not found', async () => {
    const unknown = 'ab'.repeat(32);
    for (const [path, message] of [
      [`/service/members/${unknown}`, `Member m[${unknown}] does not exist.`],
      [`/service/nodes/${unknown}`, `Node n[${unknown}] does not exist.`],
    ] as const) {
      assert.deepEqual(refusalOf(opened.get(path)), [404, 'ResourceNotFound', message]);
    }
    const service = await TestService.start([member]);
    service.write((transaction) => transaction.map(constitution.name).delete(new Uint8Array(8)));
    assert.deepEqual(refusalOf(service.get('/service/constitution')), [
      404,
      'ResourceNotFound',
      'Constitution not found',
    ]);
  });

  test('evidence of another platform or form is told without details', async () => {
    const service = await TestService.start([member]);
    const { id } = service.identity.node;
    const quotes = [
      { format: 'Insecure_Virtual', quote: toBase64(utf8Encode('not json')), endorsements: '' },
      { format: 'Insecure_Virtual', quote: toBase64(utf8Encode('[]')), endorsements: '' },
      {
        format: 'AMD_SEV_SNP_v1',
        quote: 'AA==',
        endorsements: '',
        uvm_endorsements: 'AAAA',
        endorsed_tcb: '00',
      },
    ];
    const shown = quotes.map((quote_info) => {
      service.write((transaction) => {
        const info = nodeInfos.get(transaction, id);
        assert.ok(info);
        nodeInfos.put(transaction, id, { ...info, quote_info, rpc_interfaces: [] });
        snpMeasurements.put(transaction, 'bb', 'AllowedToJoin');
        snpMeasurements.put(transaction, 'cc', 'Retired');
        snpHostData.put(transaction, 'dd', 'policy');
      });
      return service.get(`/service/nodes/${id}`).field('quoteInfo');
    });
    assert.deepEqual(shown, [
      { format: 'Insecure_Virtual', rawQuote: toBase64(utf8Encode('not json')) },
      { format: 'Insecure_Virtual', rawQuote: toBase64(utf8Encode('[]')) },
      { format: 'AMD_SEV_SNP_v1', uvmEndorsements: 'AAAA', endorsedTcb: '00' },
    ]);
    assert.deepEqual(service.get('/service/join-policy').field('snp'), {
      hostData: { dd: 'policy' },
      measurements: ['bb'],
      tcbVersions: {},
      uvmEndorsements: {},
    });
  });
});
