/** One hostile client of a node's HTTPS port: raw bytes after TLS, and whole answers back. */

import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { NodeHarness } from './node-harness.ts';

export interface RawAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

export class FuzzClient {
  readonly #host: string;
  readonly #port: number;
  readonly #ca: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  private constructor(address: string, ca: string) {
    const at = address.lastIndexOf(':');
    this.#host = address.slice(0, at);
    this.#port = Number(address.slice(at + 1));
    this.#ca = ca;
  }

  static async create(harness: NodeHarness): Promise<FuzzClient> {
    const ca = await readFile(join(harness.folder, 'node', 'service_cert.pem'), 'utf8');
    return new FuzzClient(String(harness.node?.addresses.main), ca);
  }

  /** A well-formed request with whatever path, headers and body. */
  ask(asked: RawRequest): Promise<RawAnswer> {
    const { method = 'GET', path, headers = {}, body } = asked;
    const place = { host: this.#host, port: this.#port, ca: this.#ca, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const outgoing = request({ ...place, method, path, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => {
          const type = answer.headers['content-type'] ?? '';
          resolve({ status: answer.statusCode ?? 0, type, body: text });
        });
        answer.on('error', reject);
      });
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** Sends bytes and the end; everything that comes until the node ends the connection. */
  send(bytes: Uint8Array): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const socket = connect({ host: this.#host, port: this.#port, ca: this.#ca }, () => {
      socket.end(bytes);
    });
    let text = '';
    socket.on('data', (part) => {
      text += part.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}
