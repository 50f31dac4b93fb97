/** One node of a test network: what it logged, what it answers, what it holds, and its end. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, type JsonValue, present } from '@coco/base';
import type { Launched, LaunchOptions } from './launch-node.ts';
import { type Answer, type AskOptions, askNode } from './member-client.ts';

const changed = new EventEmitter();
changed.setMaxListeners(0);

/** Looks again at each thing that any node of any network says. */
export async function until<Found>(look: () => Found | undefined | false): Promise<Found> {
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await once(changed, 'change');
  }
}

interface LoggedEvent {
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** One node of the network, running or not any more. */
export class TestNode {
  readonly name: string;
  readonly folder: string;
  readonly events: LoggedEvent[] = [];
  /** Why the node ended by itself. */
  failure: { readonly code: string; readonly message: string } | undefined;
  #launched: Launched | undefined;
  #isRunning = false;

  constructor(name: string, folder: string) {
    this.name = name;
    this.folder = folder;
  }

  get id(): string {
    return this.#running.nodeId;
  }

  /** host:port of its interface for clients. */
  get address(): string {
    return present(this.#running.addresses.main, 'a test node has one interface');
  }

  /** host:port of its interface for other nodes. */
  get peerAddress(): string {
    return present(this.#running.peerAddress, 'a test node has peers');
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  get ledgerFolder(): string {
    return join(this.folder, 'ledger');
  }

  async launch(
    launch: (options: LaunchOptions) => Promise<Launched>,
    given: {
      readonly configuration: JsonValue;
      readonly measurement: string;
      readonly hostData: string;
      readonly clock: Clock;
    },
  ): Promise<void> {
    this.#launched = await launch({
      ...given,
      baseFolder: this.folder,
      onEvent: (event, fields) => {
        this.events.push({ event, fields });
        changed.emit('change');
      },
      onFailed: (failure) => {
        this.failure = failure;
        changed.emit('change');
      },
    });
    this.#isRunning = true;
  }

  /** The first such line of its log, from line `from` on, once it is there. */
  untilLogged(
    event: string,
    fields: Readonly<Record<string, unknown>> = {},
    from: number = 0,
  ): Promise<LoggedEvent> {
    return until(() => {
      const found = this.events.slice(from).find((one) => isMatch(one, event, fields));
      if (!found && this.failure) {
        assert.fail(`${this.name} ended: ${this.failure.code}: ${this.failure.message}`);
      }
      return found;
    });
  }

  /** Its part in the network from here on: it serves. */
  async untilServing(): Promise<void> {
    await this.untilLogged('node.started');
  }

  untilFailed(): Promise<{ readonly code: string; readonly message: string }> {
    return until(() => this.failure);
  }

  async ask(path: string, options: AskOptions = {}): Promise<Answer> {
    const ca = await readFile(join(this.folder, 'service_cert.pem'), 'utf8');
    return askNode({ address: this.address, ca }, path, options);
  }

  /** Asks until the answer is one that `isIt` takes. */
  async askUntil(path: string, isIt: (answer: Answer) => boolean): Promise<Answer> {
    for (;;) {
      const answer = await this.ask(path);
      if (isIt(answer)) return answer;
    }
  }

  /** The transaction is committed here. */
  async untilCommitted(id: string): Promise<void> {
    const path = `/node/tx?transaction_id=${id}`;
    const { json } = await this.askUntil(path, ({ json }) => {
      const { status } = json as { status: string };
      return status === 'Committed' || status === 'Invalid';
    });
    assert.equal((json as { status: string }).status, 'Committed');
  }

  /** The bytes of its ledger files, by name. */
  async ledger(): Promise<ReadonlyMap<string, Uint8Array>> {
    const names = (await readdir(this.ledgerFolder)).filter((name) => /^ledger_/.test(name)).sort();
    const files = names.map(
      async (name) => [name, await readFile(join(this.ledgerFolder, name))] as const,
    );
    return new Map(await Promise.all(files));
  }

  /** The entries of its ledger files by seqno, as hex digests. */
  async entries(): Promise<ReadonlyMap<number, string>> {
    const entries = new Map<number, string>();
    for (const name of await readdir(this.ledgerFolder)) {
      const first = /^ledger_(\d+)/.exec(name)?.[1];
      if (first === undefined) continue;
      const bytes = await readFile(join(this.ledgerFolder, name));
      for (const [at, entry] of cutEntries(bytes).entries()) {
        entries.set(Number(first) + at, createHash('sha256').update(entry).digest('hex'));
      }
    }
    return entries;
  }

  /** kill -9; for nodes in processes of their own. */
  async kill(): Promise<void> {
    this.#isRunning = false;
    await this.#running.kill();
  }

  /** For nodes in processes of their own. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running.signal(signal);
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await this.#launched?.stop();
  }

  get #running(): Launched {
    return present(this.#launched, 'the node was launched');
  }
}

function isMatch(
  logged: LoggedEvent,
  event: string,
  fields: Readonly<Record<string, unknown>>,
): boolean {
  return (
    logged.event === event &&
    Object.entries(fields).every(([name, value]) => logged.fields[name] === value)
  );
}

/** The entries of a chunk file (docs/formats/ledger.md), whole or still open. */
function cutEntries(file: Buffer): readonly Buffer[] {
  const end = Number(file.readBigUInt64LE(0)) || file.length;
  const entries: Buffer[] = [];
  for (let at = 8; at < end; ) {
    const next = at + 8 + file.readUIntLE(at + 2, 6);
    entries.push(file.subarray(at, next));
    at = next;
  }
  return entries;
}
