/**
 * Nodes of one service without consensus: the test says who leads, which batches commit, and when
 * each node hears of it, in the words of the replica (replica-messages.ts).
 */

import assert from 'node:assert/strict';
import {
  asSeqno,
  asView,
  ManualClock,
  present,
  type TransactionId,
  toBase64,
  utf8Decode,
  utf8Encode,
} from '@coco/base';
import { EncryptionKey, encryptTo, SigningKey, sha256 } from '@coco/crypto';
import { TransactionStatusTracker } from '@coco/endpoint';
import { nodeSecrets } from '@coco/governance';
import { Store } from '@coco/kv';
import {
  type CommittedBody,
  createLedgerTree,
  LedgerSecrets,
  NonceGuard,
  openBatch,
  Sequencer,
} from '@coco/ledger';
import { adoptSecret } from '../src/adopt-secret.ts';
import { BatchFollower } from '../src/batch-follower.ts';
import { BatchPipeline } from '../src/batch-pipeline.ts';
import { NodeOffice } from '../src/node-office.ts';
import { testMap } from './pipeline-harness.ts';

const key = SigningKey.generate('P-256');
const encryptionKey = EncryptionKey.generate();
const secretKey = new Uint8Array(32).fill(5);
const signer = { keyId: key.id, algorithm: key.algorithm, issuer: 'test', subject: 'test' };
const clock = new ManualClock(1_800_000_000_000);

/** The creating batch, which every member begins with. */
const creation: CommittedBody = createService();

function createService(): CommittedBody {
  const sequencer = new Sequencer({
    view: asView(2),
    start: 'genesis',
    tree: createLedgerTree(),
    secrets: new LedgerSecrets([{ fromSeqno: asSeqno(1), key: secretKey }]),
    guard: new NonceGuard(),
    signer,
    committed: asSeqno(0),
  });
  const rows = [{ key: utf8Encode('created'), value: utf8Encode('yes') }];
  sequencer.append({ maps: [{ name: testMap, rows }] });
  return sequencer.completeBatch(key.sign(sequencer.closeBatch(0).input));
}

interface Proposed extends CommittedBody {
  readonly kind: string;
}

export class Member {
  readonly tracker: TransactionStatusTracker = new TransactionStatusTracker({
    history: [
      { view: asView(1), seqno: asSeqno(1) },
      { view: asView(2), seqno: asSeqno(1) },
    ],
    committed: { view: asView(2), seqno: asSeqno(2) },
  });
  readonly pipeline: BatchPipeline;
  readonly office: NodeOffice;
  readonly secrets: LedgerSecrets;
  /** What was proposed and not taken by the test yet. */
  readonly proposed: Proposed[] = [];
  readonly observed: string[] = [];
  /** Signatures come back when the test says so. */
  holdsSignatures = false;
  #signatures: (() => void)[] = [];
  #deferred: (() => void)[] = [];

  /** Whether it was told that the ledger is closed to it. */
  isLockedOut = false;

  /** @param nodeId a rekey is for the node with the name `member` */
  constructor(nodeId = 'member') {
    this.secrets = new LedgerSecrets([{ fromSeqno: asSeqno(1), key: secretKey }]);
    const tree = createLedgerTree();
    const store = new Store();
    const opened = openBatch(creation, this.secrets);
    for (const { leaf, writeSet } of opened.entries) {
      tree.append(leaf);
      store.apply(writeSet);
    }
    tree.append(opened.signatureLeaf);
    store.skip(asSeqno(2));
    store.seal();
    store.commit(asSeqno(2));
    const sequencer = new Sequencer({
      view: asView(2),
      lastView: asView(2),
      start: 'view',
      tree,
      secrets: this.secrets,
      guard: new NonceGuard(),
      signer,
      committed: asSeqno(2),
    });
    this.pipeline = new BatchPipeline({
      store,
      sequencer,
      tracker: this.tracker,
      uncommittedMax: 1000,
      ports: {
        clock,
        log: { write: () => {} },
        sign: (input) => this.#sign(input),
        propose: (batch, kind) => this.proposed.push({ ...batch, kind }),
        defer: (callback) => this.#deferred.push(callback),
      },
    });
    this.pipeline.addObserver({
      onCommitted: ({ view, firstSeqno, lastSeqno }) =>
        this.observed.push(`${view}.${firstSeqno}-${lastSeqno}`),
      rolledBack: (to) => this.observed.push(`back to ${to}`),
    });
    const follower = new BatchFollower({
      state: this.pipeline.state,
      secrets: this.secrets,
      serviceSpki: key.spki,
      onEntry: (entry) => adoptSecret(entry, { secrets: this.secrets, nodeId, encryptionKey }),
    });
    const { pipeline } = this;
    this.office = new NodeOffice({
      pipeline,
      follower,
      log: { write: () => {} },
      onLockedOut: () => {
        assert.equal(this.isLockedOut, false, 'it is told once');
        this.isLockedOut = true;
      },
    });
  }

  lead(view: number): void {
    const report = { role: 'leader', view: asView(view), leaderId: 1 } as const;
    this.office.onRole({ ...report, canExecute: false });
    this.office.onRole({ ...report, canExecute: true });
  }

  follow(view: number): void {
    const report = { role: 'follower', view: asView(view), leaderId: 2 } as const;
    this.office.onRole({ ...report, canExecute: false });
  }

  write(name: string, value = '1'): TransactionId {
    const { id } = this.pipeline.execute((transaction) => {
      transaction.map(testMap).set(utf8Encode(name), utf8Encode(value));
      return { result: undefined };
    });
    return present(id, 'a write has an id');
  }

  /** Writes what a rekey writes, and the secret joins this primary's. */
  rekey(secret: Uint8Array): TransactionId {
    const encrypted_secret = toBase64(encryptTo(encryptionKey.publicPem, secret));
    const { id } = this.pipeline.execute((transaction) => {
      nodeSecrets.put(transaction, { member: [{ version: null, encrypted_secret }] });
      return {
        result: undefined,
        whenAppended: ({ seqno }) =>
          this.pipeline.state.sequencer.rekey(asSeqno(seqno + 1), secret),
      };
    });
    return present(id, 'a write has an id');
  }

  read(name: string): string | undefined {
    const value = this.pipeline.committedState().map(testMap).get(utf8Encode(name));
    return value && utf8Decode(value);
  }

  /** The proposals so far, which the test now owns. */
  async take(): Promise<Proposed[]> {
    await this.settle();
    return this.proposed.splice(0);
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 10; round++) {
      for (const callback of this.#deferred.splice(0)) callback();
      await new Promise((done) => setImmediate(done));
    }
  }

  releaseSignatures(): void {
    for (const release of this.#signatures.splice(0)) release();
  }

  /** Where it stands in the ledger and in the state: equal on nodes that hold the same. */
  standing(): string {
    const { sequencer } = this.pipeline.state;
    const rows = [...this.pipeline.committedState().map(testMap).range({})];
    const text = rows.map(
      (row) => `${utf8Decode(row.key)}=${utf8Decode(row.value)}@${row.version}`,
    );
    const digest = Buffer.from(sha256(utf8Encode(text.join()))).toString('hex');
    return `${this.pipeline.committedSeqno} ${sequencer.nextSeqno} ${digest}`;
  }

  #sign(input: Uint8Array): Promise<Uint8Array> {
    const signature = key.sign(input);
    if (!this.holdsSignatures) return Promise.resolve(signature);
    return new Promise((resolve) => this.#signatures.push(() => resolve(signature)));
  }
}

/** The batches commit: on the primary as its own, on the others with their bodies. */
export function commit(
  batches: readonly CommittedBody[],
  nodes: { readonly own?: Member; readonly others?: readonly Member[] },
): void {
  for (const batch of batches) {
    nodes.own?.office.onCommitted(asSeqno(batch.firstSeqno + batch.entryCount - 1));
    for (const other of nodes.others ?? []) other.office.onFollowed(batch);
  }
}
