/**
 * A service that governs by its own endpoints and writes a real ledger: what members post goes
 * through the constitution in the isolate, into entries, batches and files. No node, no agreement.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import {
  asSeqno,
  asView,
  fromBase64,
  isJsonObject,
  type JsonValue,
  ManualClock,
  MemoryDisk,
  parseJson,
  SeededRandom,
  type TransactionId,
  toBase64,
} from '@coco/base';
import { authenticate, Registry, type Response, TransactionStatusTracker } from '@coco/endpoint';
import {
  decryptShare,
  type GovernancePorts,
  genesis,
  governanceEndpoints,
  type HistoricalSecretRow,
  historicalSecret,
  historicalSecretAt,
  identityLookup,
  openRecoveredService,
  recover,
  signedTree,
} from '@coco/governance';
import { engineUrl, InProcessScriptRunner, ScriptEngine } from '@coco/isolate';
import { Store, type Transaction } from '@coco/kv';
import {
  createLedgerFiles,
  createLedgerTree,
  type LedgerFiles,
  LedgerSecrets,
  NonceGuard,
  recoverLedger,
  Sequencer,
} from '@coco/ledger';
import type { MerkleTree } from '@coco/merkle';
import {
  createIdentity,
  encryptionKey,
  type Identity,
  type Member,
  type Message,
  sampleRecord,
  signMessage,
  startMs,
} from './sample-identity.ts';

const folder = 'ledger';
const apiVersion = '2024-07-01';
export const engine: ScriptEngine = new ScriptEngine(readFileSync(engineUrl));
const yes = 'export function vote (proposal, proposerId) { return true; }';

export class GovernedLedger {
  readonly disk: MemoryDisk;
  readonly clock: ManualClock = new ManualClock(startMs);
  readonly random: SeededRandom = new SeededRandom(3);
  readonly members: readonly Member[];
  readonly store: Store = new Store();
  identity: Identity;
  secrets: LedgerSecrets;
  #registry = new Registry();
  #ports: GovernancePorts;
  #sequencer: Sequencer;
  #tree: MerkleTree = createLedgerTree();
  #files: LedgerFiles;
  readonly #historicalRows: HistoricalSecretRow[] = [];
  /** Of the time before, while a recovery goes on. */
  #lost: LedgerSecrets | undefined;

  private constructor(given: {
    readonly members: readonly Member[];
    readonly identity: Identity;
    readonly disk: MemoryDisk;
    readonly files: LedgerFiles;
  }) {
    this.members = given.members;
    this.identity = given.identity;
    this.disk = given.disk;
    this.#files = given.files;
    this.secrets = this.#freshSecrets();
    this.#sequencer = this.#sequence('genesis', asView(2));
    this.#ports = this.#createPorts(asView(2));
    this.#registry.add(governanceEndpoints(this.#ports));
  }

  #freshSecrets(): LedgerSecrets {
    const fromSeqno = asSeqno(this.store.seqno + 1);
    return new LedgerSecrets([{ fromSeqno, key: this.random.bytes(32) }]);
  }

  #sequence(start: 'genesis' | 'recovery', view: TransactionId['view']): Sequencer {
    const { key } = this.identity;
    return new Sequencer({
      view,
      start,
      tree: this.#tree,
      secrets: this.secrets,
      guard: new NonceGuard(),
      signer: { algorithm: key.algorithm, keyId: key.id, issuer: 'service', subject: 'ledger' },
      committed: asSeqno(this.store.seqno),
      chunkBytes: 300_000,
    });
  }

  #createPorts(view: TransactionId['view'], before?: TransactionStatusTracker): GovernancePorts {
    const transactions = new TransactionStatusTracker(
      before && { history: before.viewHistory(), committed: before.committedId },
    );
    transactions.startView(view, asSeqno(this.store.seqno + 1));
    const { clock, random } = this;
    return {
      clock,
      random,
      transactions,
      scripts: new InProcessScriptRunner({ engine, clock, random }),
      serviceKey: () => this.identity.key,
      ledgerSecrets: () =>
        this.secrets.chain.map(({ fromSeqno: version, key: secret }) => ({ version, secret })),
      rootAt: (seqno) => this.#tree.root(seqno + 1),
      historicalSecretRows: () => this.#historicalRows,
      // The ledgers of this audit run no adapter.
      adapterSettings: {
        check: () => assert.fail('no adapter'),
        apply: () => assert.fail('no adapter'),
      },
      ledger: {
        addSecret: (version, secret) => this.#sequencer.rekey(version, secret),
        forceChunk: () => this.#sequencer.forceChunk(),
        forceSnapshot: () => undefined,
      },
    };
  }

  /** Created by the constitution's text, acknowledged and opened by its members. */
  static async open(members: readonly Member[], constitution: string): Promise<GovernedLedger> {
    const identity = await createIdentity();
    const disk = new MemoryDisk();
    const files = await createLedgerFiles({ disk, folder });
    const service = new GovernedLedger({ members, identity, disk, files });
    await service.write((transaction) =>
      genesis(transaction, {
        members: members.map(({ certificatePem, name }) => ({
          certificatePem,
          encryptionPublicKeyPem: encryptionKey.publicPem,
          memberData: { name },
        })),
        constitution,
        recoveryThreshold: 2,
        node: identity.node,
        virtual: { measurement: 'code 1', hostData: 'aa'.repeat(32) },
        service: {
          createId: { view: asView(2), seqno: asSeqno(1) },
          certificatePem: identity.certificatePem,
        },
      }),
    );
    for (const member of members) await service.acknowledge(member);
    await service.decide('transition_service_to_open', {
      next_service_identity: identity.certificatePem,
    });
    return service;
  }

  /** One entry and its signature. */
  async write(run: (transaction: Transaction) => void): Promise<void> {
    const transaction = this.store.begin();
    run(transaction);
    await this.#append(transaction);
  }

  async #append(
    transaction: Transaction,
    whenAppended: (id: TransactionId) => void = () => undefined,
  ): Promise<void> {
    if (!transaction.hasWrites) return;
    const writeSet = transaction.writeSet();
    const { id } = this.#sequencer.append(writeSet);
    this.store.apply(writeSet, id.seqno);
    whenAppended(id);
    for (const { value } of writeSet.maps.find(({ name }) => name === historicalSecret.name)
      ?.rows ?? []) {
      if (value) this.#historicalRows.push(historicalSecretAt(value, id.seqno));
    }
    await this.#sign();
  }

  async #sign(): Promise<void> {
    const pending = this.#sequencer.closeBatch(Math.floor(this.clock.nowMs() / 1000));
    const batch = this.#sequencer.completeBatch(this.identity.key.sign(pending.input));
    const { seqno } = batch.signatureId;
    const transaction = this.store.begin();
    signedTree.put(transaction, pending.treeBytes);
    this.store.apply(transaction.writeSet(), seqno);
    await this.#files.append([batch]);
    await this.#files.flush();
    this.#sequencer.commit(seqno);
    await this.#files.commit(seqno);
    this.store.commit(seqno);
    this.#ports.transactions.executed(seqno);
    this.#ports.transactions.committed(batch.signatureId);
  }

  /** What a member signs and posts, a second after whatever came before. */
  async post(member: Member, path: string, message: Message): Promise<JsonValue> {
    this.clock.advance(1000);
    const createdAt = Math.floor(this.clock.nowMs() / 1000);
    const body = signMessage(member, { createdAt, ...message });
    const headers = new Map([['content-type', 'application/cose']]);
    return this.#request('POST', `/gov${path}`, { body, headers });
  }

  async #request(
    method: 'GET' | 'POST',
    path: string,
    given: { readonly body?: Uint8Array; readonly headers?: ReadonlyMap<string, string> } = {},
  ): Promise<JsonValue> {
    const request = {
      method,
      path,
      query: new Map([['api-version', apiVersion]]),
      headers: given.headers ?? new Map<string, string>(),
      body: given.body ?? new Uint8Array(0),
      clientCertificate: undefined,
    };
    const route = this.#registry.route(method, path);
    assert.ok(route.kind === 'match', path);
    const { endpoint, parameters } = route.match;
    const context = { lookup: identityLookup(this.store.begin()), nowMs: this.clock.nowMs() };
    const who = authenticate(endpoint, request, context);
    assert.ok(who.kind === 'caller', path);
    const call = { request, caller: who.caller, parameters };
    if (endpoint.mode === 'read') {
      return answerOf(endpoint.handle(this.store.readAt(this.store.seqno), call));
    }
    assert.ok(endpoint.mode === 'write' || endpoint.mode === 'optimistic');
    const transaction = this.store.begin({ tracksReads: endpoint.mode === 'optimistic' });
    const { response, whenAppended } = await endpoint.handle(transaction, call);
    const answer = answerOf(response);
    await this.#append(transaction, whenAppended);
    return answer;
  }

  async acknowledge(member: Member): Promise<void> {
    const path = `/members/state-digests/${member.id}`;
    const answer = await this.post(member, `${path}:update`, { type: 'state_digest' });
    const stateDigest = textIn(answer, 'stateDigest');
    await this.post(member, `${path}:ack`, { type: 'ack', json: { stateDigest } });
  }

  async propose(member: Member, name: string, args: JsonValue): Promise<string> {
    const json = { actions: [{ name, args }] };
    const answer = await this.post(member, '/members/proposals:create', { type: 'proposal', json });
    return textIn(answer, 'proposalId');
  }

  /** The state of the proposal afterwards. */
  async vote(member: Member, proposalId: string, ballot: string = yes): Promise<string> {
    const path = `/members/proposals/${proposalId}/ballots/${member.id}:submit`;
    const answer = await this.post(member, path, { type: 'ballot', proposalId, json: { ballot } });
    return textIn(answer, 'proposalState');
  }

  async withdraw(member: Member, proposalId: string): Promise<void> {
    const path = `/members/proposals/${proposalId}:withdraw`;
    await this.post(member, path, { type: 'withdrawal', proposalId });
  }

  /** Proposed by the first member, and voted for until it is accepted. */
  async decide(name: string, args: JsonValue): Promise<string> {
    const [first] = this.members;
    assert.ok(first);
    const id = await this.propose(first, name, args);
    for (const member of this.members) {
      if ((await this.vote(member, id)) === 'Accepted') return id;
    }
    return assert.fail(`nobody's votes carry ${name}`);
  }

  /** A disaster; the members open the service again with their shares. */
  async recover(): Promise<void> {
    const previous = this.identity.certificatePem;
    await this.#files.close();
    const ledger = await recoverLedger({ disk: this.disk, folder });
    await ledger.truncate();
    this.#lost = this.secrets;
    this.identity = await createIdentity();
    this.secrets = this.#freshSecrets();
    this.#tree = ledger.tree;
    const view = asView(ledger.highestView + 2);
    this.#sequencer = this.#sequence('recovery', view);
    this.#files = ledger.openFiles();
    this.#registry = new Registry();
    this.#ports = this.#createPorts(view, this.#ports.transactions);
    this.#registry.add(governanceEndpoints(this.#ports));
    const createId = { view, seqno: asSeqno(this.store.seqno + 1) };
    const [fresh] = this.#ports.ledgerSecrets();
    assert.ok(fresh);
    const { node, certificatePem } = this.identity;
    await this.write((transaction) =>
      recover(transaction, {
        node,
        service: { createId, certificatePem },
        ledgerSecret: fresh,
        record: sampleRecord(ledger.lastId),
      }),
    );
    await this.decide('transition_service_to_open', {
      previous_service_identity: previous,
      next_service_identity: certificatePem,
    });
    for (const member of this.members.slice(0, 2)) await this.submitShare(member);
    this.secrets.prepend(this.#lost.chain);
    await this.write((transaction) => openRecoveredService(transaction, this.#ports));
    await this.#files.endRecovery();
  }

  async submitShare(member: Member): Promise<void> {
    const path = `/recovery/encrypted-shares/${member.id}`;
    const answer = await this.#request('GET', `/gov${path}`);
    const share = toBase64(decryptShare(textIn(answer, 'encryptedShare'), encryptionKey));
    assert.equal(fromBase64(share).length, 44);
    const json = { share };
    const to = `/recovery/members/${member.id}:recover`;
    await this.post(member, to, { type: 'recovery_share', json });
  }
}

function answerOf(response: Response): JsonValue {
  const text = Buffer.from(response.body).toString();
  assert.ok(response.status < 300, `${response.status}: ${text}`);
  return response.body.length === 0 ? null : parseJson(response.body);
}

function textIn(value: JsonValue, name: string): string {
  const text = isJsonObject(value) ? value[name] : undefined;
  assert.ok(typeof text === 'string', `${name} in ${JSON.stringify(value)}`);
  return text;
}
