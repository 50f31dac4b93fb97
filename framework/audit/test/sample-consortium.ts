/**
 * A consortium in miniature that writes a real ledger: members with keys, proposals, ballots and
 * recovery, straight through the governance tables. The service may misbehave: every step can be
 * written otherwise than the members signed it, and is signed by the service all the same.
 */
import {
  asSeqno,
  asView,
  encodeJson,
  type JsonValue,
  MemoryDisk,
  SeededRandom,
  type TransactionId,
  toBase64,
  toHex,
} from '@coco/base';
import { sha256 } from '@coco/crypto';
import { parseGovernanceMessage } from '@coco/endpoint';
import {
  genesis,
  governanceHistory,
  identityEndorsement,
  memberAcks,
  memberInfos,
  type ProposalInfoRow,
  proposalInfos,
  proposals,
  type RecoveryRow,
  recentProposals,
  recover,
  signedTree,
  type Writable,
} from '@coco/governance';
import { Store, type Transaction } from '@coco/kv';
import {
  buildReceipt,
  createLedgerFiles,
  createLedgerTree,
  endorsementWrites,
  entryId,
  type LedgerFiles,
  LedgerSecrets,
  NonceGuard,
  recoverLedger,
  Sequencer,
} from '@coco/ledger';
import type { MerkleTree } from '@coco/merkle';
import {
  type Beginning,
  createIdentity,
  encryptionKey,
  type Identity,
  type Member,
  type Message,
  sampleRecord,
  setStatus,
  signMessage,
  startMs,
} from './sample-identity.ts';

const startSeconds = startMs / 1000;

export const folder = 'ledger';

export class Consortium {
  readonly disk: MemoryDisk;
  readonly members: readonly Member[];
  readonly store: Store;
  readonly #secrets = new LedgerSecrets();
  identity: Identity;
  #files: LedgerFiles;
  #sequencer: Sequencer;
  #tree: MerkleTree;
  #created: TransactionId;
  #clock = startSeconds;
  #endorsement: { readonly begin: TransactionId; readonly seqno: number } | undefined;

  private constructor(given: {
    readonly disk: MemoryDisk;
    readonly members: readonly Member[];
    readonly identity: Identity;
    readonly files: LedgerFiles;
  }) {
    this.disk = given.disk;
    this.members = given.members;
    this.identity = given.identity;
    this.#files = given.files;
    this.store = new Store();
    this.#tree = createLedgerTree();
    this.#created = { view: asView(2), seqno: asSeqno(1) };
    this.#sequencer = this.#sequence('genesis', asView(2));
  }

  /** The receipt of an entry that is signed. */
  async receipt(seqno: number): Promise<Uint8Array> {
    const at = asSeqno(seqno);
    const [entryBytes = new Uint8Array(0)] = await this.#files.readEntries(at, at);
    const signatureEntryBytes = await this.#files.readBatchSignature(at);
    const secret = this.#secrets.secretFor(at).key;
    return buildReceipt({ id: entryId(entryBytes), entryBytes, signatureEntryBytes, secret });
  }

  #sequence(start: 'genesis' | 'recovery', view: TransactionId['view']): Sequencer {
    const { key } = this.identity;
    const fromSeqno = asSeqno(this.store.seqno + 1);
    this.#secrets.add(fromSeqno, new SeededRandom(fromSeqno).bytes(32));
    return new Sequencer({
      view,
      start,
      tree: this.#tree,
      secrets: this.#secrets,
      guard: new NonceGuard(),
      signer: { algorithm: key.algorithm, keyId: key.id, issuer: 'service', subject: 'ledger' },
      committed: asSeqno(this.store.seqno),
      chunkBytes: 20_000,
    });
  }

  /** Members Accepted, the service Opening; signed. */
  static async start(members: readonly Member[], begin: Beginning = {}): Promise<Consortium> {
    const disk = new MemoryDisk();
    const files = await createLedgerFiles({ disk, folder });
    const identity = await createIdentity();
    const consortium = new Consortium({ disk, members, identity, files });
    consortium.write((transaction) => {
      genesis(transaction, {
        members: members.map(({ certificatePem, name }) => ({
          certificatePem,
          encryptionPublicKeyPem: encryptionKey.publicPem,
          memberData: { name },
        })),
        constitution: begin.constitution ?? 'export function validate() {}\n',
        recoveryThreshold: 1,
        node: identity.node,
        virtual: { measurement: 'code 1', hostData: 'aa'.repeat(32) },
        service: {
          createId: { view: asView(2), seqno: asSeqno(1) },
          certificatePem: identity.certificatePem,
        },
      });
      begin.also?.(transaction);
    });
    await consortium.sign();
    return consortium;
  }

  /** Started, acknowledged by all, opened by a proposal of the first member. */
  static async open(members: readonly Member[], begin?: Beginning): Promise<Consortium> {
    const consortium = await Consortium.start(members, begin);
    for (const member of members) await consortium.acknowledge(member);
    await consortium.openService();
    return consortium;
  }

  /** Unix seconds, one later each time. */
  tick(): number {
    this.#clock += 1;
    return this.#clock;
  }

  /** One entry; its id. */
  write(run: (transaction: Transaction) => void): TransactionId {
    const transaction = this.store.begin();
    run(transaction);
    const writeSet = transaction.writeSet();
    const { id } = this.#sequencer.append(writeSet);
    this.store.apply(writeSet, id.seqno);
    return id;
  }

  /** Private entries that have nothing to do with governance. */
  async writeRecords(count: number): Promise<void> {
    for (let at = 0; at < count; at++) {
      this.write((transaction) =>
        transaction.map('app.records').set(encodeJson(this.store.seqno), new Uint8Array(40)),
      );
    }
    await this.sign();
  }

  async sign(): Promise<TransactionId> {
    const issuedAt = this.#clock;
    const pending = this.#sequencer.closeBatch(issuedAt);
    const tree = pending.treeBytes;
    const batch = this.#sequencer.completeBatch(this.identity.key.sign(pending.input));
    const transaction = this.store.begin();
    signedTree.put(transaction, tree);
    this.store.apply(transaction.writeSet(), batch.signatureId.seqno);
    await this.#files.append([batch]);
    await this.#files.flush();
    this.#sequencer.commit(batch.signatureId.seqno);
    await this.#files.commit(batch.signatureId.seqno);
    this.store.commit(batch.signatureId.seqno);
    return batch.signatureId;
  }

  signed(member: Member, message: Message): Uint8Array {
    return signMessage(member, { createdAt: this.tick(), ...message });
  }

  async acknowledge(member: Member): Promise<void> {
    const stateDigest = this.lastSignedRoot();
    this.write((transaction) =>
      memberAcks.put(transaction, member.id, { state_digest: stateDigest }),
    );
    await this.sign();
    const request = this.signed(member, { type: 'ack', json: { stateDigest } });
    this.write((transaction) => {
      const info = memberInfos.get(transaction, member.id);
      if (info) memberInfos.put(transaction, member.id, { ...info, status: 'Active' });
      const cose_sign1_req = toBase64(request);
      memberAcks.put(transaction, member.id, { state_digest: stateDigest, cose_sign1_req });
    });
    await this.sign();
  }

  lastSignedRoot(): string {
    const signature = this.#sequencer.committed;
    return toHex(this.#tree.root(signature));
  }

  /** The root that a transaction reads now. */
  rootNow(): Uint8Array {
    return this.#tree.root(this.store.seqno + 1);
  }

  /** Writes a proposal that stays open; `change` misbehaves. */
  async propose(
    member: Member,
    actions: readonly JsonValue[],
    change: {
      readonly body?: Uint8Array;
      readonly id?: string;
      readonly request?: Uint8Array;
      readonly info?: Partial<ProposalInfoRow>;
      readonly apply?: (transaction: Transaction) => void;
    } = {},
  ): Promise<string> {
    const json = { actions };
    const request = change.request ?? this.signed(member, { type: 'proposal', json });
    const { message, header } = parseGovernanceMessage(request);
    const digest = sha256(message.signature);
    const id = change.id ?? toHex(sha256(this.rootNow(), digest));
    this.write((transaction) => {
      proposals.put(transaction, id, change.body ?? encodeJson(json));
      proposalInfos.put(transaction, id, {
        proposer_id: member.id,
        state: 'Open',
        ballots: {},
        ...change.info,
      });
      governanceHistory.put(transaction, member.id, request);
      const key = `${String(header.createdAt).padStart(10, '0')}:${toHex(digest)}`;
      recentProposals.put(transaction, key, id);
      change.apply?.(transaction);
    });
    await this.sign();
    return id;
  }

  /** Writes a ballot; where `decides`, the proposal ends with it and `apply` takes effect. */
  async vote(
    member: Member,
    proposalId: string,
    change: {
      readonly script?: string;
      readonly request?: Uint8Array;
      readonly decides?: ProposalInfoRow['state'];
      readonly info?: Partial<ProposalInfoRow>;
      readonly apply?: (transaction: Transaction) => void;
    } = {},
  ): Promise<void> {
    const ballot = 'export function vote() { return true; }';
    const json = { ballot };
    const request = change.request ?? this.signed(member, { type: 'ballot', proposalId, json });
    this.write((transaction) => {
      const info = proposalInfos.get(transaction, proposalId);
      if (!info) return;
      const ballots = { ...info.ballots, [member.id]: change.script ?? ballot };
      const votes = Object.fromEntries(Object.keys(ballots).map((id) => [id, true]));
      const ended = change.decides ? { state: change.decides, final_votes: votes } : {};
      proposalInfos.put(transaction, proposalId, { ...info, ballots, ...ended, ...change.info });
      governanceHistory.put(transaction, member.id, request);
      change.apply?.(transaction);
    });
    await this.sign();
  }

  async withdraw(member: Member, proposalId: string, request?: Uint8Array): Promise<void> {
    const bytes = request ?? this.signed(member, { type: 'withdrawal', proposalId });
    this.write((transaction) => {
      const info = proposalInfos.get(transaction, proposalId);
      if (info) proposalInfos.put(transaction, proposalId, { ...info, state: 'Withdrawn' });
      governanceHistory.put(transaction, member.id, bytes);
    });
    await this.sign();
  }

  /** A proposal that a majority votes for; the last ballot of it carries it. */
  async carry(
    actions: readonly JsonValue[],
    apply: (transaction: Transaction) => void,
  ): Promise<string> {
    const [first] = this.members;
    if (!first) return '';
    const id = await this.propose(first, actions);
    const voters = this.members.slice(0, Math.floor(this.members.length / 2) + 1);
    for (const [at, member] of voters.entries()) {
      const isLast = at === voters.length - 1;
      await this.vote(member, id, isLast ? { decides: 'Accepted', apply } : {});
    }
    return id;
  }

  async openService(previous?: string): Promise<string> {
    const args = {
      next_service_identity: this.identity.certificatePem,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    };
    const status = previous === undefined ? 'Open' : 'WaitingForRecoveryShares';
    return this.carry([{ name: 'transition_service_to_open', args }], (transaction) => {
      setStatus(transaction, status);
      if (status === 'Open') this.endorse(transaction);
    });
  }

  /** The endorsement that opening writes. */
  endorse(
    transaction: Writable,
    change: {
      readonly previous?: Identity;
      readonly end?: TransactionId;
      readonly root?: Uint8Array;
    } = {},
  ): void {
    const { previous, end, root } = change;
    const writes = endorsementWrites({
      endorsingKey: this.identity.key,
      endorsedSpki: (previous ?? this.identity).key.spki,
      issuedAtSeconds: this.#clock,
      epochBegin: this.#endorsement?.begin ?? this.#created,
      ...(end && root ? { epochEnd: { id: end, root } } : {}),
      ...(this.#endorsement ? { previousVersion: this.#endorsement.seqno } : {}),
    });
    const [row] = writes.rows;
    if (row?.value) transaction.map(identityEndorsement.name).set(row.key, row.value);
    this.#endorsement = { begin: this.#created, seqno: this.store.seqno + 1 };
  }

  /** A disaster, and the service's first transaction after it. */
  async beginRecovery(
    apply?: (transaction: Transaction) => void,
    declared: Partial<RecoveryRow> = {},
  ): Promise<{ previous: Identity; end: TransactionId; root: Uint8Array }> {
    const previous = this.identity;
    await this.#files.close();
    const ledger = await recoverLedger({ disk: this.disk, folder });
    await ledger.truncate();
    const end = ledger.lastId;
    this.identity = await createIdentity();
    this.#tree = ledger.tree;
    const root = this.#tree.root(end.seqno);
    const view = asView(ledger.highestView + 2);
    this.#sequencer = this.#sequence('recovery', view);
    this.#files = ledger.openFiles();
    const createId = { view, seqno: asSeqno(end.seqno + 1) };
    this.#endorsement = this.#endorsement && { ...this.#endorsement, begin: this.#created };
    this.#created = createId;
    this.write((transaction) => {
      recover(transaction, {
        node: this.identity.node,
        service: { createId, certificatePem: this.identity.certificatePem },
        ledgerSecret: { version: createId.seqno, secret: new Uint8Array(32) },
        record: { ...sampleRecord(end), ...declared },
      });
      apply?.(transaction);
    });
    await this.sign();
    return { previous, end, root };
  }

  /** A whole recovery, opened again by the members. */
  async recover(
    change: { root?: Uint8Array; declared?: Partial<RecoveryRow> } = {},
  ): Promise<void> {
    const { declared, ...endorsed } = change;
    const before = await this.beginRecovery(() => {}, declared);
    await this.openService(before.previous.certificatePem);
    this.write((transaction) => {
      setStatus(transaction, 'Open');
      this.endorse(transaction, { ...before, ...endorsed });
    });
    await this.sign();
    await this.publish();
  }

  publish(): Promise<void> {
    return this.#files.endRecovery();
  }
}
