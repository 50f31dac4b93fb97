/**
 * A host's hand on the wire before a node's node-to-node interface: it passes bytes on, and flips,
 * repeats, swaps, holds back or cuts what it is told to. It knows no key.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export type Mischief = 'flip' | 'repeat' | 'swap' | 'drop' | 'cut' | 'garbage';

export class HostileLink {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: () => string;
  #mischief: Mischief | undefined;
  /** What was done to bytes so far, by kind. */
  readonly done: Map<Mischief, number> = new Map();

  private constructor(target: () => string) {
    this.#target = target;
    this.#server = createServer((socket) => this.#join(socket));
  }

  /** Passes on to the host:port that `target` names when somebody comes. */
  static async open(target: () => string): Promise<HostileLink> {
    const link = new HostileLink(target);
    await new Promise<void>((resolve) => link.#server.listen(0, '127.0.0.1', resolve));
    return link;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on, once in so many parts of a stream. */
  begin(mischief: Mischief): void {
    this.#mischief = mischief;
  }

  end(): void {
    this.#mischief = undefined;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(from: Socket): void {
    const [host = '', port = ''] = this.#target().split(':');
    const to = connect({ host, port: Number(port) });
    this.#pass(from, to);
    this.#pass(to, from);
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    let held: Uint8Array | undefined;
    let count = 0;
    from.on('data', (part: Uint8Array) => {
      // Handshakes pass, or there would be nothing to do mischief to.
      const mischief = ++count > 12 && count % 3 === 0 ? this.#mischief : undefined;
      if (mischief) this.done.set(mischief, (this.done.get(mischief) ?? 0) + 1);
      switch (mischief) {
        case undefined:
          to.write(part);
          break;
        case 'flip': {
          const flipped = Buffer.from(part);
          flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1;
          to.write(flipped);
          break;
        }
        case 'repeat':
          to.write(part);
          to.write(part);
          break;
        case 'swap':
          if (held) to.write(part);
          if (held) to.write(held);
          held = held ? undefined : part;
          break;
        case 'garbage':
          to.write(Buffer.alloc(part.length, 0x16));
          break;
        case 'drop':
          break;
        case 'cut':
          from.destroy();
      }
    });
    for (const event of ['error', 'close'] as const) {
      from.on(event, () => {
        to.destroy();
        this.#sockets.delete(from);
      });
    }
  }
}
