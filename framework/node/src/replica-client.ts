/**
 * The main thread's end of the replica worker: hands over batches, asks for entries, and passes on
 * what the worker reports. The worker is a thread of this process, inside the same TEE.
 */

import { Worker } from 'node:worker_threads';
import { asSeqno, assert, LedgerError, type Seqno } from '@coco/base';
import type { NodeId } from '@coco/consensus';
import type { Batch, BatchBody } from '@coco/ledger';
import type { LinkMeasures, PeerReport } from '@coco/peers';
import type {
  CatchUpOrder,
  ConfigurationReport,
  CoveredEntry,
  FollowedBatch,
  KeptSnapshot,
  LedgerMembers,
  ProposalKind,
  ReplicaMeasures,
  RoleReport,
  StorageReport,
} from '@coco/replication';
import { nodeError } from './errors.ts';
import type { FromReplica, ReplicaPlace, ReplicaStart, ToReplica } from './worker-messages.ts';

export interface ReplicaEvents {
  onRole(role: RoleReport): void;
  onCommitted(seqno: Seqno): void;
  onFollowed(batch: FollowedBatch): void;
  /** This node is too far behind: fetch what it lacks, then call installed or installFailed. */
  onInstall(order: CatchUpOrder): void;
  /** Raft's configuration, at the start and when it changed. */
  onConfiguration(configuration: ConfigurationReport): void;
  /** The ledger wants this primary to leave: hand office over to this node. */
  onPassOn(to: NodeId): void;
  /** The service has removed this node: it is to end. May come more than once. */
  onRemoved(): void;
  /** The room on the ledger's disk is another. */
  onStorage(report: StorageReport): void;
  /** Connections to other nodes came, went, or were refused. */
  onPeers(report: PeerReport): void;
  /** Nothing is durable any more: the node must stop. */
  onFailed(error: LedgerError): void;
}

interface Waiting {
  resolve(answer: FromReplica): void;
  reject(error: LedgerError): void;
}

/** Reads that may wait for the worker at once; each holds one small object here. */
const requestsMaxDefault = 10_000;

export class ReplicaClient {
  readonly #worker: Worker;
  readonly #requestsMax: number;
  /** Set when Raft is to run: before, nothing is told. */
  #events: ReplicaEvents | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #requestCount = 0;
  #isStopped = false;
  /** Set once the worker is of no further use: nobody waits for it from then on. */
  #failure: LedgerError | undefined;
  /** Of the last second: for the metrics. */
  measures: {
    readonly replica: ReplicaMeasures | undefined;
    readonly links: ReadonlyMap<NodeId, LinkMeasures>;
  } = { replica: undefined, links: new Map() };
  /** Strangers that were cut off so far: for the metrics. */
  refusedPeers = 0;
  #peerAddress: string | undefined;

  private constructor(worker: Worker, requestsMax: number) {
    this.#worker = worker;
    this.#requestsMax = requestsMax;
    worker.on('message', (message: FromReplica) => this.#receive(message));
    worker.on('error', (cause) => this.#fail(failure('The replica worker broke.', cause)));
    worker.on('exit', () => this.#fail(failure('The replica worker ended.')));
  }

  /**
   * Starts the worker; resolves when the node-to-node interface, if any, listens.
   * @throws ReplicaFailed, AddressInUse
   */
  static async open(
    place: ReplicaPlace,
    requestsMax: number = requestsMaxDefault,
  ): Promise<ReplicaClient> {
    const worker = new Worker(new URL('./replica-worker.ts', import.meta.url), {
      workerData: place,
    });
    const client = new ReplicaClient(worker, requestsMax);
    const answer = await client.#askFirst((request) => ({ kind: 'listen', request }));
    if (answer.kind === 'listening') client.#peerAddress = answer.peerAddress;
    return client;
  }

  /** Resolves when the files are open and Raft runs. @throws ReplicaFailed, LedgerNotEmpty */
  async start(start: ReplicaStart, events: ReplicaEvents): Promise<void> {
    assert(this.#events === undefined, 'a replica starts once');
    this.#events = events;
    await this.#askFirst((request) => ({ kind: 'start', request, start }));
  }

  /** Where the node-to-node interface listens: host:port with the real port. */
  get peerAddress(): string | undefined {
    return this.#peerAddress;
  }

  /** Hands over a signed batch. Its body is the worker's from here on. */
  propose(batch: Batch, kind: ProposalKind): void {
    const { view, firstSeqno, entryCount, body, digest } = batch;
    const proposed = { kind, view, firstSeqno, entryCount, body, digest };
    // The sequencer made the body as an array of its own: it goes over without a copy.
    const owned = body.buffer as ArrayBuffer;
    assert(owned.byteLength === body.length, 'a batch’s body is an array of its own');
    this.#worker.postMessage({ kind: 'propose', batch: proposed } satisfies ToReplica, [owned]);
  }

  /** @throws ReplicaBusy and what the files throw: ReceiptUnavailable, LedgerDamaged, DiskFault */
  async readCovered(seqno: Seqno): Promise<CoveredEntry> {
    this.#assertFree();
    const answer = await this.#ask((request) => ({ kind: 'readCovered', request, seqno }));
    if (answer.kind !== 'covered') throw failure('The replica worker answered out of turn.');
    return answer.covered;
  }

  /** The ledger before the snapshot that this node began from: see OlderFiles. @throws DiskFault */
  async olderBegin(ledgerFolder: string): Promise<void> {
    await this.#ask((request) => ({ kind: 'olderBegin', request, ledgerFolder }));
  }

  /** @throws LedgerUnwritable, DiskFault */
  async olderBatches(batches: readonly BatchBody[]): Promise<void> {
    await this.#ask((request) => ({ kind: 'olderBatches', request, batches }));
  }

  /** See OlderFiles.finish. @throws DiskFault */
  async olderFinish(): Promise<boolean> {
    const answer = await this.#ask((request) => ({ kind: 'olderFinish', request }));
    return answer.kind === 'olderFinished' && answer.isDone;
  }

  /** See ReplicaHost.offerSnapshot. */
  offerSnapshot(snapshot: KeptSnapshot): void {
    this.#worker.postMessage({ kind: 'offerSnapshot', snapshot } satisfies ToReplica);
  }

  /**
   * Whole committed batches, as docs/formats/ledger-batches.md has them.
   * @throws ReplicaBusy, EntryNotFound, LedgerDamaged, DiskFault
   */
  async readBatches(
    from: Seqno,
    options: { readonly to: Seqno; readonly bytesMax: number },
  ): Promise<Uint8Array> {
    this.#assertFree();
    const answer = await this.#ask((request) => ({
      kind: 'readBatches',
      request,
      from,
      ...options,
    }));
    if (answer.kind !== 'batches') throw failure('The replica worker answered out of turn.');
    return answer.bytes;
  }

  #assertFree(): void {
    if (this.#waiting.size < this.#requestsMax) return;
    throw nodeError('ReplicaBusy', 'Too many reads wait for the ledger’s files.');
  }

  /** The nodes of the service from now on, as the committed ledger has them. */
  setMembers(members: LedgerMembers): void {
    this.#worker.postMessage({ kind: 'setMembers', ...members } satisfies ToReplica);
  }

  /** The state is that of a snapshot: the files of this node, empty so far, begin behind it. */
  async installStart(order: number, after: Seqno): Promise<void> {
    await this.#ask((request) => ({ kind: 'installStart', request, order, after }));
  }

  /**
   * Hands over verified batches that an order to catch up asks for, in order. Await it: then no
   * more of them wait than the disk takes. @throws LedgerUnwritable, DiskFault
   */
  async installBatches(order: number, batches: readonly BatchBody[]): Promise<void> {
    await this.#ask((request) => ({ kind: 'installBatches', request, order, batches }));
  }

  /** Everything of the order is handed over; resolves when it is durable and Raft goes on. */
  async installed(order: number): Promise<void> {
    await this.#ask((request) => ({ kind: 'installed', request, order }));
  }

  /** The order cannot be carried out: the replica ends, and `onFailed` says why. */
  installFailed(order: number, { code, message }: LedgerError): void {
    const told: ToReplica = { kind: 'installFailed', order, code, message };
    this.#worker.postMessage(told);
  }

  /** See ReplicaHost.heir. */
  async heir(): Promise<NodeId | undefined> {
    const answer = await this.#ask((request) => ({ kind: 'heir', request }));
    return answer.kind === 'heirFound' ? answer.id : undefined;
  }

  /** See ReplicaHost.handOver. */
  async handOver(to: NodeId): Promise<void> {
    await this.#ask((request) => ({ kind: 'handOver', request, to }));
  }

  /**
   * Resolves when everything that was committed anywhere before this call has been handed over.
   * @throws ReadIndexUnavailable, TooManyInFlight
   */
  async readIndex(): Promise<void> {
    await this.#ask((request) => ({ kind: 'readIndex', request }));
  }

  /** The recovered service is open: its files lose the recovery marker. */
  async endRecovery(): Promise<void> {
    await this.#ask((request) => ({ kind: 'endRecovery', request }));
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.#ask((request) => ({ kind: 'stop', request })).catch(() => undefined);
    await this.#worker.terminate();
  }

  /** A worker that does not come to run is ended. */
  async #askFirst(make: (request: number) => ToReplica): Promise<FromReplica> {
    try {
      return await this.#ask(make);
    } catch (error) {
      this.#isStopped = true;
      await this.#worker.terminate();
      throw error;
    }
  }

  async #ask(make: (request: number) => ToReplica): Promise<FromReplica> {
    if (this.#failure) throw this.#failure;
    const request = ++this.#requestCount;
    const { promise, resolve, reject } = Promise.withResolvers<FromReplica>();
    this.#waiting.set(request, { resolve, reject });
    this.#worker.postMessage(make(request));
    return promise;
  }

  #receive(message: FromReplica): void {
    switch (message.kind) {
      case 'role':
        this.#events?.onRole(message);
        break;
      case 'committed':
        this.#events?.onCommitted(message.seqno);
        break;
      case 'followed':
        this.#follow(message.batch);
        break;
      case 'install':
        this.#events?.onInstall(message);
        break;
      case 'passOn':
        this.#events?.onPassOn(message.to);
        break;
      case 'removed':
        this.#events?.onRemoved();
        break;
      case 'configuration':
        this.#events?.onConfiguration(message);
        break;
      case 'storage':
        this.#events?.onStorage(message);
        break;
      case 'measured':
        this.measures = { replica: message.replica ?? this.measures.replica, links: message.links };
        break;
      case 'peers':
        if (message.report.kind === 'refused') this.refusedPeers = message.report.count;
        this.#events?.onPeers(message.report);
        break;
      case 'failed':
        this.#fail(failure(message.message, undefined, message.code));
        break;
      case 'listening':
      case 'heirFound':
      case 'covered':
      case 'batches':
      case 'olderFinished':
      case 'done':
        this.#take(message.request)?.resolve(message);
        break;
      case 'refused': {
        const { code, row, message: sentence } = message;
        this.#take(message.request)?.reject(new LedgerError(code, row, sentence, {}, undefined));
      }
    }
  }

  /** A batch that does not verify ends the node: what it would go on from is not the ledger. */
  #follow(batch: FollowedBatch): void {
    try {
      this.#events?.onFollowed(batch);
      const seqno = asSeqno(batch.firstSeqno + batch.entryCount - 1);
      this.#worker.postMessage({ kind: 'applied', seqno } satisfies ToReplica);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#fail(error);
    }
  }

  #take(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    return waiting;
  }

  /** The first failure counts: the worker ends, and everybody who waits for it hears of it. */
  #fail(error: LedgerError): void {
    if (this.#failure) return;
    this.#failure = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    void this.#worker.terminate();
    if (!this.#isStopped) this.#events?.onFailed(error);
  }
}

function failure(message: string, cause?: unknown, code?: string): LedgerError {
  return nodeError('ReplicaFailed', message, { code }, cause);
}
