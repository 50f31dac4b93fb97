/** The node's interfaces for clients: opened together, renewed together, stopped together. */

import { LedgerError, type Log } from '@coco/base';
import type { TlsIdentity } from '@coco/peers';
import { bugReport } from './bug-report.ts';
import type { InterfaceConfiguration } from './configuration-interfaces.ts';
import { type HttpListener, listen } from './http-listener.ts';
import type { RequestCounts } from './metrics.ts';
import type { RequestContext } from './request-context.ts';
import { answerRequest } from './request-path.ts';

/** What a request's way needs beside its interface. */
export type ServedNode = Omit<RequestContext, 'interface' | 'answered' | 'failed'>;

export class NodeListeners {
  readonly #log: Log;
  readonly #listeners = new Map<string, HttpListener>();
  readonly counts: RequestCounts = { requests: 0, refusals: 0, faults: 0 };

  constructor(log: Log) {
    this.#log = log;
  }

  get all(): ReadonlyMap<string, HttpListener> {
    return this.#listeners;
  }

  /** Interface name to host:port, with real ports. */
  addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#listeners].map(([name, one]) => [name, one.address]));
  }

  /** @throws AddressInUse, InvalidConfiguration */
  async open(
    interfaces: readonly InterfaceConfiguration[],
    identity: TlsIdentity,
    served: ServedNode,
  ): Promise<void> {
    for (const configuration of interfaces) {
      const context = this.#context(configuration, served);
      const listener = await listen({
        configuration,
        identity: configuration.authority === 'Service' ? identity : undefined,
        answer: (request) => answerRequest(context, request),
      });
      this.#listeners.set(configuration.name, listener);
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

  #context(configuration: InterfaceConfiguration, served: ServedNode): RequestContext {
    const { counts } = this;
    const log = this.#log;
    return {
      ...served,
      interface: configuration,
      answered: () => {
        counts.requests++;
      },
      failed: (error) => {
        const isRefusal = error instanceof LedgerError && error.kind === 'refusal';
        if (isRefusal) counts.refusals++;
        else counts.faults++;
        if (!(error instanceof LedgerError)) log.write('error', 'request.bug', bugReport(error));
        else log.write(isRefusal ? 'debug' : 'warning', 'request.failed', { code: error.code });
      },
    };
  }
}
