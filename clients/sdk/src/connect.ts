/**
 * connect(): three judgements, then a client. The order matters: nothing of the caller's is sent
 * before the service is verified (verify-service.ts), its identity accepted (accept-identity.ts)
 * and its history found to continue the remembered one (verify-continuity.ts).
 */
import { type Clock, refuse } from '@coco/base';
import { type AcceptIdentity, acceptServiceIdentity } from './accept-identity.ts';
import type { Channel, Transport } from './channel.ts';
import { Client, type ClientLimits, clientLimitsDefault } from './client.ts';
import { systemClock, withDeadline } from './deadline.ts';
import { type Memory, type MemoryStore, parseMemory } from './memory.ts';
import { type Pin, pinnedIds, policyOf } from './pin.ts';
import { ServiceApi } from './service-api.ts';
import { fetchClaims, type VerifiedService, verifyService } from './verify-service.ts';

export interface ConnectOptions {
  /** Scheme, host and port of any node, or of what balances the load before them. */
  readonly url: string;
  readonly pin: Pin;
  /** Where the memory of this network is kept. */
  readonly memory: MemoryStore;
  /** Asked when the service has a new identity that endorses the remembered one. */
  readonly acceptIdentity?: AcceptIdentity;
  /** For members, who reach the service to open it: accepts one that is not open. */
  readonly isUnopenedAccepted?: boolean;
  readonly limits?: Partial<ClientLimits>;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

interface Judged {
  readonly service: VerifiedService;
  readonly memory: Memory;
  readonly channel: Channel;
}

/** Connects by the given transport; index.ts and browser.ts bind it to their platform's. */
export async function connectBy(transport: Transport, options: ConnectOptions): Promise<Client> {
  const { clock = systemClock, memory: store, signal } = options;
  const limits = { ...clientLimitsDefault, ...options.limits };
  const time = { clock, limitMs: limits.timeoutMs, ...(signal && { signal }) };
  const { channel, service, memory } = await withDeadline(time, (deadline) =>
    judge({ transport, options, clock, signal: deadline }),
  );
  const client = new Client({ channel, service, memory, store, clock, limits });
  try {
    await client.verifyContinuity(signal && { signal });
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}

async function judge(parts: {
  readonly transport: Transport;
  readonly options: ConnectOptions;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<Judged> {
  const { transport, options, clock, signal } = parts;
  const origin = originOf(options.url);
  const remembered = parseMemory(await options.memory.load());
  const pinned = await pinnedIds(options.pin);
  const stranger = await transport.openUnverified({ origin, signal });
  let service: VerifiedService;
  try {
    const claims = await fetchClaims(stranger, signal);
    service = await verifyService({
      claims,
      policy: policyOf(options.pin),
      atMs: clock.nowMs(),
      isUnopenedAccepted: options.isUnopenedAccepted ?? false,
    });
  } finally {
    stranger.close();
  }
  const { serviceCertificate } = service;
  const channel = await transport.openVerified({ origin, signal, serviceCertificate });
  try {
    const memory = await acceptServiceIdentity({
      service,
      memory: remembered,
      pinned,
      acceptedAtMs: clock.nowMs(),
      fetchEndorsements: () => new ServiceApi(channel, signal).endorsements(),
      acceptIdentity: options.acceptIdentity,
    });
    return { service, memory, channel };
  } catch (error) {
    channel.close();
    throw error;
  }
}

function originOf(url: string): string {
  if (URL.canParse(url)) return new URL(url).origin;
  throw refuse('InvalidInput', 'The address of the service is not a URL.', { length: url.length });
}
