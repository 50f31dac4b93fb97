/**
 * The replica worker's thread: Raft and the ledger's files, so that a long contract on the main
 * thread never costs an election. It wires @coco/consensus to @coco/ledger's files and to the
 * other nodes, and holds no logic of them. A fault ends it: nothing after a failed write may be
 * acknowledged.
 */

import { basename, dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, BugError, LedgerError, present } from '@coco/base';
import { createConfiguration } from '@coco/consensus';
import { createLedgerFiles, type LedgerFiles, PatientDisk, recoverLedger } from '@coco/ledger';
import { PeerChannel, PeerJournal, type PeerListen } from '@coco/peers';
import { ReplicaHost } from '@coco/replication';
import { FileDisk } from './file-disk.ts';
import { systemClock, systemRandom } from './real-ports.ts';
import type { FromReplica, LedgerMembers, ReplicaStart, ToReplica } from './worker-messages.ts';

/** Raft's beat. Ten of them without a heartbeat and a follower campaigns. */
const tickMs = 50;
/** Between two beats of the journal on peers. */
const reportTicks = 20;

const port = present(parentPort, 'the replica worker runs as a worker thread');
const start = workerData as ReplicaStart;
let running: RunningHost | undefined;

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

/** The host of this thread and its beat. */
class RunningHost {
  readonly host: ReplicaHost;
  /** Undefined for a node that runs alone. */
  #channel: PeerChannel | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #journal = new PeerJournal((report) => post({ kind: 'peers', report }));
  #tickCount = 0;

  constructor(files: LedgerFiles, disk: PatientDisk) {
    this.host = new ReplicaHost({
      nodeId: start.nodeId,
      raftModule: start.raftModule,
      files,
      disk,
      storage: start.storage,
      clock: systemClock,
      random: systemRandom,
      send: (to, message) => this.channel.send(to, message),
      post,
      onFailed: fail,
    });
  }

  /** @throws AddressInUse */
  async begin(): Promise<void> {
    if (start.peerListen) this.#channel = await this.#openChannel(start.peerListen);
    this.#timer = setInterval(() => this.#tick(), tickMs);
    // First: a service does not begin on a disk that is short of room.
    await this.host.measureStorage();
    const { begin } = start;
    if (begin.kind === 'join') return this.host.join();
    const { voters, view, lastSeqno: seqno } = begin;
    this.host.start({ configuration: createConfiguration(voters), view, seqno });
  }

  /** @throws BugError for a node that runs alone */
  get channel(): PeerChannel {
    return present(this.#channel, 'a node that runs alone has no peers');
  }

  setMembers({ peers, trusted }: LedgerMembers): void {
    this.host.setTrusted(trusted);
    if (this.#channel) this.#channel.setPeers(peers);
    else assert(peers.length === 0, 'a node that runs alone has no peers');
  }

  /** Nobody is let in before the main thread names the other nodes. */
  #openChannel(listen: PeerListen): Promise<PeerChannel> {
    return PeerChannel.open({
      listen,
      clock: systemClock,
      random: systemRandom,
      deliver: (from, message) => this.host.step(from, message),
      onUnreachable: (id) => this.host.unreachable(id),
      onEvent: (event) => this.#journal.note(event),
    });
  }

  get peerAddress(): string | undefined {
    return this.#channel?.address;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#channel?.stop();
    await this.host.stop();
  }

  #tick(): void {
    this.host.tick();
    if (++this.#tickCount % reportTicks === 0) this.#journal.beat();
  }
}

async function openFiles(disk: PatientDisk): Promise<LedgerFiles> {
  const folder = basename(start.ledgerFolder);
  if (!start.recovered) return createLedgerFiles({ disk, folder });
  // The main thread has verified the ledger: this reading must be of the same bytes.
  const { lastSeqno: seqno, root } = start.recovered;
  const ledger = await recoverLedger({ disk, folder, verified: { seqno, root } });
  await ledger.truncate();
  return ledger.openFiles();
}

type InstallStep = Extract<
  ToReplica,
  { readonly kind: 'installStart' | 'installBatches' | 'installed' }
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

async function receive(message: ToReplica): Promise<void> {
  switch (message.kind) {
    case 'start':
      return answer(message.request, async () => {
        // A node does not start on a full disk: nobody waits before the host runs.
        const disk = new PatientDisk(new FileDisk(dirname(start.ledgerFolder)), systemClock);
        running = new RunningHost(await openFiles(disk), disk);
        await running.begin();
        const { peerAddress } = running;
        return { kind: 'started', request: message.request, peerAddress };
      });
    case 'propose':
      return host().propose(message.batch);
    case 'readCovered':
      return answer(message.request, async () => {
        const covered = await host().readCovered(message.seqno);
        return { kind: 'covered', request: message.request, covered };
      });
    case 'offerSnapshot':
      return host().offerSnapshot(message.snapshot);
    case 'readBatches':
      return answer(message.request, async () => {
        const { request, from, ...options } = message;
        return { kind: 'batches', request, bytes: await host().readBatches(from, options) };
      });
    case 'endRecovery':
      return answer(message.request, async () => {
        await host().endRecovery();
        return { kind: 'done', request: message.request };
      });
    case 'setMembers':
      return present(running, 'the replica has started').setMembers(message);
    case 'installStart':
    case 'installBatches':
    case 'installed':
      return answer(message.request, async () => {
        await install(message);
        return { kind: 'done', request: message.request };
      });
    case 'installFailed':
      return host().installFailed(message.order, message);
    case 'handOver':
      return answer(message.request, async () => {
        await host().handOver(message.to);
        return { kind: 'done', request: message.request };
      });
    case 'readIndex':
      return answer(message.request, async () => {
        await host().readIndex();
        return { kind: 'done', request: message.request };
      });
    case 'stop':
      return answer(message.request, async () => {
        await running?.stop();
        return { kind: 'done', request: message.request };
      });
  }
}

/** A step of catching up. A failure of the files ends the replica by itself. */
function install(message: InstallStep): Promise<void> {
  const { kind, order } = message;
  switch (kind) {
    case 'installStart':
      return host().startAfter(order, message.after);
    case 'installBatches':
      return host().installBatches(order, message.batches);
    case 'installed':
      return host().installed(order);
  }
}

function host(): ReplicaHost {
  return present(running, 'the replica has started').host;
}

port.on('message', (message: ToReplica) => {
  receive(message).catch((error: unknown) => {
    fail(error);
    if (error instanceof BugError) throw error;
  });
});
