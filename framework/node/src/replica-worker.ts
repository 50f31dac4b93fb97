/**
 * The replica worker's thread: Raft and the ledger's files, so that a long contract on the main
 * thread never costs an election. It wires @coco/consensus to @coco/ledger's files and to the
 * other nodes, and holds no logic of them. A fault ends it: nothing after a failed write may be
 * acknowledged.
 */

import { basename, dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, BugError, LedgerError, present, type Seqno } from '@coco/base';
import { createConfiguration } from '@coco/consensus';
import {
  createLedgerFiles,
  encodeBatches,
  type LedgerFiles,
  type LedgerFolder,
  OlderFiles,
  PatientDisk,
  readBatches,
  recoverLedger,
} from '@coco/ledger';
import { type Peer, PeerChannel, PeerJournal, type PeerListen } from '@coco/peers';
import { ReplicaHost } from '@coco/replication';
import { FileDisk } from './file-disk.ts';
import { systemClock, systemRandom } from './real-ports.ts';
import type { FromReplica, ReplicaPlace, ReplicaStart, ToReplica } from './worker-messages.ts';

/** Raft's beat. Ten of them without a heartbeat and a follower campaigns. */
const tickMs = 50;
/** Between two beats of the journal on peers. */
const reportTicks = 20;

const port = present(parentPort, 'the replica worker runs as a worker thread');
const place = workerData as ReplicaPlace;

function post(message: FromReplica): void {
  // A large answer changes hands; nothing is copied.
  const moved = message.kind === 'batches' ? [message.bytes.buffer as ArrayBuffer] : [];
  port.postMessage(message, moved);
}

function fail(error: unknown): void {
  const code = error instanceof LedgerError ? error.code : 'InternalError';
  post({ kind: 'failed', code, message: sentenceOf(error) });
}

/** With its causes: an operator must read that the disk is full, not only that a write failed. */
function sentenceOf(error: unknown): string {
  if (!(error instanceof LedgerError)) {
    return error instanceof BugError ? error.message : 'The replica worker met an unknown error.';
  }
  const { message, cause } = error;
  return cause instanceof LedgerError ? `${message} ${sentenceOf(cause)}` : message;
}

/** The way to other nodes and the host of this thread, and their beat. */
class ThreadReplica {
  /** Undefined for a node that runs alone. */
  #channel: PeerChannel | undefined;
  #host: ReplicaHost | undefined;
  #timer: NodeJS.Timeout | undefined;
  #files: LedgerFiles | undefined;
  #older: OlderFiles | undefined;
  readonly #journal = new PeerJournal((report) => post({ kind: 'peers', report }));
  #tickCount = 0;

  /** Nobody is let in before the main thread names the other nodes. @throws AddressInUse */
  async listen(at: PeerListen): Promise<void> {
    this.#channel = await PeerChannel.open({
      listen: at,
      clock: systemClock,
      random: systemRandom,
      isShort: () => this.#host?.isShort === true,
      deliver: (from, message) => this.host.step(from, message),
      onUnreachable: (id) => this.#host?.unreachable(id),
      onEvent: (event) => this.#journal.note(event),
    });
  }

  /** @throws DiskFull where a service would begin without room */
  async begin(start: ReplicaStart, files: LedgerFiles, disk: PatientDisk): Promise<void> {
    const host = new ReplicaHost({
      nodeId: start.nodeId,
      raftModule: start.raftModule,
      files,
      disk,
      storage: start.storage,
      clock: systemClock,
      random: systemRandom,
      isFit: (peer) => {
        const link = this.#channel?.measures().get(peer);
        return link?.isUp === true && !link.isShort;
      },
      send: (to, message) => this.#peers.send(to, message),
      onPeers: (peers) => this.#setPeers(peers),
      post,
      onFailed: fail,
    });
    this.#host = host;
    this.#files = files;
    this.#timer = setInterval(() => this.#tick(), tickMs);
    // First: a service does not begin on a disk that is short of room.
    await host.measureStorage();
    const { begin } = start;
    if (begin.kind === 'join') {
      host.join();
      return;
    }
    const { voters, view, lastSeqno: seqno } = begin;
    host.start({ configuration: createConfiguration(voters), view, seqno });
  }

  /** Whole committed batches, as docs/formats/ledger-batches.md has them. */
  async readBatches(
    from: Seqno,
    options: { readonly to: Seqno; readonly bytesMax: number },
  ): Promise<Uint8Array> {
    const files = present(this.#files, 'the replica has started');
    return encodeBatches(await readBatches(files, from, options));
  }

  /** The beginning of the ledger, which this node's files lack, comes in. */
  async beginOlder(at: LedgerFolder): Promise<void> {
    this.#older = await OlderFiles.create(at, present(this.#files, 'the replica has started'));
  }

  get older(): OlderFiles {
    return present(this.#older, 'older files were begun');
  }

  get host(): ReplicaHost {
    return present(this.#host, 'the replica has started');
  }

  get peerAddress(): string | undefined {
    return this.#channel?.address;
  }

  #setPeers(peers: readonly Peer[]): void {
    if (this.#channel) this.#channel.setPeers(peers);
    else assert(peers.length === 0, 'a node that runs alone has no peers');
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#channel?.stop();
    await this.#host?.stop();
  }

  get #peers(): PeerChannel {
    return present(this.#channel, 'a node that runs alone has no peers');
  }

  #tick(): void {
    this.host.tick();
    if (++this.#tickCount % reportTicks !== 0) return;
    this.#journal.beat();
    const links = this.#channel?.measures() ?? new Map();
    post({ kind: 'measured', replica: this.host.measures(), links });
  }
}

const replica = new ThreadReplica();

async function begin(start: ReplicaStart): Promise<void> {
  // A node does not start on a full disk: nobody waits before the host runs.
  const disk = new PatientDisk(new FileDisk(dirname(start.ledgerFolder)), systemClock);
  await replica.begin(start, await openFiles(start, disk), disk);
}

async function openFiles(
  { ledgerFolder, recovered }: ReplicaStart,
  disk: PatientDisk,
): Promise<LedgerFiles> {
  const folder = basename(ledgerFolder);
  if (!recovered) return createLedgerFiles({ disk, folder });
  // The main thread has verified the ledger: this reading must be of the same bytes.
  const { lastSeqno: seqno, root, begin } = recovered;
  const ledger = await recoverLedger({ disk, folder, begin, verified: { seqno, root } });
  await ledger.truncate();
  return ledger.openFiles();
}

type InstallStep = Extract<
  ToReplica,
  { readonly kind: 'installStart' | 'installBatches' | 'installed' }
>;

type OlderStep = Extract<
  ToReplica,
  { readonly kind: 'olderBegin' | 'olderBatches' | 'olderFinish' }
>;

async function answer(request: number, act: () => Promise<FromReplica>): Promise<void> {
  try {
    post(await act());
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    const { code, kind, status, message } = error;
    const row = { kind, status, meaning: message };
    post({ kind: 'refused', request, code, row, message });
  }
}

function carryOut(request: number, act: () => Promise<void>): Promise<void> {
  return answer(request, async () => {
    await act();
    return { kind: 'done', request };
  });
}

async function receive(message: ToReplica): Promise<void> {
  switch (message.kind) {
    case 'listen':
      return answer(message.request, async () => {
        if (place.peerListen) await replica.listen(place.peerListen);
        const { peerAddress } = replica;
        return { kind: 'listening', request: message.request, peerAddress };
      });
    case 'start':
      return carryOut(message.request, () => begin(message.start));
    case 'applied':
      return replica.host.applied(message.seqno);
    case 'propose':
      return replica.host.propose(message.batch);
    case 'readCovered':
      return answer(message.request, async () => {
        const covered = await replica.host.readCovered(message.seqno);
        return { kind: 'covered', request: message.request, covered };
      });
    case 'offerSnapshot':
      return replica.host.offerSnapshot(message.snapshot);
    case 'readBatches':
      return answer(message.request, async () => {
        const { request, from, ...options } = message;
        return { kind: 'batches', request, bytes: await replica.readBatches(from, options) };
      });
    case 'olderBegin':
    case 'olderBatches':
    case 'olderFinish':
      return answer(message.request, () => receiveOlder(message));
    case 'endRecovery':
      return carryOut(message.request, () => replica.host.endRecovery());
    case 'setMembers':
      return replica.host.setMembers(message);
    case 'installStart':
    case 'installBatches':
    case 'installed':
      return carryOut(message.request, () => install(message));
    case 'installFailed':
      return replica.host.installFailed(message.order, message);
    case 'heir':
      return answer(message.request, async () => {
        return { kind: 'heirFound', request: message.request, id: replica.host.heir() };
      });
    case 'handOver':
      return carryOut(message.request, () => replica.host.handOver(message.to));
    case 'readIndex':
      return carryOut(message.request, () => replica.host.readIndex());
    case 'stop':
      return carryOut(message.request, () => replica.stop());
  }
}

/** What stands before the snapshot that this node began from. */
async function receiveOlder(message: OlderStep): Promise<FromReplica> {
  const { kind, request } = message;
  if (kind === 'olderFinish') {
    return { kind: 'olderFinished', request, isDone: await replica.older.finish() };
  }
  if (kind === 'olderBegin') {
    const { ledgerFolder } = message;
    const disk = new FileDisk(dirname(ledgerFolder));
    await replica.beginOlder({ disk, folder: basename(ledgerFolder) });
  } else await replica.older.append(message.batches);
  return { kind: 'done', request };
}

/** A step of catching up. A failure of the files ends the replica by itself. */
function install(message: InstallStep): Promise<void> {
  const { kind, order } = message;
  switch (kind) {
    case 'installStart':
      return replica.host.startAfter(order, message.after);
    case 'installBatches':
      return replica.host.installBatches(order, message.batches);
    case 'installed':
      return replica.host.installed(order);
  }
}

port.on('message', (message: ToReplica) => {
  receive(message).catch((error: unknown) => {
    fail(error);
    if (error instanceof BugError) throw error;
  });
});
