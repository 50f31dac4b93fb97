/** An issuer of tokens on this machine, over TLS, as honest or hostile as a test makes it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { JsonValue } from '@coco/base';
import { createCertificate, SigningKey } from '@coco/crypto';

const rootKey = SigningKey.generate('P-256');
const notBeforeMs = Date.now() - 1000;
const root = { subject: 'Issuer Root', key: rootKey };

export const metadataPath = '/.well-known/openid-configuration';
/** PEM of the root that the issuers' certificates are by. */
export const issuerRoot: string = await createCertificate({
  ...root,
  isAuthority: true,
  notBeforeMs,
  days: 2,
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export class IssuerServer {
  readonly #server: Server;
  readonly asked: string[] = [];
  readonly #answers = new Map<string, Answer>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => {
      const path = request.url ?? '';
      this.asked.push(path);
      const answer = this.#answers.get(path);
      if (answer) answer(request, response);
      else response.writeHead(404).end();
    });
  }

  static async start(hosts: readonly string[] = ['127.0.0.1']): Promise<IssuerServer> {
    const key = SigningKey.generate('P-256');
    const cert = await createCertificate({
      subject: 'Issuer',
      key,
      issuer: root,
      isAuthority: false,
      hosts,
      notBeforeMs,
      days: 1,
    });
    const issuer = new IssuerServer(createServer({ key: key.privatePem(), cert }));
    await new Promise<void>((done) => issuer.#server.listen(0, '127.0.0.1', done));
    return issuer;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  on(path: string, answer: Answer): void {
    this.#answers.set(path, answer);
  }

  sends(path: string, value: JsonValue): void {
    this.on(path, (_, response) => void response.end(JSON.stringify(value)));
  }

  /** Publishes keys as an honest issuer does. */
  publishes(keys: readonly JsonValue[], constraint: string = this.url): void {
    this.sends(metadataPath, { issuer: constraint, jwks_uri: `${this.url}/keys` });
    this.sends('/keys', { keys });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
