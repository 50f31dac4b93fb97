import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  asSeqno,
  asView,
  encodeJson,
  isJsonObject,
  LedgerError,
  ManualClock,
  parseJson,
} from '@coco/base';
import { createCertificate, EncryptionKey, SigningKey } from '@coco/crypto';
import { type Call, type Response, TransactionStatusTracker } from '@coco/endpoint';
import {
  encodeJoinRequest,
  genesis,
  nodeInfos,
  parseJoinAnswer,
  serviceInfo,
  virtualMeasurements,
} from '@coco/governance';
import { Store, type Transaction } from '@coco/kv';
import { LedgerSecrets } from '@coco/ledger';
import { createServiceIdentity, type ServiceIdentity } from '../src/identities.ts';
import { joinEndpoint } from '../src/join-endpoint.ts';
import type { ServiceRuntime } from '../src/service-runtime.ts';
import { code, createJoiner, root } from './joiner.ts';

const clock = new ManualClock(Date.now());
const createId = { view: asView(2), seqno: asSeqno(1) };
const memberKey = SigningKey.generate('P-256');
const member = {
  encryptionPublicKeyPem: EncryptionKey.generate().publicPem,
  certificatePem: await createCertificate({
    subject: 'member',
    key: memberKey,
    isAuthority: false,
    notBeforeMs: clock.nowMs(),
    days: 9,
  }),
};

/** A primary in memory, whose consensus does what the test says. */
class Primary {
  readonly clock = new ManualClock(Date.now());
  readonly logged: string[] = [];
  readonly store = new Store();
  readonly identity: ServiceIdentity;
  isExecuting = true;
  leaderId: number | undefined = 1;
  /** What becomes of what is executed. */
  decision: Promise<'Committed' | 'Invalid'> = Promise.resolve('Committed');
  readIndex: () => Promise<void> = async () => {};
  readonly #handle: (call: Call) => Response | Promise<Response>;

  private constructor(identity: ServiceIdentity) {
    this.identity = identity;
    const secret = { fromSeqno: asSeqno(1), key: new Uint8Array(32).fill(7) };
    const runtime = {
      service: identity,
      secrets: new LedgerSecrets([secret]),
      signer: { issuer: 'i', subject: 's' },
      endorsements: () => [],
      core: this.#core(),
    } as unknown as ServiceRuntime;
    const ports = {
      clock: this.clock,
      serviceKey: () => identity.key,
      ledgerSecrets: () => [{ version: asSeqno(1), secret: secret.key }],
      developmentRoots: [root.spki],
      nodeCertificateDays: 90,
      silentMs: () => 0,
    };
    const log = {
      write: (_level: string, event: string, fields: object = {}) => {
        this.logged.push(`${event} ${JSON.stringify(fields)}`);
      },
    };
    this.#handle = joinEndpoint({ runtime, ports, clock: this.clock, log }).handle;
  }

  static async create(): Promise<Primary> {
    const identity = await createServiceIdentity({ curve: 'P-256', subject: 'S', days: 9, clock });
    const primary = new Primary(identity);
    const { keys, request } = await createJoiner();
    primary.write((transaction) =>
      genesis(transaction, {
        members: [member],
        constitution: 'export function validate() {}',
        recoveryThreshold: 0,
        node: {
          id: keys.key.id,
          endorsedCertificatePem: keys.selfSignedPem,
          encryptionPublicKeyPem: request.encryptionPublicKeyPem,
          quoteInfo: request.quoteInfo,
          rpcInterfaces: request.rpcInterfaces,
          nodeToNodeInterface: { published_address: '127.0.0.1:9000' },
        },
        virtual: code,
        service: { createId, certificatePem: identity.certificatePem },
      }),
    );
    return primary;
  }

  #core(): object {
    const { store } = this;
    const executed = (
      { transaction }: { transaction: Transaction },
      { result }: { result: unknown },
    ) => {
      if (!transaction.isCurrent()) return 'conflict';
      if (!transaction.hasWrites) return { result, id: undefined };
      store.apply(transaction.writeSet());
      store.seal();
      return { result, id: { view: 2, seqno: store.seqno } };
    };
    const isExecuting = () => this.isExecuting;
    const leaderId = () => this.leaderId;
    return {
      office: {
        get report() {
          return { role: 'follower', view: 2, leaderId: leaderId(), canExecute: false };
        },
      },
      tracker: new TransactionStatusTracker(),
      replica: { readIndex: () => this.readIndex() },
      pipeline: {
        get isExecuting() {
          return isExecuting();
        },
        beginTracked: () => ({ transaction: store.begin({ tracksReads: true }), store, view: 2 }),
        isCurrent: ({ transaction }: { transaction: Transaction }) => transaction.isCurrent(),
        executeTracked: executed,
        whenDecided: () => this.decision,
        committedState: () => store.readAt(store.seqno),
        executedState: () => store.readAt(store.seqno),
      },
    };
  }

  write(run: (transaction: Transaction) => void): void {
    const transaction = this.store.begin();
    run(transaction);
    this.store.apply(transaction.writeSet());
    this.store.seal();
  }

  async ask({ certificate, request }: Awaited<ReturnType<typeof createJoiner>>): Promise<Response> {
    return this.#handle({
      caller: { policy: 'no_auth' },
      parameters: new Map(),
      request: {
        method: 'POST',
        path: '/node/join',
        query: new Map(),
        headers: new Map(),
        body: encodeJson(encodeJoinRequest(request)),
        clientCertificate: certificate,
      },
    });
  }
}

function open(transaction: Transaction): void {
  serviceInfo.put(transaction, { ...serviceInfo.require(transaction), status: 'Open' });
}

function bodyOf({ body }: Response): Record<string, unknown> {
  const value = parseJson(body, { bytesMax: 1 << 20, depthMax: 8 });
  assert.ok(isJsonObject(value));
  return value;
}

suite('POST /node/join', () => {
  test('gives a trusted node what only it can open', async () => {
    const primary = await Primary.create();
    const joiner = await createJoiner();
    const { status, body } = await primary.ask(joiner);
    assert.equal(status, 200);
    const { key: serviceKey } = primary.identity;
    assert.ok(!Buffer.from(body).toString().includes(serviceKey.privatePem().slice(40, 80)));
    const answer = parseJoinAnswer(body, joiner.keys.encryptionKey);
    assert.ok(answer.status === 'Trusted');
    assert.equal(answer.secrets.serviceKeyPem, serviceKey.privatePem());
    assert.equal(answer.secrets.ledgerSecrets.length, 1);
    assert.match(primary.logged.join('\n'), /^join.trusted .*\njoin.welcomed /);
  });

  test('gives nothing before the trust is committed, nor when it is lost', async () => {
    const primary = await Primary.create();
    primary.decision = Promise.resolve('Invalid');
    await assert.rejects(primary.ask(await createJoiner()), { code: 'JoinUndecided' });
    primary.decision = new Promise(() => {});
    const { store } = primary;
    const before = store.seqno;
    const slow = assert.rejects(primary.ask(await createJoiner()), { code: 'JoinUndecided' });
    // It waits for the commit from then on.
    while (store.seqno === before) await new Promise(setImmediate);
    await new Promise(setImmediate);
    primary.clock.advance(5_000);
    await slow;
  });

  test('gives nothing while another may be the primary', async () => {
    const primary = await Primary.create();
    const lost = new LedgerError('Lost', { kind: 'fault', status: 503, meaning: '' }, '', {}, 0);
    primary.readIndex = () => Promise.reject(lost);
    await assert.rejects(primary.ask(await createJoiner()), lost);
  });

  test('gives a pending node its status and nothing else', async () => {
    const primary = await Primary.create();
    primary.write(open);
    const joiner = await createJoiner();
    for (const _ of [1, 2]) {
      const answer = bodyOf(await primary.ask(joiner));
      assert.deepEqual(answer, { node_id: joiner.keys.key.id, node_status: 'Pending' });
    }
    assert.equal(primary.logged.length, 1);
  });

  test('looks at the policy again when a node comes back for what it gets', async () => {
    const primary = await Primary.create();
    const joiner = await createJoiner();
    await primary.ask(joiner);
    primary.write((transaction) => virtualMeasurements.delete(transaction, code.measurement));
    await assert.rejects(primary.ask(joiner), { code: 'InvalidQuote' });
    primary.write((transaction) => {
      const info = nodeInfos.get(transaction, joiner.keys.key.id);
      assert.ok(info);
      nodeInfos.put(transaction, joiner.keys.key.id, { ...info, status: 'Retired' });
    });
    await assert.rejects(primary.ask(joiner), { code: 'InvalidNodeState' });
  });

  test('points to the primary from another node, if there is one', async () => {
    const primary = await Primary.create();
    primary.isExecuting = false;
    const answer = await primary.ask(await createJoiner());
    assert.equal(answer.status, 307);
    assert.equal(answer.headers.location, 'https://127.0.0.1:8000/node/join');
    for (const leaderId of [undefined, 77]) {
      primary.leaderId = leaderId;
      await assert.rejects(primary.ask(await createJoiner()), {
        code: 'NodeCannotHandleRequest',
        message: 'Primary unknown',
      });
    }
  });

  test('verifies so many strangers a second, and answers those it knows all the same', async () => {
    const primary = await Primary.create();
    primary.write(open);
    const known = await createJoiner();
    await primary.ask(known);
    const stranger = await createJoiner({ measurement: '33'.repeat(32) });
    for (let at = 1; at < 50; at++) {
      await assert.rejects(primary.ask(stranger), { code: 'InvalidQuote' });
    }
    const busy = { code: 'TooManyPendingTransactions' };
    await assert.rejects(primary.ask(stranger), busy);
    await assert.rejects(primary.ask(await createJoiner()), busy);
    assert.equal((await primary.ask(known)).status, 200);
    primary.clock.advance(1_000);
    await assert.rejects(primary.ask(stranger), { code: 'InvalidQuote' });
  });

  test('logs refusals, once a second, with their number', async () => {
    const primary = await Primary.create();
    const stranger = await createJoiner({ measurement: '33'.repeat(32) });
    for (const _ of [1, 2, 3]) {
      await assert.rejects(primary.ask(stranger), { code: 'InvalidQuote' });
    }
    assert.equal(primary.logged.length, 1);
    primary.clock.advance(1_000);
    await assert.rejects(primary.ask(stranger), { code: 'InvalidQuote' });
    assert.match(primary.logged.at(-1) ?? '', /^join.refused .*"code":"InvalidQuote".*"count":4/);
  });
});
