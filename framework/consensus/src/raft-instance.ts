/**
 * One instance of Raft's module: a typed face on its mailbox (docs/formats/raft-mailbox.md).
 * It holds no rule; replica.ts drives it. One call at a time, and rn_ready and rn_advance in
 * turns. A broken invariant of Raft is a BugError, and the instance refuses everything afterwards.
 */
import type { Clock, Log, Random } from '@coco/base';
import { assert, BugError, ByteReader, ByteWriter, emptyBytes, utf8Decode } from '@coco/base';
import type { Configuration, NodeId, SingleChange } from './configuration.ts';
import { Wasi } from './wasi.ts';

/** In the order of the shim's codes. */
const codes = [
  'ok',
  'dropped',
  'peerNotFound',
  'localMessage',
  'compacted',
  'unavailable',
  'undecodable',
  'outOfOrder',
  'panic',
  'other',
  'notLeader',
] as const;
export type RaftCode = (typeof codes)[number];

const roles = ['follower', 'candidate', 'leader', 'preCandidate'] as const;
export type RaftRole = (typeof roles)[number];

const progressStates = ['probe', 'replicate', 'snapshot'] as const;

/** raftpb.EntryType; 1 and 2 are membership changes of either encoding. */
export const normalEntry = 0;

export interface RaftEntry {
  readonly term: number;
  readonly index: number;
  readonly type: number;
  readonly data: Uint8Array;
}

export interface RaftSnapshot {
  readonly index: number;
  readonly term: number;
  readonly configuration: Configuration;
  readonly data: Uint8Array;
}

export interface OutgoingMessage {
  readonly to: NodeId;
  readonly type: number;
  readonly entries: readonly RaftEntry[];
  readonly bytes: Uint8Array;
}

export interface IncomingMessage {
  readonly type: number;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly term: number;
  readonly commit: number;
  readonly entries: readonly RaftEntry[];
  readonly snapshot: RaftSnapshot | undefined;
}

export interface Ready {
  readonly snapshot: RaftSnapshot | undefined;
  readonly reads: readonly { readonly index: number; readonly context: Uint8Array }[];
  readonly entries: readonly RaftEntry[];
  readonly committed: readonly RaftEntry[];
  readonly messages: readonly OutgoingMessage[];
}

export interface PeerProgress {
  readonly id: NodeId;
  readonly match: number;
  readonly next: number;
  readonly state: (typeof progressStates)[number];
  readonly isLearner: boolean;
  readonly isRecentlyActive: boolean;
}

export interface RaftStatus {
  readonly commit: number;
  readonly applied: number;
  readonly transferee: NodeId;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly peers: readonly PeerProgress[];
}

export interface RaftSettings {
  readonly id: NodeId;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly inFlightMessagesMax: number;
  readonly messageBytesMax: number;
  readonly committedBytesMax: number;
  /** The term before the first election. */
  readonly term: number;
  /** Where the log begins; without it the node waits for a snapshot. */
  readonly genesis:
    | { readonly index: number; readonly term: number; readonly configuration: Configuration }
    | undefined;
}

export interface RaftHost {
  readonly random: Random;
  readonly clock: Clock | undefined;
  readonly log: Log | undefined;
}

/** Without BigInt: ids, terms and indexes cross as doubles, exact below 2^53. */
type Exports = Readonly<Record<string, (...values: number[]) => number>>;

export class RaftInstance {
  readonly #exports: Exports;
  readonly #memory: WebAssembly.Memory;
  readonly #wasi: Wasi;
  #isPoisoned = false;

  constructor(module: WebAssembly.Module, host: RaftHost) {
    this.#wasi = new Wasi(module, {
      random: host.random,
      clock: host.clock,
      onText: (text) => host.log?.write('warning', 'raft.text', { text: text.trim() }),
    });
    const instance = new WebAssembly.Instance(module, this.#wasi.imports);
    this.#memory = instance.exports.memory as WebAssembly.Memory;
    this.#exports = instance.exports as unknown as Exports;
    this.#wasi.attach(this.#memory);
    try {
      this.#export('_initialize')();
    } catch (error) {
      throw new BugError(`the Raft module does not start: ${this.#wasi.errorText}`, {
        cause: error,
      });
    }
  }

  start(settings: RaftSettings): void {
    const { genesis } = settings;
    const writer = new ByteWriter()
      .u64(settings.id)
      .u32(settings.electionTicks)
      .u32(settings.heartbeatTicks)
      .u32(settings.inFlightMessagesMax)
      .u64(settings.messageBytesMax)
      .u64(settings.committedBytesMax)
      .u64(settings.term)
      .u32(genesis ? 1 : 0);
    if (genesis) {
      writer.u64(genesis.index).u64(genesis.term);
      writeConfiguration(writer, genesis.configuration);
    }
    this.#must('rn_start', writer.done());
  }

  tick(): void {
    this.#must('rn_tick');
  }

  campaign(): void {
    this.#must('rn_campaign');
  }

  /** The decoded message, kept for one step(); undefined when it does not decode. */
  inspect(message: Uint8Array): IncomingMessage | undefined {
    if (this.#call('rn_inspect', message, ['undecodable']) !== 'ok') return undefined;
    const reader = this.#output();
    return {
      type: reader.u32(),
      from: reader.u64(),
      to: reader.u64(),
      term: reader.u64(),
      commit: reader.u64(),
      entries: readEntries(reader),
      snapshot: reader.u32() === 1 ? readSnapshot(reader) : undefined,
    };
  }

  /** Steps the message that inspect() decoded last. */
  step(): RaftCode {
    return this.#call('rn_step', undefined, ['peerNotFound', 'localMessage', 'dropped']);
  }

  propose(term: number, data: Uint8Array): RaftCode {
    return this.#call('rn_propose', data, ['notLeader', 'dropped'], term);
  }

  proposeMembership(term: number, changes: readonly SingleChange[]): RaftCode {
    const writer = new ByteWriter().u32(changes.length);
    for (const change of changes) writer.u32(change.type).u64(change.id);
    return this.#call('rn_propose_membership', writer.done(), ['notLeader', 'dropped'], term);
  }

  applyMembership(entry: RaftEntry): Configuration {
    this.#must('rn_apply_membership', entry.data, entry.type);
    return readConfiguration(this.#output());
  }

  readIndex(context: Uint8Array): void {
    this.#must('rn_read_index', context);
  }

  transferLeader(to: NodeId): void {
    this.#must('rn_transfer_leader', undefined, to);
  }

  abdicate(term: number): RaftCode {
    return this.#call('rn_abdicate', undefined, ['notLeader'], term);
  }

  reportUnreachable(id: NodeId): void {
    this.#must('rn_report_unreachable', undefined, id);
  }

  reportSnapshot(id: NodeId, options: { readonly isSent: boolean }): void {
    this.#must('rn_report_snapshot', undefined, id, options.isSent ? 1 : 0);
  }

  hasReady(): boolean {
    return this.#export('rn_has_ready')() === 1;
  }

  ready(): Ready {
    this.#must('rn_ready');
    const reader = this.#output();
    return {
      snapshot: reader.u32() === 1 ? readSnapshot(reader) : undefined,
      reads: readList(reader, () => ({ index: reader.u64(), context: readBytes(reader) })),
      entries: readEntries(reader),
      committed: readEntries(reader),
      messages: readList(reader, () => ({
        to: reader.u64(),
        type: reader.u32(),
        entries: readEntries(reader),
        bytes: readBytes(reader),
      })),
    };
  }

  advance(): void {
    this.#must('rn_advance');
  }

  /** Sets what a peer gets that the log no longer serves. */
  snapshot(index: number, configuration: Configuration, data: Uint8Array): void {
    const writer = new ByteWriter();
    writeConfiguration(writer, configuration);
    writer.u32(data.length).raw(data);
    this.#must('rn_snapshot', writer.done(), index);
  }

  /** Forgets the log up to and including the index. */
  compact(index: number): void {
    this.#must('rn_compact', undefined, index);
  }

  role(): { readonly role: RaftRole; readonly term: number; readonly leader: NodeId } {
    const packed = this.#export('rn_role')();
    const role = roles[packed % roles.length];
    assert(role !== undefined, 'a Raft role is one of four');
    return { role, term: Math.floor(packed / roles.length), leader: this.#export('rn_leader')() };
  }

  status(): RaftStatus {
    this.#must('rn_status');
    const reader = this.#output();
    return {
      commit: reader.u64(),
      applied: reader.u64(),
      transferee: reader.u64(),
      firstIndex: reader.u64(),
      lastIndex: reader.u64(),
      peers: readList(reader, () => ({
        id: reader.u64(),
        match: reader.u64(),
        next: reader.u64(),
        state: progressStates[reader.u32()] ?? 'probe',
        isLearner: reader.u32() === 1,
        isRecentlyActive: reader.u32() === 1,
      })),
    };
  }

  /** Bytes of WebAssembly memory (it never shrinks) and of Go's heap in use. */
  memory(): { readonly linearBytes: number; readonly heapBytes: number } {
    this.#must('rn_memory');
    return { linearBytes: this.#memory.buffer.byteLength, heapBytes: this.#output().u64() };
  }

  #export(name: string): (...values: number[]) => number {
    const call = this.#exports[name];
    assert(call !== undefined, `the Raft module exports ${name}`);
    return call;
  }

  /** A call that has no code but ok. */
  #must(name: string, input?: Uint8Array, ...values: number[]): void {
    this.#call(name, input, [], ...values);
  }

  #call(
    name: string,
    input: Uint8Array | undefined,
    expected: readonly RaftCode[],
    ...values: number[]
  ): RaftCode {
    if (this.#isPoisoned) throw new BugError('the Raft instance has failed before');
    try {
      if (input !== undefined) this.#write(input);
      const code = codes[this.#export(name)(...values)] ?? 'other';
      if (code === 'ok' || expected.includes(code)) return code;
      throw new BugError(`${name}: ${code} ${this.#failureText(code)}`);
    } catch (error) {
      // A trap of WebAssembly arrives here too: whatever failed, its state is not to be trusted.
      this.#isPoisoned = true;
      if (error instanceof BugError) throw error;
      throw new BugError(`${name}: ${String(error)} ${this.#wasi.errorText}`, { cause: error });
    }
  }

  #failureText(code: RaftCode): string {
    if (code !== 'panic' && code !== 'other') return '';
    return utf8Decode(this.#outputBytes());
  }

  #write(input: Uint8Array): void {
    const at = this.#export('rn_in')(input.length) >>> 0;
    new Uint8Array(this.#memory.buffer, at, input.length).set(input);
  }

  /** A copy: the memory may grow, and so detach every view, at the next call. */
  #outputBytes(): Uint8Array {
    const length = this.#export('rn_out_len')() >>> 0;
    if (length === 0) return emptyBytes;
    const at = this.#export('rn_out')() >>> 0;
    return new Uint8Array(this.#memory.buffer, at, length).slice();
  }

  #output(): ByteReader {
    return new ByteReader(this.#outputBytes());
  }
}

function readList<Item>(reader: ByteReader, readItem: () => Item): Item[] {
  const items: Item[] = [];
  for (let left = reader.u32(); left > 0; left--) items.push(readItem());
  return items;
}

function readBytes(reader: ByteReader): Uint8Array {
  return reader.raw(reader.u32());
}

function readEntries(reader: ByteReader): RaftEntry[] {
  return readList(reader, () => ({
    term: reader.u64(),
    index: reader.u64(),
    type: reader.u32(),
    data: readBytes(reader),
  }));
}

function readConfiguration(reader: ByteReader): Configuration {
  const readId = (): number => reader.u64();
  return {
    voters: readList(reader, readId),
    learners: readList(reader, readId),
    votersOutgoing: readList(reader, readId),
    learnersNext: readList(reader, readId),
    isAutoLeave: reader.u32() === 1,
  };
}

function readSnapshot(reader: ByteReader): RaftSnapshot {
  return {
    index: reader.u64(),
    term: reader.u64(),
    configuration: readConfiguration(reader),
    data: readBytes(reader),
  };
}

function writeConfiguration(writer: ByteWriter, configuration: Configuration): void {
  const { voters, learners, votersOutgoing, learnersNext } = configuration;
  for (const ids of [voters, learners, votersOutgoing, learnersNext]) {
    writer.u32(ids.length);
    for (const id of ids) writer.u64(id);
  }
  writer.u32(configuration.isAutoLeave ? 1 : 0);
}
