/**
 * The replica worker's thread: Raft and the ledger's files, so that a long contract on the main
 * thread never costs an election. It wires @coco/consensus to @coco/ledger's files and holds no
 * logic of either. A fault ends it: nothing after a failed write may be acknowledged.
 */
import { basename, dirname } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { assert, BugError, LedgerError, present, type Seqno } from '@coco/base';
import { createConfiguration, lastSeqnoOf, Replica, type StoredBatch } from '@coco/consensus';
import { createLedgerFiles, type LedgerFiles, recoverLedger } from '@coco/ledger';
import { FileDisk } from './file-disk.ts';
import { systemClock, systemRandom } from './real-ports.ts';
import type { FromReplica, ProposedBatch, ReplicaStart, ToReplica } from './replica-messages.ts';

/** Raft's beat. Ten of them without a heartbeat and a follower campaigns. */
const tickMs = 50;

const port = present(parentPort, 'the replica worker runs as a worker thread');
const start = workerData as ReplicaStart;
let host: ReplicaHost | undefined;

function post(message: FromReplica): void {
  port.postMessage(message);
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

/** Raft and the files of one node. */
class ReplicaHost {
  readonly #files: LedgerFiles;
  readonly #replica: Replica;
  readonly #timer: NodeJS.Timeout;
  #flushCount = 0;
  #flushMs = 0;

  private constructor(files: LedgerFiles) {
    this.#files = files;
    this.#replica = new Replica({
      id: start.nodeId,
      module: start.raftModule,
      random: systemRandom,
      clock: systemClock,
      ports: {
        persist: (batches, truncateFrom) => this.#persist(batches, truncateFrom),
        send: () => assert(false, 'a network of one node has no peers'),
        readBody: async () => undefined,
        installSnapshot: async () => assert(false, 'a network of one node offers no snapshot'),
      },
      events: {
        onRole: ({ role, view, canExecute }) => post({ kind: 'role', role, view, canExecute }),
        onCommitted: (batches) => this.#committed(batches),
        onConfiguration: () => {},
        onFailed: fail,
      },
    });
    this.#timer = setInterval(() => this.#replica.tick(), tickMs);
  }

  static async open(): Promise<ReplicaHost> {
    const files = await openFiles();
    const opened = new ReplicaHost(files);
    opened.#replica.start({
      configuration: createConfiguration([start.nodeId]),
      view: start.view,
      seqno: start.lastSeqno,
    });
    return opened;
  }

  propose(batch: ProposedBatch): void {
    const { kind, view, firstSeqno, entryCount, body, digest } = batch;
    const handle = { kind, view, firstSeqno, entryCount, bodyBytes: body.length, digest };
    this.#replica.propose(handle, body);
  }

  async readCovered(seqno: Seqno): Promise<{ entry: Uint8Array; signature: Uint8Array }> {
    const signature = await this.#files.readBatchSignature(seqno);
    const [entry] = await this.#files.readEntries(seqno, seqno);
    return { entry: present(entry, 'a read answers with one entry at least'), signature };
  }

  async endRecovery(): Promise<void> {
    await this.#files.endRecovery();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#replica.stop();
    await this.#files.close();
  }

  async #persist(batches: readonly StoredBatch[], truncateFrom: Seqno | undefined): Promise<void> {
    const startedMs = performance.now();
    if (truncateFrom !== undefined) {
      await this.#files.truncateAfter((truncateFrom - 1) as Seqno);
    }
    await this.#files.append(
      batches.map(({ handle, body }) => ({ firstSeqno: handle.firstSeqno, body })),
    );
    await this.#files.flush();
    this.#flushCount++;
    this.#flushMs += performance.now() - startedMs;
    post({ kind: 'measured', flushes: this.#flushCount, flushSeconds: this.#flushMs / 1000 });
  }

  #committed(batches: readonly StoredBatch[]): void {
    const last = batches.at(-1);
    if (!last) return;
    const seqno = lastSeqnoOf(last.handle);
    post({ kind: 'committed', seqno });
    this.#files.commit(seqno).catch(fail);
  }
}

async function openFiles(): Promise<LedgerFiles> {
  const disk = new FileDisk(dirname(start.ledgerFolder));
  const folder = basename(start.ledgerFolder);
  if (!start.recovered) return createLedgerFiles({ disk, folder });
  // The main thread has verified the ledger: this reading must be of the same bytes.
  const { lastSeqno: seqno, root } = start.recovered;
  const ledger = await recoverLedger({ disk, folder, verified: { seqno, root } });
  await ledger.truncate();
  return ledger.openFiles();
}

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
        host = await ReplicaHost.open();
        return { kind: 'done', request: message.request };
      });
    case 'propose':
      return running().propose(message.batch);
    case 'readCovered':
      return answer(message.request, async () => {
        const covered = await running().readCovered(message.seqno);
        return { kind: 'covered', request: message.request, covered };
      });
    case 'endRecovery':
      return answer(message.request, async () => {
        await running().endRecovery();
        return { kind: 'done', request: message.request };
      });
    case 'stop':
      return answer(message.request, async () => {
        await host?.stop();
        return { kind: 'done', request: message.request };
      });
  }
}

function running(): ReplicaHost {
  return present(host, 'the replica has started');
}

port.on('message', (message: ToReplica) => {
  receive(message).catch((error: unknown) => {
    fail(error);
    if (error instanceof BugError) throw error;
  });
});
