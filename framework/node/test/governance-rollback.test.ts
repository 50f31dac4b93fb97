/**
 * Governance on the pipeline: what a constitution decided goes with the entries that an office
 * loses, and what follows is decided by the rules, members and policy that are left.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { asSeqno, asView, encodeJson, type JsonValue, present, utf8Encode } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { createCertificate, EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import { type GovernanceMessageType, Registry } from '@coco/endpoint';
import {
  constitution,
  type GovernancePorts,
  genesis,
  governanceEndpoints,
  identityLookup,
  memberInfos,
  signedTree,
  signGovernanceRequest,
  virtualMeasurements,
} from '@coco/governance';
import { engineUrl, InProcessScriptRunner, ScriptEngine } from '@coco/isolate';
import { PipelineHarness } from '../../replication/test/pipeline-harness.ts';
import { adapterSettings } from '../src/adapter-settings.ts';
import { createServiceIdentity } from '../src/identities.ts';
import type { RequestContext } from '../src/request-context.ts';
import { answerRequest } from '../src/request-path.ts';
import { wakeProposals } from '../src/wake-proposals.ts';
import { aloneOn } from './two-nodes.ts';

const engine = new ScriptEngine(readFileSync(engineUrl));
const clockMs = 1_800_000_000_000;
const encryptionKey = EncryptionKey.generate();

interface Person {
  readonly id: string;
  readonly key: SigningKey;
  readonly certificatePem: string;
}

async function createPerson(subject: string): Promise<Person> {
  const key = SigningKey.generate('P-256');
  const certificate = { subject, key, isAuthority: false, notBeforeMs: clockMs, days: 9 };
  const certificatePem = await createCertificate(certificate);
  return { id: parseCertificate(certificatePem).id, key, certificatePem };
}

const [first, second, newcomer] = [
  await createPerson('first'),
  await createPerson('second'),
  await createPerson('newcomer'),
];

type Json = Readonly<Record<string, JsonValue>>;

/** Two members on a pipeline whose commits the test holds in its hand. */
class Governed {
  readonly harness: PipelineHarness = new PipelineHarness();
  readonly #registry = new Registry();
  readonly ports: GovernancePorts;
  #view = 2;
  #createdAt = clockMs / 1000;

  private constructor(service: Awaited<ReturnType<typeof createServiceIdentity>>) {
    const { clock, random, tracker, secrets, pipeline } = this.harness;
    this.ports = {
      clock,
      random,
      transactions: tracker,
      scripts: new InProcessScriptRunner({ engine, clock, random }),
      serviceKey: () => service.key,
      ledgerSecrets: () =>
        secrets.chain.map(({ fromSeqno, key }) => ({ version: fromSeqno, secret: key })),
      rootAt: (seqno) => this.harness.random.bytes(32).fill(seqno % 256),
      historicalSecretRows: () => [],
      adapterSettings: adapterSettings(() => []),
      ledger: { addSecret: () => {}, forceChunk: () => {}, forceSnapshot: () => {} },
    };
    this.#registry.add(governanceEndpoints(this.ports));
    pipeline.startExecuting();
  }

  static async start(): Promise<Governed> {
    const { clock } = new PipelineHarness();
    const service = await createServiceIdentity({
      curve: 'P-256',
      subject: 'Service',
      days: 365,
      clock,
    });
    const governed = new Governed(service);
    governed.harness.pipeline.execute((transaction) => {
      genesis(transaction, {
        members: [
          {
            certificatePem: first.certificatePem,
            encryptionPublicKeyPem: encryptionKey.publicPem,
          },
          { certificatePem: second.certificatePem },
        ],
        constitution: createConstitution(),
        recoveryThreshold: 1,
        node: {
          id: 'ab'.repeat(32),
          endorsedCertificatePem: service.certificatePem,
          encryptionPublicKeyPem: encryptionKey.publicPem,
          quoteInfo: { format: '', quote: '', endorsements: '' },
          rpcInterfaces: {},
          nodeToNodeInterface: {},
        },
        service: {
          createId: { view: asView(2), seqno: asSeqno(1) },
          certificatePem: service.certificatePem,
        },
      });
      return { result: undefined };
    });
    await governed.commit();
    for (const { id } of [first, second]) {
      governed.harness.pipeline.execute((transaction) => {
        memberInfos.put(transaction, id, { status: 'Active' });
        return { result: undefined };
      });
    }
    await governed.commit();
    return governed;
  }

  async commit(): Promise<void> {
    await this.harness.settle();
    this.harness.commit(this.harness.proposed.length);
  }

  /** Another node leads, and then this one again. */
  async loseOffice(): Promise<void> {
    this.harness.pipeline.loseOffice(asView(++this.#view));
    this.harness.proposed.length = 0;
    this.harness.pipeline.startExecuting(asView(++this.#view));
    await this.commit();
  }

  async request(
    by: Person,
    path: string,
    message: { type: GovernanceMessageType; json: JsonValue; proposalId?: string },
  ): Promise<Json> {
    const { pipeline, tracker, clock } = this.harness;
    const context: RequestContext = {
      interface: {
        acceptedEndpoints: [],
        forwardingMsMax: 3_000,
      } as unknown as RequestContext['interface'],
      registry: this.#registry,
      tracker,
      clock,
      pipeline,
      ...aloneOn(pipeline),
      identities: identityLookup,
      isOpen: () => true,
      answered: () => {},
      failed: () => {},
    };
    const body = signGovernanceRequest({
      key: by.key,
      certificatePem: by.certificatePem,
      type: message.type,
      payload: encodeJson(message.json),
      createdAt: ++this.#createdAt,
      ...(message.proposalId === undefined ? {} : { proposalId: message.proposalId }),
    });
    const response = await answerRequest(context, {
      method: 'POST',
      path: `/gov/members/proposals${path}`,
      query: new Map([['api-version', '2024-07-01']]),
      headers: new Map([['content-type', 'application/cose']]),
      body,
      clientCertificate: undefined,
    });
    return JSON.parse(Buffer.from(response.body).toString());
  }

  async propose(name: string, args: JsonValue): Promise<string> {
    const json = { actions: [{ name, args }] };
    const proposed = await this.request(first, ':create', { type: 'proposal', json });
    assert.equal(proposed.proposalState, 'Open', JSON.stringify(proposed));
    return String(proposed.proposalId);
  }

  vote(by: Person, proposalId: string): Promise<Json> {
    const json = { ballot: 'export function vote() { return true; }' };
    const path = `/${proposalId}/ballots/${by.id}:submit`;
    return this.request(by, path, { type: 'ballot', json, proposalId });
  }

  /** Both vote for it. */
  async carry(name: string, args: JsonValue): Promise<void> {
    const id = await this.propose(name, args);
    await this.vote(first, id);
    const { proposalState } = await this.vote(second, id);
    assert.equal(proposalState, 'Accepted');
  }
}

suite('governance when an office is lost', () => {
  test('constitution, members and policy are again as they were committed', async () => {
    const governed = await Governed.start();
    const { pipeline } = governed.harness;
    const committed = governed.harness.pipeline.committedSeqno;
    const never = `${createConstitution()}\n// another`.replace(
      'export function resolve(',
      'export function resolve(_b, _p, _v) { return "Rejected"; }\nfunction formerResolve(',
    );
    await governed.carry('add_virtual_measurement', { measurement: 'evil' });
    await governed.carry('set_member', { cert: newcomer.certificatePem });
    await governed.carry('set_constitution', { constitution: never });
    const executed = pipeline.executedState();
    assert.equal(constitution.get(executed), never);
    assert.equal(memberInfos.get(executed, newcomer.id)?.status, 'Accepted');
    assert.ok(virtualMeasurements.has(executed, 'evil'));
    await governed.loseOffice();
    assert.ok(pipeline.committedSeqno > committed);
    const state = pipeline.executedState();
    assert.equal(constitution.get(state), createConstitution());
    assert.equal(memberInfos.get(state, newcomer.id), undefined);
    assert.ok(!virtualMeasurements.has(state, 'evil'));
    // The constitution that was lost would reject it.
    await governed.carry('add_virtual_measurement', { measurement: 'good' });
    await governed.commit();
    assert.ok(virtualMeasurements.has(pipeline.committedState(), 'good'));
    assert.ok(signedTree.get(pipeline.committedState()));
  });

  test('a ballot that runs while the office is lost does not count', async () => {
    const governed = await Governed.start();
    const id = await governed.propose('add_virtual_measurement', { measurement: 'x' });
    await governed.commit();
    const ballot = governed.vote(second, id);
    await governed.loseOffice();
    const answer = await ballot;
    // It ran again in the new view, or was refused: either way one ballot stands at most once.
    const isCounted = answer.ballotCount === 1;
    assert.ok(isCounted || answer.error !== undefined, JSON.stringify(answer));
    await governed.vote(first, id);
    const decided = isCounted ? undefined : await governed.vote(second, id);
    if (decided) assert.equal(decided.proposalState, 'Accepted');
    assert.ok(virtualMeasurements.has(governed.harness.pipeline.executedState(), 'x'));
  });

  test('a proposal is woken by the primary alone, from what is committed', async () => {
    const governed = await Governed.start();
    const { clock, pipeline } = governed.harness;
    const log = { write: () => {} };
    const waker = wakeProposals({ pipeline, clock, log, ports: governed.ports });
    const hour = 3_600_000;
    const rules = {
      format: 'coco-rules/1',
      version: 2,
      title: 'Nothing stays open for more than an hour',
      rules: [
        {
          name: 'All',
          actions: ['*'],
          thresholds: [{ more_than: '1/2' }],
          open_hours: 1,
        },
      ],
    };
    await governed.carry('set_rules', { rules });
    await governed.commit();
    const id = await governed.propose('add_virtual_measurement', { measurement: 'x' });
    await governed.commit();
    const stateOf = (): JsonValue => {
      const row = pipeline.executedState().map('public:ccf.gov.proposals_info').get(utf8Encode(id));
      return JSON.parse(Buffer.from(present(row, 'the proposal stands')).toString()).state;
    };
    assert.equal(stateOf(), 'Open');
    clock.advance(hour + 1000);
    for (let round = 0; round < 20 && stateOf() === 'Open'; round++) await governed.commit();
    assert.equal(stateOf(), 'Rejected');
    // Not committed yet: it goes with the office, and comes again.
    await governed.loseOffice();
    clock.advance(2000);
    for (let round = 0; round < 20 && stateOf() === 'Open'; round++) await governed.commit();
    assert.equal(stateOf(), 'Rejected');
    waker.stop();
  });
});
