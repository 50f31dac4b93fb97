import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  asView,
  encodeJson,
  type JsonValue,
  ManualClock,
  SeededRandom,
  utf8Encode,
} from '@coco/base';
import {
  certificateIssuedBy,
  createCertificate,
  createSigningRequest,
  parseCertificate,
  SigningKey,
} from '@coco/crypto';
import {
  certificateRenewals,
  nodeCertificates,
  nodeInfos,
  serviceConfig,
  serviceInfo,
} from '@coco/governance';
import type { ReadView } from '@coco/kv';
import { PipelineHarness } from '../../replication/test/pipeline-harness.ts';
import { renewCertificatesInTime } from '../src/certificate-renewal.ts';
import { createServiceIdentity } from '../src/identities.ts';
import type { PrimaryJob } from '../src/primary-job.ts';

const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const yearDays = 365;
const permissionTable = 'public:coco.gov.standing_permissions';

const identities = await createIdentities();

/** A service with two trusted nodes, one pending and one retired, whose time the test moves. */
class RenewalHarness {
  readonly clock: ManualClock = new ManualClock(startMs);
  readonly pipeline: PipelineHarness = new PipelineHarness();
  readonly warnings: string[] = [];
  job: PrimaryJob;
  #view = 2;

  private constructor() {
    this.pipeline.pipeline.startExecuting();
    this.job = this.#start();
  }

  static async create(permission: JsonValue | undefined): Promise<RenewalHarness> {
    const harness = new RenewalHarness();
    const { service, nodes } = identities;
    harness.pipeline.pipeline.execute((transaction) => {
      serviceInfo.put(transaction, { cert: service.certificatePem, status: 'Open' });
      serviceConfig.put(transaction, { recovery_threshold: 1 });
      for (const [at, node] of nodes.entries()) {
        const status = (['Trusted', 'Trusted', 'Pending', 'Retired'] as const)[at] ?? 'Trusted';
        nodeCertificates.put(transaction, node.key.id, node.endorsedPem);
        nodeInfos.put(transaction, node.key.id, {
          status,
          quote_info: { format: '', quote: '', endorsements: '' },
          encryption_pub_key: '',
          node_to_node_interface: {},
          rpc_interfaces: {},
          certificate_signing_request: node.signingRequestPem,
        });
      }
      return { result: undefined };
    });
    if (permission !== undefined) harness.permit(permission);
    await harness.settle();
    return harness;
  }

  permit(permission: JsonValue): void {
    this.pipeline.pipeline.execute((transaction) => {
      const map = transaction.map(permissionTable);
      map.set(utf8Encode('certificate_renewal'), encodeJson(permission));
      return { result: undefined };
    });
  }

  #start(): PrimaryJob {
    const { clock } = this;
    return renewCertificatesInTime({
      clock,
      log: {
        write: (level, event, fields) => this.warnings.push(`${level} ${event} ${fields?.code}`),
      },
      pipeline: this.pipeline.pipeline,
      ports: { clock, serviceKey: () => identities.service.key },
      isOnDuty: () => this.pipeline.pipeline.isExecuting,
    });
  }

  async restart(): Promise<void> {
    await this.job.stop();
    this.job = this.#start();
  }

  /** Lets the job run and commits what it wrote. */
  async settle(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await this.job.whenIdle();
      await this.pipeline.settle();
      this.pipeline.commit(this.pipeline.proposed.length);
    }
  }

  /** Another node leads, and then this one again: what is not committed is gone. */
  async loseOffice(): Promise<void> {
    this.pipeline.pipeline.loseOffice(asView(++this.#view));
    this.pipeline.proposed.length = 0;
    await this.job.whenIdle();
    this.pipeline.pipeline.startExecuting(asView(++this.#view));
    await this.settle();
  }

  async passDays(days: number, stepDays: number = 1): Promise<void> {
    for (let day = 0; day < days; day += stepDays) {
      this.clock.advance(stepDays * dayMs);
      await this.job.whenIdle();
      if (this.pipeline.pipeline.uncommittedCount > 0) await this.settle();
    }
  }

  get state(): ReadView {
    return this.pipeline.pipeline.committedState();
  }

  /** PEM by owner. */
  certificates(): ReadonlyMap<string, string> {
    const nodes = nodeCertificates.rows(this.state);
    return new Map([['service', serviceInfo.require(this.state).cert], ...nodes]);
  }

  get trustedIds(): readonly string[] {
    return identities.nodes.slice(0, 2).map(({ key }) => key.id);
  }

  renewalCount(): number {
    return this.warnings.filter((line) => line.startsWith('info certificate.renewing')).length;
  }
}

/** Without the RSA keys of whole nodes, which take a second to find. */
async function createIdentities() {
  const clock = new ManualClock(startMs);
  const service = await createServiceIdentity({
    curve: 'P-256',
    subject: 'CCF Service',
    days: yearDays,
    clock,
  });
  const make = async () => {
    const key = SigningKey.generate('P-256');
    const asked = { subject: 'N', key, hosts: ['127.0.0.1'] };
    const endorsedPem = await createCertificate({
      ...asked,
      issuer: service,
      isAuthority: false,
      notBeforeMs: startMs - 60_000,
      days: yearDays,
    });
    return { key, endorsedPem, signingRequestPem: await createSigningRequest(asked) };
  };
  return { service, nodes: await Promise.all([make(), make(), make(), make()]) };
}

function assertValid(harness: RenewalHarness): void {
  const nowMs = harness.clock.nowMs();
  const certificates = harness.certificates();
  const service = certificates.get('service') ?? '';
  for (const owner of ['service', ...harness.trustedIds]) {
    const pem = certificates.get(owner) ?? '';
    const { notBeforeMs, notAfterMs } = parseCertificate(pem);
    assert.ok(notBeforeMs <= nowMs && nowMs <= notAfterMs, `${owner} holds`);
    assert.ok(certificateIssuedBy(pem, service), `${owner} is by the service`);
  }
}

suite('certificates renew by themselves', () => {
  test('for ten years, with restarts and lost offices, none ever ends', async () => {
    const harness = await RenewalHarness.create({ validity_days: yearDays, renew_before_days: 30 });
    const random = new SeededRandom(11);
    for (let month = 0; month < 120; month++) {
      for (let part = 0; part < 3; part++) {
        await harness.passDays(10, 10);
        assertValid(harness);
      }
      const chance = random.below(3);
      if (chance === 0) await harness.restart();
      else if (chance === 1) await harness.loseOffice();
      await harness.passDays(random.below(2));
    }
    // One each in 335 days, or a few more.
    const days = (harness.clock.nowMs() - startMs) / dayMs;
    assert.ok(harness.renewalCount() >= 3 * Math.floor(days / (yearDays - 25)));
    assert.ok(harness.renewalCount() <= 3 * Math.floor(days / (yearDays - 30)));
    assert.deepEqual(
      harness.warnings.filter((line) => !line.startsWith('info')),
      [],
    );
  });

  test('each renewal stands on the ledger with its reason, and nodes that are not trusted have none', async () => {
    const permission = { validity_days: 90, renew_before_days: 10 };
    const harness = await RenewalHarness.create(permission);
    await harness.passDays(354, 6);
    assert.deepEqual(certificateRenewals.rows(harness.state), []);
    await harness.passDays(3);
    const rows = new Map(certificateRenewals.rows(harness.state));
    assert.deepEqual([...rows.keys()].sort(), ['service', ...harness.trustedIds].sort());
    const pem = harness.certificates().get('service') ?? '';
    const { notBeforeMs, notAfterMs } = parseCertificate(pem);
    assert.equal(notAfterMs - notBeforeMs, 90 * dayMs - 1000);
    assert.deepEqual(rows.get('service'), {
      reason: 'certificate_renewal',
      permission,
      ended: new Date(startMs - 60_000 + yearDays * dayMs - 1000).toISOString(),
      valid_from: new Date(notBeforeMs).toISOString(),
      valid_to: new Date(notAfterMs).toISOString(),
    });
  });

  test('a renewal that is lost with its office is made again', async () => {
    const harness = await RenewalHarness.create({ validity_days: yearDays, renew_before_days: 30 });
    const before = harness.certificates();
    harness.clock.advance(340 * dayMs);
    await harness.job.whenIdle();
    assert.equal(harness.pipeline.pipeline.uncommittedCount > 0, true);
    assert.deepEqual(harness.certificates(), before);
    await harness.loseOffice();
    assert.deepEqual(harness.certificates(), before, 'nothing of it is left');
    await harness.passDays(1);
    const after = harness.certificates();
    for (const owner of ['service', ...harness.trustedIds]) {
      assert.notEqual(after.get(owner), before.get(owner));
    }
    assertValid(harness);
  });

  test('without the permission nothing is written, and with it at once', async () => {
    const harness = await RenewalHarness.create(undefined);
    const before = harness.certificates();
    await harness.passDays(400, 4);
    assert.deepEqual(harness.certificates(), before);
    harness.permit({ validity_days: 30, renew_before_days: 3 });
    await harness.settle();
    assertValid(harness);
    assert.equal(harness.renewalCount(), 3);
  });

  test('a certificate that is shorter than the warning is renewed at half of its time', async () => {
    const harness = await RenewalHarness.create({ validity_days: 300, renew_before_days: 299 });
    await harness.passDays(182, 2);
    assert.equal(harness.renewalCount(), 0);
    await harness.passDays(1);
    assert.equal(harness.renewalCount(), 3);
    await harness.passDays(149);
    assert.equal(harness.renewalCount(), 3);
    await harness.passDays(2);
    assert.equal(harness.renewalCount(), 6);
  });

  test('the service’s maximum limits what the permission gives', async () => {
    const harness = await RenewalHarness.create({ validity_days: 300, renew_before_days: 30 });
    harness.pipeline.pipeline.execute((transaction) => {
      serviceConfig.put(transaction, {
        recovery_threshold: 1,
        maximum_node_certificate_validity_days: 20,
        maximum_service_certificate_validity_days: 40,
      });
      return { result: undefined };
    });
    await harness.settle();
    await harness.passDays(340, 4);
    const days = (owner: string): number => {
      const pem = harness.certificates().get(owner) ?? '';
      const { notBeforeMs, notAfterMs } = parseCertificate(pem);
      return (notAfterMs + 1000 - notBeforeMs) / dayMs;
    };
    assert.equal(days('service'), 40);
    for (const id of harness.trustedIds) assert.equal(days(id), 20);
  });

  test('one node’s damaged rows keep nobody else from a certificate', async () => {
    const harness = await RenewalHarness.create({ validity_days: yearDays, renew_before_days: 30 });
    const [broken = '', blank = ''] = harness.trustedIds;
    harness.pipeline.pipeline.execute((transaction) => {
      const info = nodeInfos.get(transaction, broken);
      assert.ok(info);
      nodeInfos.put(transaction, broken, { ...info, certificate_signing_request: 'none' });
      nodeCertificates.put(transaction, blank, 'no certificate');
      return { result: undefined };
    });
    await harness.passDays(1);
    const repaired = harness.certificates().get(blank) ?? '';
    assert.ok(certificateIssuedBy(repaired, harness.certificates().get('service') ?? ''));
    await harness.passDays(400, 4);
    const ids = certificateRenewals.rows(harness.state).map(([owner]) => owner);
    assert.deepEqual(ids.sort(), ['service', blank].sort());
    assert.deepEqual(new Map(certificateRenewals.rows(harness.state)).has(broken), false);
  });

  test('settings that are damaged renew nothing and are logged', async () => {
    const harness = await RenewalHarness.create({ validity_days: 3 });
    await harness.passDays(1);
    assert.ok(harness.warnings.includes('warning job.failed GovernanceRowInvalid'));
    assert.equal(harness.renewalCount(), 0);
  });
});
