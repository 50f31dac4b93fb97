/**
 * A service in memory: store, tree, tracker and registry wired as a node wires them, one entry per
 * write and a signature entry when asked. No files and no agreement.
 */
import assert from 'node:assert/strict';
import {
  asSeqno,
  asView,
  encodeJson,
  type JsonValue,
  ManualClock,
  present,
  SeededRandom,
  type Seqno,
  type TransactionId,
  utf8Encode,
  type View,
} from '@coco/base';
import { sha256 } from '@coco/crypto';
import {
  authenticate,
  type Call,
  type Endpoint,
  errorResponse,
  type GovernanceMessageType,
  Registry,
  type Request,
  type Response,
  TransactionStatusTracker,
  type WriteOutcome,
} from '@coco/endpoint';
import { Store, type Transaction } from '@coco/kv';
import { MerkleTree } from '@coco/merkle';
import type { RecoveryRow } from '../src/coco-tables.ts';
import { genesis, recover } from '../src/genesis.ts';
import { governanceEndpoints } from '../src/governance-endpoints.ts';
import { signGovernanceRequest } from '../src/governance-request.ts';
import { recoveryViewGap } from '../src/identity-endorsement.ts';
import { historicalSecretAt, type LedgerSecret } from '../src/issue-recovery-shares.ts';
import { identityLookup } from '../src/members.ts';
import type { GovernancePorts } from '../src/ports.ts';
import { type HistoricalSecretRow, historicalSecret, signedTree } from '../src/tables.ts';
import { type Answer, answerOf, refusalOf } from './answer.ts';
import { scriptRunner } from './script-runner.ts';
import { shopSettings } from './shop-settings.ts';
import { testConstitution, yes } from './test-constitution.ts';
import { createIdentity, type Identity } from './test-identity.ts';
import { createMember, startMs, type TestMember, takeRsaKey } from './test-member.ts';

export { type Answer, answerOf, createMember, refusalOf, type TestMember, takeRsaKey };

const apiVersion = '2024-07-01';

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
  /** Runs of handlers that wait, those of conflicts included. */
  attempts = 0;
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
      scripts: scriptRunner,
      serviceKey: () => identity.serviceKey,
      ledgerSecrets: () => this.secrets,
      rootAt: (seqno) => this.tree.root(seqno + 1),
      historicalSecretRows: () => this.historicalRows,
      adapterSettings: shopSettings,
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
    options: {
      readonly recoveryThreshold?: number;
      readonly seed?: number;
      readonly constitution?: string;
    } = {},
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
        constitution: options.constitution ?? testConstitution,
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
        record: sampleRecord(`${this.createId.view}.${this.store.seqno}`),
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

  /** Everything after `to` is discarded, as when the node loses its office. */
  rollback(to: Seqno): void {
    this.store.rollback(to);
    this.tree.truncate(to + 1);
    this.transactions.rolledBack(to);
  }

  /** A request; those that run scripts wait for them. */
  async request(
    method: string,
    target: string,
    body?: Uint8Array,
    type?: string,
  ): Promise<Response> {
    const request = requestOf(method, target, body, type);
    try {
      const routed = this.#route(request);
      if ('response' in routed) return routed.response;
      const { endpoint, call } = routed;
      if (endpoint.mode !== 'optimistic') return this.#answer(endpoint, call);
      return await this.runOptimistic((transaction) => endpoint.handle(transaction, call));
    } catch (error) {
      return errorResponse(error);
    }
  }

  #route(
    request: Request,
  ): { readonly response: Response } | { readonly endpoint: Endpoint; readonly call: Call } {
    const route = this.registry.route(request.method, request.path);
    if (route.kind === 'response') return route;
    const { endpoint, parameters } = route.match;
    const context = { lookup: identityLookup(this.store.begin()), nowMs: this.clock.nowMs() };
    const who = authenticate(endpoint, request, context);
    if (who.kind === 'response') return who;
    return { endpoint, call: { request, caller: who.caller, parameters } };
  }

  #answer(endpoint: Exclude<Endpoint, { mode: 'optimistic' }>, call: Call): Response {
    if (endpoint.mode === 'read') {
      return endpoint.handle(this.store.readAt(this.store.seqno), call);
    }
    if (endpoint.mode === 'command') {
      const response = endpoint.handle(call);
      assert.ok(!(response instanceof Promise));
      return response;
    }
    const transaction = this.store.begin();
    const outcome = endpoint.handle(transaction, call);
    this.#take(transaction, outcome);
    return outcome.response;
  }

  /** Runs a handler beside other writes, as a node does: again when its reads changed. */
  async runOptimistic(
    handle: (transaction: Transaction) => Promise<WriteOutcome>,
  ): Promise<Response> {
    for (let attempt = 0; attempt < 30; attempt++) {
      const transaction = this.store.begin({ tracksReads: true });
      let outcome: WriteOutcome;
      try {
        outcome = await handle(transaction);
      } catch (error) {
        if (transaction.isCurrent()) throw error;
        continue;
      }
      this.attempts++;
      if (!transaction.isCurrent()) continue;
      this.#take(transaction, outcome);
      return outcome.response;
    }
    throw new Error('conflicts without end');
  }

  #take(transaction: Transaction, outcome: WriteOutcome): void {
    const { response, keepsWrites, whenAppended } = outcome;
    if (!transaction.hasWrites || (response.status >= 300 && !keepsWrites)) return;
    this.#append(transaction);
    whenAppended?.({ view: this.createId.view, seqno: this.store.seqno });
  }

  get(path: string): Answer {
    const request = requestOf('GET', `/gov${path}?api-version=${apiVersion}`);
    try {
      const routed = this.#route(request);
      if ('response' in routed) return answerOf(routed.response);
      assert.ok(routed.endpoint.mode !== 'optimistic');
      return answerOf(this.#answer(routed.endpoint, routed.call));
    } catch (error) {
      return answerOf(errorResponse(error));
    }
  }

  /** A request signed by a member. */
  async post(member: TestMember, path: string, message: SignedMessage): Promise<Answer> {
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

  async postBytes(path: string, body: Uint8Array): Promise<Answer> {
    const target = `/gov${path}?api-version=${apiVersion}`;
    return answerOf(await this.request('POST', target, body, 'application/cose'));
  }

  /** Acknowledges the present state as `member`. */
  async acknowledge(member: TestMember): Promise<Answer> {
    const path = `/members/state-digests/${member.id}`;
    const updated = await this.post(member, `${path}:update`, { type: 'state_digest' });
    assert.equal(updated.status, 200, updated.text);
    const stateDigest = updated.field('stateDigest');
    return this.post(member, `${path}:ack`, { type: 'ack', json: { stateDigest } });
  }

  /** A proposal of these actions, a second after whatever came before. */
  async propose(member: TestMember, ...actions: readonly TestAction[]): Promise<Answer> {
    this.clock.advance(1000);
    const listed = actions.map(({ name, args = {} }) => ({ name, args }));
    return this.post(member, '/members/proposals:create', {
      type: 'proposal',
      json: { actions: listed },
    });
  }

  async vote(member: TestMember, proposalId: string, ballot: string): Promise<Answer> {
    return this.post(member, `/members/proposals/${proposalId}/ballots/${member.id}:submit`, {
      type: 'ballot',
      json: { ballot },
      proposalId,
    });
  }

  async withdraw(member: TestMember, proposalId: string): Promise<Answer> {
    const path = `/members/proposals/${proposalId}:withdraw`;
    return this.post(member, path, { type: 'withdrawal', proposalId });
  }

  /** Proposes and votes for it until it is decided; the last answer. */
  async decide(members: readonly TestMember[], ...actions: readonly TestAction[]): Promise<Answer> {
    let answer = await this.propose(present(members[0], 'somebody proposes'), ...actions);
    for (const member of members) {
      if (answer.status !== 200 || answer.field('proposalState') !== 'Open') break;
      answer = await this.vote(member, String(answer.field('proposalId')), yes);
    }
    return answer;
  }

  /** Opens the service by the votes of `members`. */
  async open(members: readonly TestMember[], previous?: string): Promise<Answer> {
    const args = {
      next_service_identity: this.identity.serviceCertificate,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    };
    return this.decide(members, { name: 'transition_service_to_open', args });
  }
}

export interface TestAction {
  readonly name: string;
  readonly args?: JsonValue;
}

function requestOf(method: string, target: string, body?: Uint8Array, type?: string): Request {
  const [path = '', query = ''] = target.split('?');
  return {
    method,
    path,
    query: new Map(new URLSearchParams(query)),
    headers: new Map(type === undefined ? [] : [['content-type', type]]),
    body: body ?? new Uint8Array(0),
    clientCertificate: undefined,
  };
}

export interface SignedMessage {
  readonly type: GovernanceMessageType;
  readonly json?: JsonValue;
  readonly payload?: Uint8Array;
  readonly createdAt?: number;
  readonly proposalId?: string;
}

function emptyTree(): MerkleTree {
  const tree = new MerkleTree();
  tree.append(new Uint8Array(32));
  return tree;
}

/** What a node records of its recovery, where it looked at enough ledgers. */
export function sampleRecord(recovered_to: string): RecoveryRow {
  return { recovered_to, may_lack_commits: false, looked_at: [], may_have_voted: [] };
}
