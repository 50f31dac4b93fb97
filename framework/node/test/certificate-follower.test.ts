import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { asSeqno, diskFault, equalBytes, ManualClock } from '@coco/base';
import {
  certificateIssuedBy,
  createCertificate,
  endorseSigningRequest,
  parseCertificate,
  SigningKey,
} from '@coco/crypto';
import { nodeCertificates, serviceInfo } from '@coco/governance';
import { Store, type Transaction } from '@coco/kv';
import { CertificateFollower, type NodeCertificates } from '../src/certificate-follower.ts';
import { createNodeKeys, createServiceIdentity, endorseOwnNode } from '../src/identities.ts';

const startMs = Date.UTC(2026, 0, 1);
const clock = new ManualClock(startMs);
const service = await createServiceIdentity({
  curve: 'P-256',
  subject: 'CCF Service',
  days: 90,
  clock,
});
const hosts = ['127.0.0.1'];
const node = await endorseOwnNode(
  await createNodeKeys({ subject: 'CCF Node', hosts, days: 90, clock }),
  service,
  { days: 90, clock },
);
const later = { notBeforeMs: startMs + 30 * 86_400_000, days: 90 };
const endorsed = await endorseSigningRequest({
  request: node.signingRequestPem,
  issuer: service,
  ...later,
});
const certified = await createCertificate({ ...service, isAuthority: true, ...later });

class Fixture {
  readonly store: Store = new Store();
  readonly shown: NodeCertificates[] = [];
  readonly written: NodeCertificates[] = [];
  readonly events: string[] = [];
  isDiskBroken = false;
  readonly follower: CertificateFollower = new CertificateFollower({
    node,
    service,
    log: {
      write: (level, event, fields) => this.events.push(`${level} ${event} ${fields?.owner}`),
    },
    show: (certificates) => this.shown.push(certificates),
    write: async (certificates) => {
      if (this.isDiskBroken) throw diskFault('DiskFull', 'no space');
      this.written.push(certificates);
    },
  });

  constructor() {
    this.commit((transaction) => {
      serviceInfo.put(transaction, { cert: service.certificatePem, status: 'Open' });
      nodeCertificates.put(transaction, node.key.id, node.endorsedPem);
    });
  }

  /** Executes without a commit. */
  execute(write: (transaction: Transaction) => void): void {
    const transaction = this.store.begin();
    write(transaction);
    this.store.apply(transaction.writeSet());
    this.store.seal();
  }

  commit(write: (transaction: Transaction) => void): void {
    this.execute(write);
    this.store.commit(this.store.seqno);
    this.follower.onCommitted({ state: this.store.readAt(this.store.seqno) });
  }
}

suite('the certificates that a node shows', () => {
  test('are those of its start until a commit changes them', () => {
    const { follower, shown } = new Fixture();
    assert.deepEqual(shown, []);
    assert.equal(follower.current.endorsed, node.endorsedPem);
    assert.equal(follower.current.service, service.certificatePem);
    assert.equal(follower.current.selfSigned, node.selfSignedPem);
  });

  test('a committed renewal is shown at once and written with a self-signed one as long', async () => {
    const fixture = new Fixture();
    const { follower, shown, written } = fixture;
    fixture.commit((transaction) => nodeCertificates.put(transaction, node.key.id, endorsed));
    assert.equal(shown.length, 1);
    assert.equal(shown[0]?.endorsed, endorsed);
    await follower.whenWritten();
    const { selfSigned } = follower.current;
    const parsed = parseCertificate(selfSigned);
    assert.ok(equalBytes(parsed.spki, node.key.spki));
    assert.equal(parsed.notBeforeMs, later.notBeforeMs);
    assert.equal(parsed.notAfterMs, parseCertificate(endorsed).notAfterMs);
    assert.ok(certificateIssuedBy(selfSigned, selfSigned));
    assert.deepEqual(written, [follower.current]);
    fixture.commit((transaction) =>
      serviceInfo.put(transaction, { cert: certified, status: 'Open' }),
    );
    await follower.whenWritten();
    assert.equal(follower.current.service, certified);
    assert.equal(written.at(-1)?.service, certified);
    assert.deepEqual(fixture.events, [
      'info certificate.renewed node',
      'info certificate.renewed service',
    ]);
  });

  test('what was executed and rolled back was never shown', () => {
    const fixture = new Fixture();
    const committed = fixture.store.seqno;
    fixture.execute((transaction) => nodeCertificates.put(transaction, node.key.id, endorsed));
    fixture.store.rollback(asSeqno(committed));
    fixture.follower.rolledBack();
    fixture.commit((transaction) => nodeCertificates.put(transaction, 'other', endorsed));
    assert.deepEqual(fixture.shown, []);
    assert.equal(fixture.follower.current.endorsed, node.endorsedPem);
  });

  test('a row of another key, of another issuer or of nothing changes nothing', async () => {
    const strangerKey = SigningKey.generate('P-256');
    const stranger = { subject: 'CCF Service', key: strangerKey };
    const foreign = await createCertificate({ ...stranger, isAuthority: true, ...later });
    const byStranger = await endorseSigningRequest({
      request: node.signingRequestPem,
      issuer: stranger,
      ...later,
    });
    for (const pem of [foreign, byStranger, 'no certificate', '']) {
      const fixture = new Fixture();
      fixture.commit((transaction) => nodeCertificates.put(transaction, node.key.id, pem));
      assert.deepEqual(fixture.events, ['error certificate.refused node']);
      assert.deepEqual(fixture.shown, []);
    }
    const fixture = new Fixture();
    fixture.commit((transaction) =>
      serviceInfo.put(transaction, { cert: foreign, status: 'Open' }),
    );
    assert.deepEqual(fixture.events, ['error certificate.refused service']);
    assert.equal(fixture.follower.current.service, service.certificatePem);
  });

  test('a disk that takes no file is logged, and the certificate is shown all the same', async () => {
    const fixture = new Fixture();
    fixture.isDiskBroken = true;
    fixture.commit((transaction) => nodeCertificates.put(transaction, node.key.id, endorsed));
    await fixture.follower.whenWritten();
    assert.equal(fixture.follower.current.endorsed, endorsed);
    assert.deepEqual(fixture.events, [
      'info certificate.renewed node',
      'error certificate.notWritten undefined',
    ]);
  });
});
