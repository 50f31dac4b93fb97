import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, asView, utf8Decode } from '@coco/base';
import { Store } from '@coco/kv';
import { genesis, type NewMember, recover } from '../src/genesis.ts';
import * as tables from '../src/tables.ts';
import { createMember, sampleRecord, TestService, takeRsaKey } from './service-fixture.ts';

const member = await createMember();
const other = await createMember('NonParticipant');

function start(
  members: readonly NewMember[],
  recoveryThreshold: number,
  constitution: string = 'export function validate() {}',
): void {
  genesis(new Store().begin(), {
    members,
    constitution,
    recoveryThreshold,
    node: {
      id: 'aa',
      endorsedCertificatePem: '',
      encryptionPublicKeyPem: '',
      quoteInfo: { format: '', quote: '', endorsements: '' },
      rpcInterfaces: {},
      nodeToNodeInterface: {},
    },
    service: { createId: { view: asView(2), seqno: asSeqno(1) }, certificatePem: '' },
  });
}

suite('genesis', () => {
  test('writes the tables of CCF’s first transaction, and which node votes', async () => {
    const service = await TestService.start([member, other]);
    const state = service.store.readAt(service.store.seqno);
    assert.deepEqual(state.mapNames(), [
      'public:ccf.gov.constitution',
      'public:ccf.gov.members.acks',
      'public:ccf.gov.members.certs',
      'public:ccf.gov.members.encryption_public_keys',
      'public:ccf.gov.members.info',
      'public:ccf.gov.nodes.endorsed_certificates',
      'public:ccf.gov.nodes.info',
      'public:ccf.gov.nodes.virtual.host_data',
      'public:ccf.gov.nodes.virtual.measurements',
      'public:ccf.gov.service.config',
      'public:ccf.gov.service.info',
      'public:coco.internal.node_joins',
      'public:coco.internal.node_voters',
    ]);
    assert.deepEqual(tables.memberAcks.get(state, member.id), {
      state_digest: '',
      cose_sign1_req: undefined,
    });
    assert.equal(tables.memberCertificates.get(state, member.id), member.certificatePem);
    assert.equal(tables.memberInfos.get(state, other.id)?.status, 'Accepted');
    const info = tables.serviceInfo.require(state);
    assert.equal(info.status, 'Opening');
    assert.equal(info.current_service_create_txid, '2.1');
    const [row] = [...state.map('public:ccf.gov.nodes.virtual.measurements').range()];
    assert.equal(row && utf8Decode(row.value), '"AllowedToJoin"');
  });

  test('the threshold follows the members who hold shares', async () => {
    const { certificatePem, encryptionKey } = member;
    const encryptionPublicKeyPem = encryptionKey?.publicPem ?? '';
    const participant: NewMember = { certificatePem, encryptionPublicKeyPem };
    const owner: NewMember = { ...participant, recoveryRole: 'Owner' };
    const bystander: NewMember = { certificatePem: other.certificatePem };
    const refused = { code: 'InvalidInput' };
    start([participant, bystander], 1);
    start([owner], 0);
    assert.throws(() => start([participant, bystander], 2), refused);
    assert.throws(() => start([owner], 2), refused);
    assert.throws(() => start([participant], 0.5), refused);
    assert.throws(() => start([participant], -1), refused);
    assert.throws(() => start([bystander], 0), refused);
    assert.throws(() => start([participant], 1, ' \n'), {
      ...refused,
      message: 'A service starts with a constitution.',
    });
    const service = await TestService.start([member, other], { recoveryThreshold: 0 });
    const state = service.store.readAt(service.store.seqno);
    assert.equal(tables.serviceConfig.require(state).recovery_threshold, 1);
  });

  test('members that cannot be are refused', () => {
    const { certificatePem } = member;
    const weak = takeRsaKey().publicPem.slice(0, 100);
    const refused = { code: 'InvalidInput' };
    assert.throws(() => start([], 0), refused);
    assert.throws(() => start([{ certificatePem }, { certificatePem }], 0), refused);
    assert.throws(() => start([{ certificatePem, recoveryRole: 'Owner' }], 0), refused);
    assert.throws(() => start([{ certificatePem: 'x' }], 0), { code: 'InvalidCertificate' });
    const bad = { certificatePem, encryptionPublicKeyPem: weak };
    assert.throws(() => start([bad], 0), { code: 'InvalidKey' });
  });

  test('a service that never opened is not recovered', async () => {
    const service = await TestService.start([member]);
    service.sign();
    const restart = (): void =>
      service.write((transaction) =>
        recover(transaction, {
          node: service.identity.node,
          service: {
            createId: { view: asView(4), seqno: asSeqno(3) },
            certificatePem: service.identity.serviceCertificate,
          },
          ledgerSecret: service.latestSecret(),
          record: sampleRecord('2.2'),
        }),
      );
    assert.throws(restart, { code: 'InvalidInput' });
  });
});
