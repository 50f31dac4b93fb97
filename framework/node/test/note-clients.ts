/**
 * Clients that write notes without a pause and remember what they were told: each write goes to any
 * node that takes it, and counts when a node says that it is committed.
 */
import { Agent, request } from 'node:https';

/** A client gives a silent node up after this time and turns to another. */
const patienceMs = 300;
const pollMs = 5;

export interface Written {
  readonly key: string;
  readonly value: string;
  readonly id: string;
  /** When the client began, and when it knew that the write is committed. */
  readonly begunMs: number;
  readonly committedMs: number;
}

export interface Reply {
  readonly status: number;
  /** The transaction that was written or read. */
  readonly id: string;
  readonly text: string;
}

/** Requests to nodes of one network, over connections that stay open. */
export class Asker {
  readonly #agent: Agent;
  readonly #ca: string;

  /** Without `keepAlive` each request is a session of its own, which no change of view ends. */
  constructor(ca: string, { keepAlive = true }: { readonly keepAlive?: boolean } = {}) {
    this.#ca = ca;
    this.#agent = new Agent({ keepAlive, maxSockets: 64 });
  }

  /** Rejects when the node does not answer in time. */
  ask(
    address: string,
    path: string,
    options: {
      readonly method?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly waitMs?: number;
    } = {},
  ): Promise<Reply> {
    const { method = 'GET', headers = {}, body, waitMs = patienceMs } = options;
    const url = new URL(path, `https://${address}`);
    return new Promise((resolve, reject) => {
      const trust = { ca: this.#ca, checkServerIdentity: () => undefined };
      const outgoing = request(url, { method, headers, agent: this.#agent, ...trust }, (answer) => {
        const parts: Uint8Array[] = [];
        answer.on('data', (part: Uint8Array) => parts.push(part));
        answer.on('end', () => {
          clearTimeout(timer);
          const id = String(answer.headers['x-ms-ccf-transaction-id'] ?? '');
          const text = Buffer.concat(parts).toString();
          resolve({ status: answer.statusCode ?? 0, id, text });
        });
        answer.on('error', reject);
      });
      const timer = setTimeout(() => outgoing.destroy(new TypeError('No answer in time.')), waitMs);
      outgoing.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

export class NoteClients {
  readonly written: Written[] = [];
  /** Every id that a node ever answered with. */
  readonly answered: string[] = [];
  readonly #asker: Asker;
  readonly #addresses: () => readonly string[];
  readonly #running: Promise<void>[];
  #isStopping = false;
  #heard: () => void = () => {};

  constructor(options: {
    readonly asker: Asker;
    readonly count: number;
    /** Where the network is now. */
    readonly addresses: () => readonly string[];
  }) {
    this.#asker = options.asker;
    this.#addresses = options.addresses;
    this.#running = Array.from({ length: options.count }, (_, client) => this.#run(client));
  }

  /** The first write that was begun at `fromMs` or later and is committed. */
  async firstSince(fromMs: number): Promise<Written> {
    for (;;) {
      const found = this.written.findLast(({ begunMs }) => begunMs >= fromMs);
      if (found) return this.written.find(({ begunMs }) => begunMs >= fromMs) ?? found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#heard = resolve;
      await promise;
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
  }

  async #run(client: number): Promise<void> {
    for (let count = 0; !this.#isStopping; count++) {
      await this.#write(client, count).catch(() => this.#pause());
    }
  }

  /** A write that no node answered, or that was lost, is written anew under another name. */
  async #write(client: number, count: number): Promise<void> {
    const addresses = this.#addresses();
    const first = (client + count) % addresses.length;
    for (let at = 0; at < addresses.length; at++) {
      const address = addresses[(first + at) % addresses.length];
      if (address === undefined) return;
      const begunMs = performance.now();
      const key = `${client}-${count}-${at}`;
      const value = `${key} at ${begunMs}`;
      const id = await this.#post(address, key, value);
      if (id === undefined) continue;
      this.answered.push(id);
      if ((await this.#decision(address, id)) !== 'Committed') return;
      this.written.push({ key, value, id, begunMs, committedMs: performance.now() });
      this.#heard();
      return;
    }
    await this.#pause();
  }

  async #post(address: string, key: string, value: string): Promise<string | undefined> {
    try {
      const path = `/app/notes/${key}`;
      const { status, text } = await this.#asker.ask(address, path, {
        method: 'POST',
        body: value,
      });
      return status === 200
        ? (JSON.parse(text) as { transactionId: string }).transactionId
        : undefined;
    } catch {
      return undefined;
    }
  }

  async #decision(address: string, id: string): Promise<string> {
    for (;;) {
      const { text } = await this.#asker.ask(address, `/node/tx?transaction_id=${id}`);
      const { status } = JSON.parse(text) as { status?: string };
      if (status !== 'Pending' && status !== 'Unknown') return status ?? '';
      await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
