/**
 * connect(): three judgements, then a client. The order matters: nothing of the caller's is sent
 * before the service is verified (verify-service.ts), its identity accepted (accept-identity.ts)
 * and its history found to continue the remembered one (verify-continuity.ts).
 */
import { type Clock, LedgerError, refuse } from '@coco/base';
import { type AcceptIdentity, acceptServiceIdentity } from './accept-identity.ts';
import type { Channel, Transport } from './channel.ts';
import { Client, type ClientLimits, clientLimitsDefault } from './client.ts';
import { systemClock, withDeadline } from './deadline.ts';
import { failoverChannel } from './failover-channel.ts';
import { type Memory, type MemoryStore, parseMemory } from './memory.ts';
import { type Pin, pinnedIds, policyOf } from './pin.ts';
import { ServiceApi } from './service-api.ts';
import {
  fetchClaims,
  type ServiceClaims,
  type VerifiedService,
  verifyService,
} from './verify-service.ts';

export interface ConnectOptions {
  /**
   * Scheme, host and port of any node, or of what balances the load before them. Or a list of
   * nodes of one service: they are asked one after another, where that is safe.
   */
  readonly url: string | readonly string[];
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

/** A node that does not answer by then is passed over; the last one has the caller's time. */
const connectMsMax = 5_000;
const lastConnectMsMax = 2 ** 31 - 1;

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
  const origins = originsOf(options.url);
  const remembered = parseMemory(await options.memory.load());
  const pinned = await pinnedIds(options.pin);
  const { claims, first } = await firstClaims({ transport, origins, clock, signal });
  const service = await verifyService({
    claims,
    policy: policyOf(options.pin),
    atMs: clock.nowMs(),
    isUnopenedAccepted: options.isUnopenedAccepted ?? false,
  });
  const { serviceCertificate } = service;
  const channels = await Promise.all(
    origins.map((origin) => transport.openVerified({ origin, signal, serviceCertificate })),
  );
  const channel = failoverChannel({ channels, first, clock });
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

/**
 * What the first node says that can be reached. One that is reached and does not verify ends the
 * connecting: to pass over it would hide an attack.
 */
async function firstClaims(parts: {
  readonly transport: Transport;
  readonly origins: readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<{ readonly claims: ServiceClaims; readonly first: number }> {
  const { transport, origins, clock, signal } = parts;
  for (const [first, origin] of origins.entries()) {
    const isLast = first === origins.length - 1;
    const limitMs = isLast ? lastConnectMsMax : connectMsMax;
    try {
      const claims = await withDeadline({ clock, limitMs, signal }, (limited) =>
        claimsAt(transport, origin, limited),
      );
      return { claims, first };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (isLast || !(error instanceof LedgerError) || !isAbsent(error)) throw error;
    }
  }
  throw refuse('InvalidInput', 'No address of the service is given.');
}

async function claimsAt(
  transport: Transport,
  origin: string,
  signal: AbortSignal,
): Promise<ServiceClaims> {
  const stranger = await transport.openUnverified({ origin, signal });
  try {
    return await fetchClaims(stranger, signal);
  } finally {
    stranger.close();
  }
}

/** Nobody is there, or a node that is not part of the service yet. */
function isAbsent({ code, metadata }: LedgerError): boolean {
  const isEarly = code === 'AnswerMalformed' && metadata.status === 503;
  return code === 'ServiceUnreachable' || code === 'ServiceTimeout' || isEarly;
}

function originsOf(urls: string | readonly string[]): readonly string[] {
  return [urls].flat().map((url) => {
    if (URL.canParse(url)) return new URL(url).origin;
    const length = url.length;
    throw refuse('InvalidInput', 'The address of the service is not a URL.', { length });
  });
}
