/**
 * The node's interfaces for clients: opened together, renewed together, stopped together. They
 * listen before the node is part of a service, because their real addresses stand in its row of the
 * ledger; until `serve` they say no more than how it stands.
 */

import type { Clock, LedgerError, Log } from '@coco/base';
import { type ClientSession, errorResponse, type Request, type Response } from '@coco/endpoint';
import { type ChannelOpening, type HttpListener, listen } from '@coco/http';
import { RequestCounts } from '@coco/monitor';
import type { TlsIdentity } from '@coco/peers';
import { replicationError } from '@coco/replication';
import type { InterfaceConfiguration } from './configuration-interfaces.ts';
import { openChannel } from './open-channel.ts';
import type { RequestContext } from './request-context.ts';
import { answerRequest } from './request-path.ts';

/** What a request's way needs beside its interface. */
export type ServedNode = Omit<RequestContext, 'interface' | 'answered' | 'failed'>;

export class NodeListeners {
  readonly #early: (request: Request) => Response | undefined;
  readonly #listeners = new Map<string, HttpListener>();
  readonly counts: RequestCounts;
  #served: ServedNode | undefined;
  #isWithdrawn = false;

  /** @param early Answers what can be answered before the node is part of a service. */
  constructor(
    { clock, log }: { readonly clock: Clock; readonly log: Log },
    early: (request: Request) => Response | undefined,
  ) {
    this.counts = new RequestCounts(clock, log);
    this.#early = early;
  }

  get all(): ReadonlyMap<string, HttpListener> {
    return this.#listeners;
  }

  /** Interface name to host:port, with real ports. */
  addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#listeners].map(([name, one]) => [name, one.address]));
  }

  /** @throws AddressInUse, InvalidConfiguration */
  async open(interfaces: readonly InterfaceConfiguration[], identity: TlsIdentity): Promise<void> {
    for (const configuration of interfaces) {
      const listener = await listen({
        configuration,
        identity: configuration.authority === 'Service' ? identity : undefined,
        answer: (request, session) => this.#answer(configuration, request, session),
        openChannel: (request) => this.#openChannel(configuration, request),
      });
      this.#listeners.set(configuration.name, listener);
    }
  }

  /** The node is part of a service from here on. */
  serve(served: ServedNode): void {
    this.#served = served;
  }

  /** The node is part of no service any more: nothing that it could say is current. */
  withdraw(): void {
    this.#served = undefined;
    this.#isWithdrawn = true;
    for (const listener of this.#listeners.values()) {
      listener.closeChannels('This node is not part of the network any more.');
    }
  }

  /** New handshakes use the new certificate. */
  renew(identity: TlsIdentity): void {
    for (const listener of this.#listeners.values()) listener.renew(identity);
  }

  /** Lets running requests end. */
  async stop(): Promise<void> {
    await Promise.all([...this.#listeners.values()].map((listener) => listener.stop()));
  }

  async #answer(
    configuration: InterfaceConfiguration,
    request: Request,
    session: ClientSession,
  ): Promise<Response> {
    if (this.#served) {
      return answerRequest(this.#context(configuration, this.#served), request, session);
    }
    this.counts.answered();
    return this.#early(request) ?? errorResponse(this.#notServed());
  }

  /** @throws NodeCannotHandleRequest and what `openChannel` throws */
  #openChannel(configuration: InterfaceConfiguration, request: Request): ChannelOpening {
    if (!this.#served) throw this.#notServed();
    const context = this.#context(configuration, this.#served);
    context.answered();
    try {
      return openChannel(context, request);
    } catch (error) {
      context.failed(error);
      throw error;
    }
  }

  #notServed(): LedgerError {
    const when = this.#isWithdrawn ? 'any more' : 'yet';
    const message = `This node is not part of the network ${when}.`;
    return replicationError('NodeCannotHandleRequest', message);
  }

  #context(configuration: InterfaceConfiguration, served: ServedNode): RequestContext {
    const { counts } = this;
    return {
      ...served,
      interface: configuration,
      answered: () => counts.answered(),
      failed: (error) => counts.failed(error),
    };
  }
}
