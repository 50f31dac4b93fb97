/**
 * A service in memory: store, tree, tracker and registry wired as a node wires them, one entry per
 * write and a signature entry when asked. No files and no agreement.
 */
import assert from 'node:assert/strict';
import {
  asSeqno,
  asView,
  encodeJson,
  isJsonObject,
  type JsonValue,
  ManualClock,
  parseJson,
  present,
  SeededRandom,
  type Seqno,
  type TransactionId,
  toBase64,
  utf8Encode,
  type View,
} from '@coco/base';
import {
  createCertificate,
  createSigningRequest,
  EncryptionKey,
  parseCertificate,
  SigningKey,
  sha256,
} from '@coco/crypto';
import {
  authenticate,
  errorResponse,
  type GovernanceMessageType,
  Registry,
  type Request,
  type Response,
  TransactionStatusTracker,
} from '@coco/endpoint';
import { Store, type Transaction } from '@coco/kv';
import { MerkleTree } from '@coco/merkle';
import { genesis, type NewNode, recover } from '../src/genesis.ts';
import { governanceEndpoints } from '../src/governance-endpoints.ts';
import { signGovernanceRequest } from '../src/governance-request.ts';
import { recoveryViewGap } from '../src/identity-endorsement.ts';
import { historicalSecretAt, type LedgerSecret } from '../src/issue-recovery-shares.ts';
import { identityLookup } from '../src/members.ts';
import type { GovernancePorts } from '../src/ports.ts';
import {
  type HistoricalSecretRow,
  historicalSecret,
  type RecoveryRole,
  signedTree,
} from '../src/tables.ts';

const startMs = Date.UTC(2026, 10, 23);
const apiVersion = '2024-07-01';

/** An RSA key takes a quarter second to find: all tests share these, three in a row differ. */
const rsaKeys = Array.from({ length: 4 }, () => EncryptionKey.generate());
let rsaKeysTaken = 0;
export function takeRsaKey(): EncryptionKey {
  return present(rsaKeys[rsaKeysTaken++ % rsaKeys.length], 'there are keys');
}

export interface TestMember {
  readonly id: string;
  readonly key: SigningKey;
  readonly certificatePem: string;
  readonly encryptionKey: EncryptionKey | undefined;
  readonly role: RecoveryRole | undefined;
}

export async function createMember(
  role: RecoveryRole | undefined = 'Participant',
): Promise<TestMember> {
  const key = SigningKey.generate('P-384');
  const certificatePem = await createCertificate({
    subject: 'member',
    key,
    isAuthority: false,
    notBeforeMs: startMs,
    days: 365,
  });
  const encryptionKey = role === 'NonParticipant' ? undefined : takeRsaKey();
  return { id: parseCertificate(certificatePem).id, key, certificatePem, encryptionKey, role };
}

interface Identity {
  readonly serviceKey: SigningKey;
  readonly serviceCertificate: string;
  readonly nodeKey: EncryptionKey;
  readonly node: NewNode;
}

async function createIdentity(): Promise<Identity> {
  const serviceKey = SigningKey.generate('P-256');
  const certificate = { subject: 'Service', key: serviceKey, notBeforeMs: startMs, days: 365 };
  const serviceCertificate = await createCertificate({ ...certificate, isAuthority: true });
  const nodeSigningKey = SigningKey.generate('P-256');
  const nodeKey = takeRsaKey();
  const quote = {
    measurement: 'test measurement',
    host_data: 'aa'.repeat(32),
    report_data: toBase64(sha256(nodeSigningKey.spki)),
  };
  const asked = { subject: 'Node', key: nodeSigningKey, hosts: ['127.0.0.1'] };
  const endorsedCertificatePem = await createCertificate({
    ...asked,
    issuer: { subject: 'Service', key: serviceKey },
    isAuthority: false,
    notBeforeMs: startMs,
    days: 365,
  });
  const node: NewNode = {
    id: nodeSigningKey.id,
    endorsedCertificatePem,
    encryptionPublicKeyPem: nodeKey.publicPem,
    quoteInfo: {
      format: 'Insecure_Virtual',
      quote: toBase64(encodeJson(quote)),
      endorsements: '',
    },
    rpcInterfaces: {
      primary_rpc_interface: {
        app_protocol: 'HTTP1',
        published_address: '127.0.0.1:8000',
        bind_address: 'x',
      },
    },
    nodeToNodeInterface: { bind_address: '127.0.0.1:9000' },
    certificateSigningRequestPem: await createSigningRequest(asked),
  };
  return { serviceKey, serviceCertificate, nodeKey, node };
}

export class TestService {
  readonly store: Store;
  readonly tree: MerkleTree;
  readonly clock: ManualClock;
  readonly random: SeededRandom;
  readonly registry: Registry = new Registry();
  readonly transactions: TransactionStatusTracker;
  readonly identity: Identity;
  readonly ports: GovernancePorts;
  readonly createId: TransactionId;
  secrets: readonly LedgerSecret[];
  /** What the node was asked to do to the ledger's files. */
  readonly effects: string[] = [];
  /** Every value of the table of historical secrets, as a replay finds them. */
  readonly historicalRows: HistoricalSecretRow[];

  private constructor(identity: Identity, before: TestService | undefined, seed: number) {
    this.identity = identity;
    this.store = before?.store ?? new Store();
    this.clock = before?.clock ?? new ManualClock(startMs);
    this.random = new SeededRandom(seed);
    this.tree = before?.tree ?? emptyTree();
    this.historicalRows = before?.historicalRows ?? [];
    const view: View = asView(before ? before.createId.view + recoveryViewGap : 2);
    const first: Seqno = asSeqno(this.store.seqno + 1);
    this.createId = { view, seqno: first };
    this.transactions = new TransactionStatusTracker(
      before && {
        history: before.transactions.viewHistory(),
        committed: before.transactions.committedId,
      },
    );
    this.transactions.startView(view, first);
    this.secrets = [{ version: first, secret: this.random.bytes(32) }];
    this.ports = {
      clock: this.clock,
      random: this.random,
      transactions: this.transactions,
      serviceKey: () => identity.serviceKey,
      ledgerSecrets: () => this.secrets,
      rootAt: (seqno) => this.tree.root(seqno + 1),
      historicalSecretRows: () => this.historicalRows,
      ledger: {
        addSecret: (version, secret) => {
          assert.equal(version, this.store.seqno + 1);
          this.secrets = [...this.secrets, { version, secret }];
        },
        forceChunk: () => this.effects.push('chunk'),
        forceSnapshot: () => this.effects.push('snapshot'),
      },
    };
    this.registry.add(governanceEndpoints(this.ports));
  }

  static async start(
    members: readonly TestMember[],
    options: { readonly recoveryThreshold?: number; readonly seed?: number } = {},
  ): Promise<TestService> {
    const identity = await createIdentity();
    const service = new TestService(identity, undefined, options.seed ?? 1);
    service.write((transaction) => {
      genesis(transaction, {
        members: members.map((member) => ({
          certificatePem: member.certificatePem,
          ...(member.encryptionKey && { encryptionPublicKeyPem: member.encryptionKey.publicPem }),
          ...(member.role && { recoveryRole: member.role }),
          memberData: { name: 'A' },
        })),
        constitution: 'export function validate() {}',
        recoveryThreshold: options.recoveryThreshold ?? 0,
        node: identity.node,
        virtual: { measurement: 'test measurement', hostData: 'aa'.repeat(32) },
        service: {
          createId: service.createId,
          certificatePem: identity.serviceCertificate,
          serviceData: { network: 'test' },
        },
      });
    });
    return service;
  }

  /** The service after a disaster: its public state and tree, everything else new. */
  async recovered(seed: number = 2): Promise<TestService> {
    this.sign();
    const identity = await createIdentity();
    const service = new TestService(identity, this, seed);
    service.write((transaction) => {
      recover(transaction, {
        node: identity.node,
        service: { createId: service.createId, certificatePem: identity.serviceCertificate },
        ledgerSecret: service.latestSecret(),
      });
    });
    return service;
  }

  latestSecret(): LedgerSecret {
    const secret = this.secrets.at(-1);
    assert.ok(secret);
    return secret;
  }

  /** Runs a write; its entry is a leaf of the tree. */
  write(run: (transaction: Transaction) => void): void {
    const transaction = this.store.begin();
    run(transaction);
    this.#append(transaction);
  }

  #append(transaction: Transaction): void {
    if (!transaction.hasWrites) return;
    const writeSet = transaction.writeSet();
    this.store.apply(writeSet);
    this.store.seal();
    this.tree.append(sha256(utf8Encode(`leaf ${this.store.seqno}`)));
    this.transactions.executed(this.store.seqno);
    for (const { name, rows } of writeSet.maps) {
      if (name !== historicalSecret.name) continue;
      for (const { value } of rows) {
        if (value) this.historicalRows.push(historicalSecretAt(value, this.store.seqno));
      }
    }
  }

  /** Signs and commits everything: the signature entry holds the tree before it. */
  sign(): void {
    this.write((transaction) => {
      signedTree.put(transaction, this.tree.serialise(0));
    });
    this.transactions.committed({ view: this.createId.view, seqno: this.store.seqno });
  }

  request(method: string, target: string, body?: Uint8Array, type?: string): Response {
    const [path = '', query = ''] = target.split('?');
    const request: Request = {
      method,
      path,
      query: new Map(new URLSearchParams(query)),
      headers: new Map(type === undefined ? [] : [['content-type', type]]),
      body: body ?? new Uint8Array(0),
      clientCertificate: undefined,
    };
    try {
      return this.#answer(request);
    } catch (error) {
      return errorResponse(error);
    }
  }

  #answer(request: Request): Response {
    const route = this.registry.route(request.method, request.path);
    if (route.kind === 'response') return route.response;
    const { endpoint, parameters } = route.match;
    const transaction = this.store.begin();
    const context = { lookup: identityLookup(transaction), nowMs: this.clock.nowMs() };
    const who = authenticate(endpoint, request, context);
    if (who.kind === 'response') return who.response;
    const call = { request, caller: who.caller, parameters };
    if (endpoint.mode === 'read') {
      return endpoint.handle(this.store.readAt(this.store.seqno), call);
    }
    if (endpoint.mode === 'command') {
      const response = endpoint.handle(call);
      assert.ok(!(response instanceof Promise));
      return response;
    }
    assert.ok(endpoint.mode === 'write', 'the fixture runs no endpoint that waits yet');
    const { response, keepsWrites } = endpoint.handle(transaction, call);
    if (response.status < 300 || keepsWrites) this.#append(transaction);
    return response;
  }

  get(path: string): Answer {
    return answerOf(this.request('GET', `/gov${path}?api-version=${apiVersion}`));
  }

  /** A request signed by a member. */
  post(member: TestMember, path: string, message: SignedMessage): Answer {
    const body = signGovernanceRequest({
      key: member.key,
      certificatePem: member.certificatePem,
      type: message.type,
      payload:
        message.payload ??
        (message.json === undefined ? new Uint8Array(0) : encodeJson(message.json)),
      createdAt: message.createdAt ?? Math.floor(this.clock.nowMs() / 1000),
      ...(message.proposalId === undefined ? {} : { proposalId: message.proposalId }),
    });
    return this.postBytes(path, body);
  }

  postBytes(path: string, body: Uint8Array): Answer {
    const target = `/gov${path}?api-version=${apiVersion}`;
    return answerOf(this.request('POST', target, body, 'application/cose'));
  }

  /** Acknowledges the present state as `member`. */
  acknowledge(member: TestMember): Answer {
    const path = `/members/state-digests/${member.id}`;
    const updated = this.post(member, `${path}:update`, { type: 'state_digest' });
    assert.equal(updated.status, 200);
    const stateDigest = updated.field('stateDigest');
    return this.post(member, `${path}:ack`, { type: 'ack', json: { stateDigest } });
  }

  /** Proposes to open the service. */
  proposeOpening(member: TestMember, previous?: string): Answer {
    const args = {
      next_service_identity: this.identity.serviceCertificate,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    };
    return this.post(member, '/members/proposals:create', {
      type: 'proposal',
      json: { actions: [{ name: 'transition_service_to_open', args }] },
    });
  }
}

export interface SignedMessage {
  readonly type: GovernanceMessageType;
  readonly json?: JsonValue;
  readonly payload?: Uint8Array;
  readonly createdAt?: number;
  readonly proposalId?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly body: JsonValue;
  /** A field of the body; of its error when `error.` leads. */
  field(name: string): JsonValue;
}

export function answerOf(response: Response): Answer {
  const isJson = response.headers['content-type'] === 'application/json';
  const body = isJson ? parseJson(response.body) : null;
  return {
    status: response.status,
    headers: response.headers,
    text: Buffer.from(response.body).toString(),
    body,
    field: (name) => {
      let value: JsonValue | undefined = body;
      for (const part of name.split('.')) value = isJsonObject(value) ? value[part] : undefined;
      assert.ok(value !== undefined, `${name} stands in ${JSON.stringify(body)}`);
      return value;
    },
  };
}

/** Status, code and message of a refusal, in one comparable value. */
export function refusalOf(answer: Answer): readonly [number, JsonValue, JsonValue] {
  return [answer.status, answer.field('error.code'), answer.field('error.message')];
}

function emptyTree(): MerkleTree {
  const tree = new MerkleTree();
  tree.append(new Uint8Array(32));
  return tree;
}
