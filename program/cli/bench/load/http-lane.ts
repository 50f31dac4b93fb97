/**
 * One keep-alive connection that posts one body after another: the least that HTTP/1.1 needs, so
 * that the generator takes little of the processors it shares with what it measures. It reads
 * answers with a length and chunked ones, and takes nothing else. Source: RFC 9112.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { assert } from '@coco/base';

const headersEnd = Buffer.from('\r\n\r\n');

interface Waiting {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: Error) => void;
}

export class HttpLane {
  readonly #socket: Socket;
  readonly #head: string;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;

  private constructor(socket: Socket, url: URL) {
    this.#socket = socket;
    const lines = ['content-type: application/json', 'connection: keep-alive', 'content-length: '];
    this.#head = `POST ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\n${lines.join('\r\n')}`;
    socket.setNoDelay(true);
    socket.on('data', (part: Buffer) => this.#receive(part));
    socket.on('error', (error) => this.#waiting?.reject(error));
    socket.on('close', () => this.#waiting?.reject(closed()));
  }

  /** Connects. The server of a TLS address is not verified: both ends are this bench's. */
  static async open(address: string): Promise<HttpLane> {
    const url = new URL(address);
    const { hostname: host } = url;
    const isTls = url.protocol === 'https:';
    const port = Number(url.port || (isTls ? 443 : 80));
    const socket = isTls
      ? connectTls({ host, port, rejectUnauthorized: false })
      : connect({ host, port });
    await new Promise<void>((resolve, reject) => {
      socket.once(isTls ? 'secureConnect' : 'connect', () => resolve());
      socket.once('error', reject);
    });
    return new HttpLane(socket, url);
  }

  /** The bytes of a request: made before the clock runs. */
  prepare(body: string): Buffer {
    return Buffer.from(`${this.#head}${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  /** Sends a prepared request; resolves with the body of the answer. One at a time. */
  exchange(request: Buffer): Promise<Buffer> {
    assert(this.#waiting === undefined, 'a lane carries one request at a time');
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }

  #receive(part: Buffer): void {
    this.#received = this.#received.length === 0 ? part : Buffer.concat([this.#received, part]);
    const body = takeBody(this.#received);
    if (body === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#received = Buffer.alloc(0);
    if (body instanceof Error) waiting?.reject(body);
    else waiting?.resolve(body);
  }
}

/** The body once all of it is here. */
function takeBody(received: Buffer): Buffer | Error | undefined {
  const end = received.indexOf(headersEnd);
  if (end < 0) return undefined;
  const head = received.toString('latin1', 0, end).toLowerCase();
  const from = end + headersEnd.length;
  if (!head.startsWith('http/1.1 200')) return failure(`The server answers: ${head.slice(0, 100)}`);
  const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
  if (length === undefined) return takeChunks(received, from);
  const whole = from + Number(length);
  return received.length < whole ? undefined : received.subarray(from, whole);
}

function takeChunks(received: Buffer, from: number): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(received.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (received.length < next) return undefined;
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(received.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = next;
  }
}

const failure = (message: string): Error => new TypeError(message);
const closed = (): Error => failure('The server closed the connection.');
