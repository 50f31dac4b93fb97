/** What nodes may write without a vote, and what they may not. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeJson, type JsonValue, utf8Encode } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';
import { type NodeInfoRow, nodeCertificates, nodeInfos, serviceInfo } from '@coco/governance';
import type { Transaction } from '@coco/kv';
import { auditService } from '../src/index.ts';
import { Consortium, folder } from './sample-consortium.ts';
import { createMember, startMs } from './sample-identity.ts';

const members = await Promise.all(['Alpha', 'Beta', 'Gamma'].map(createMember));
const other = 'ab'.repeat(32);

function put(rows: Transaction, table: string, key: string, value: JsonValue): void {
  rows.map(table).set(key === '' ? new Uint8Array(8) : utf8Encode(key), encodeJson(value));
}

/** Voted once and for all. */
async function permit(service: Consortium, name: string): Promise<void> {
  await service.carry([{ name: 'set_standing_permission', args: { name } }], (rows) =>
    put(rows, 'public:coco.gov.standing_permissions', name, {}),
  );
}

function nodeRow(rows: Transaction, change: Partial<NodeInfoRow>): NodeInfoRow {
  const [[, row] = []] = nodeInfos.rows(rows);
  assert.ok(row);
  return { ...row, ...change };
}

/** The service's certificate again, with another end; by another key where one is given. */
async function renewed(
  service: Consortium,
  key: SigningKey = service.identity.key,
): Promise<string> {
  const dates = { notBeforeMs: startMs, days: 700 };
  return createCertificate({ subject: 'Service', key, isAuthority: true, ...dates });
}

interface Write {
  readonly what: string;
  readonly permission?: string;
  /** What was there before, by a vote. */
  readonly before?: (rows: Transaction) => void;
  readonly write: (rows: Transaction, service: Consortium) => void;
  readonly isAllowed: boolean;
}

const addNode = (change: Partial<NodeInfoRow>) => (rows: Transaction) =>
  nodeInfos.put(rows, other, nodeRow(rows, change));
const issuer = (isRefreshed: boolean) => (rows: Transaction) =>
  put(rows, 'public:ccf.gov.jwt.issuers', 'https://issuer', { auto_refresh: isRefreshed });
const keys = (rows: Transaction): void =>
  put(rows, 'public:ccf.gov.jwt.public_signing_keys_metadata_v2', 'key 1', []);

const writes: readonly Write[] = [
  { what: 'a node that asks to join', write: addNode({ status: 'Pending' }), isAllowed: true },
  {
    what: 'a pending node that is trusted',
    before: addNode({ status: 'Pending' }),
    write: addNode({ status: 'Trusted' }),
    isAllowed: false,
  },
  {
    what: 'a pending node that is trusted by a standing permission',
    permission: 'node_replacement',
    before: addNode({ status: 'Pending' }),
    write: addNode({ status: 'Trusted' }),
    isAllowed: true,
  },
  {
    what: 'a trusted node that is retired',
    before: addNode({ status: 'Trusted' }),
    write: addNode({ status: 'Retired' }),
    isAllowed: false,
  },
  {
    what: 'a retired node whose retirement is committed',
    before: addNode({ status: 'Retired' }),
    write: addNode({ status: 'Retired', retired_committed: true }),
    isAllowed: true,
  },
  {
    what: 'a retired node that is removed',
    before: addNode({ status: 'Retired' }),
    write: (rows) => nodeInfos.delete(rows, other),
    isAllowed: true,
  },
  {
    what: 'a trusted node that is removed',
    before: addNode({ status: 'Trusted' }),
    write: (rows) => nodeInfos.delete(rows, other),
    isAllowed: false,
  },
  {
    what: 'a node whose data change',
    before: addNode({ status: 'Trusted' }),
    write: addNode({ status: 'Trusted', node_data: { site: 'elsewhere' } }),
    isAllowed: false,
  },
  {
    what: 'the certificate of a node',
    write: (rows, { identity }) =>
      nodeCertificates.put(rows, other, identity.node.endorsedCertificatePem),
    isAllowed: false,
  },
  {
    what: 'the certificate of a node, by a standing permission',
    permission: 'certificate_renewal',
    write: (rows, { identity }) =>
      nodeCertificates.put(rows, other, identity.node.endorsedCertificatePem),
    isAllowed: true,
  },
  {
    what: 'keys of a token issuer that is refreshed',
    before: issuer(true),
    write: keys,
    isAllowed: true,
  },
  {
    what: 'keys of a token issuer that is not refreshed',
    before: issuer(false),
    write: keys,
    isAllowed: false,
  },
];

suite('without a vote', () => {
  for (const { what, permission, before, write, isAllowed } of writes) {
    test(`${what} is ${isAllowed ? 'allowed' : 'found'}`, async () => {
      const service = await Consortium.open(members);
      if (permission !== undefined) await permit(service, permission);
      if (before) await service.carry([{ name: 'prepare', args: {} }], before);
      service.write((rows) => write(rows, service));
      await service.sign();
      const audit = await auditService({ disk: service.disk, folder });
      assert.deepEqual(
        audit.findings.map(({ code }) => code),
        isAllowed ? [] : ['ChangeUnauthorised'],
        audit.findings[0]?.sentence,
      );
    });
  }

  test('the service certificate is renewed by a standing permission alone', async () => {
    for (const isPermitted of [true, false]) {
      const service = await Consortium.open(members);
      if (isPermitted) await permit(service, 'certificate_renewal');
      const cert = await renewed(service);
      service.write((rows) => serviceInfo.put(rows, { ...serviceInfo.require(rows), cert }));
      await service.sign();
      const audit = await auditService({ disk: service.disk, folder });
      assert.equal(audit.isSound, isPermitted, audit.findings[0]?.sentence);
      const renewal = audit.story.find(({ kind }) => kind === 'serviceCertificate');
      assert.ok(renewal, 'it is told either way');
    }
  });

  test('no permission lets in another service key', async () => {
    const service = await Consortium.open(members);
    await permit(service, 'certificate_renewal');
    const cert = await renewed(service, SigningKey.generate('P-256'));
    service.write((rows) => serviceInfo.put(rows, { ...serviceInfo.require(rows), cert }));
    await service.sign();
    const audit = await auditService({ disk: service.disk, folder });
    assert.equal(audit.findings[0]?.code, 'LedgerDamaged');
  });
});
