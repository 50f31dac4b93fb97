/** A client's end of a channel, without a socket: what it asks and what it is told. */
import { present, utf8Encode } from '@coco/base';
import type { Caller, Channel, ChannelHandler } from '@coco/endpoint';
import { type Network, requestOf } from './network.ts';

export interface Notification {
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape.
  readonly params: { readonly subscription: string; readonly result: any };
}

export class TestChannel implements Channel {
  /** Who is at the other end; a test may change it. */
  current: Caller | undefined = { policy: 'no_auth' };
  readonly told: Notification[] = [];
  closedWith: number | undefined;
  /** Called at each notification. */
  whenTold: () => void = () => {};
  readonly #handler: ChannelHandler;

  constructor({ host }: Network, headers: Readonly<Record<string, string>> = {}) {
    const endpoint = present(
      host.adapter.channels?.find(({ path }) => path === '/'),
      'the adapter offers a channel',
    );
    const request = requestOf('GET', new Uint8Array(0), Object.entries(headers));
    const call = { request, caller: { policy: 'no_auth' as const }, parameters: new Map() };
    this.#handler = endpoint.accept(call)(this);
  }

  caller(): Caller | undefined {
    return this.current;
  }

  notify(text: string): void {
    this.told.push(JSON.parse(text) as Notification);
    this.whenTold();
  }

  close(code: number): void {
    this.closedWith = code;
  }

  /** What became of a message, as the client sees it. */
  async send(body: string): Promise<string | undefined> {
    const caller = present(this.current, 'the test sends while it is known');
    return this.#handler.onMessage(utf8Encode(body), caller);
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  async rpc(method: string, ...params: unknown[]): Promise<any> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return JSON.parse(present(await this.send(body), 'a call with an id is answered'));
  }

  end(): void {
    this.#handler.onClosed();
  }
}
