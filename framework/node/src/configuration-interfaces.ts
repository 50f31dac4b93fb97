/** Where a node listens: the part "network" of its configuration. */

import type { OperatorFeature } from '@coco/endpoint';
import type { ChannelLimits, ListenerConfiguration } from '@coco/http';
import type { ConfigurationReader } from './configuration-reader.ts';
import { nodeError } from './errors.ts';
import { unusedKeys } from './unused-settings.ts';

const bodyBytesDefault = 1024 * 1024;
const headerBytesDefault = 16 * 1024;
/** Connections that are served, and those that are accepted to be told that they are too many. */
const sessionsSoftDefault = 3900;
const sessionsDefault = 4000;
/** CCF's other features. */
const unusedFeatures = ['SnapshotCreate', 'LedgerChunkRead'];
const sessions = { min: 1, max: 100_000 };
/** Channels that are open at a time; messages of one that are under way. */
const channelsDefault = 1000;
const messagesAtOnceDefault = 32;
const messagesAtOnce = { min: 1, max: 1000 };
/** Some thousand notifications of full blocks: a client that is so far behind is lost. */
const unreadBytesDefault = 8 * 1024 * 1024;
/** CCF's: how long a request waits for the primary and its answer. */
const forwardingMsDefault = 3_000;
const forwardingMs = { min: 1, max: 600_000 };

/** Where an interface sends the requests that another node answers; CCF's resolvers. */
export type RedirectionTarget =
  | {
      readonly kind: 'NodeByRole';
      readonly role: 'primary' | 'backup';
      /** The other node's interface; undefined: the one of the same name. */
      readonly interfaceName: string | undefined;
    }
  /** host:port, of a load balancer, say. */
  | { readonly kind: 'StaticAddress'; readonly address: string };

export interface RedirectionConfiguration {
  readonly toPrimary: RedirectionTarget | undefined;
  readonly toBackup: RedirectionTarget | undefined;
}

export interface InterfaceConfiguration extends ListenerConfiguration {
  readonly publishedAddress: string;
  /** Service: TLS with the service-endorsed certificate. Unsecured: plain HTTP on loopback. */
  readonly authority: 'Service' | 'Unsecured';
  /** Paths that the interface offers; all of them when there is none. */
  readonly acceptedEndpoints: readonly RegExp[];
  /** What the operator opens to everybody here. */
  readonly operatorFeatures: ReadonlySet<OperatorFeature>;
  /** How long a request waits for the primary and its answer. */
  readonly forwardingMsMax: number;
  /** Undefined: requests that the primary answers are forwarded. */
  readonly redirections: RedirectionConfiguration | undefined;
}

/** Where other nodes reach this one. */
export interface NodeToNodeConfiguration {
  readonly host: string;
  readonly port: number;
  /** host:port for others; undefined: the address that it listens on. */
  readonly publishedAddress: string | undefined;
}

export function parseInterfaces(reader: ConfigurationReader): readonly InterfaceConfiguration[] {
  const interfaces = reader.keys().map((name) => {
    const part = reader.object(name);
    const http = part.object('http_configuration');
    const address = parseAddress(part.text('bind_address'), name);
    const sessionsMax = part.integer('max_open_sessions_hard', sessions, sessionsDefault);
    const soft = Math.min(sessionsSoftDefault, sessionsMax);
    const bodyBytesMax = http.sizeBytes('max_body_size', bodyBytesDefault);
    const parsed: InterfaceConfiguration = {
      name,
      ...address,
      publishedAddress: part.text('published_address', part.text('bind_address')),
      authority: part
        .object('endorsement')
        .choice('authority', ['Service', 'Unsecured'], 'Service'),
      acceptedEndpoints: part.texts('accepted_endpoints').map((text) => pattern(text, name)),
      operatorFeatures: operatorFeatures(part.texts('enabled_operator_features'), name),
      sessionsSoftMax: part.integer('max_open_sessions_soft', { min: 1, max: sessionsMax }, soft),
      sessionsMax,
      bodyBytesMax,
      headerBytesMax: http.sizeBytes('max_header_size', headerBytesDefault),
      channels: parseChannels(part.object('channels'), { sessionsMax, bodyBytesMax }),
      forwardingMsMax: part.integer('forwarding_timeout_ms', forwardingMs, forwardingMsDefault),
      redirections: part.has('redirections')
        ? parseRedirections(part.object('redirections'), name)
        : undefined,
    };
    part.unused(unusedKeys.interface);
    http.unused(unusedKeys.http);
    part.finish();
    http.finish();
    assertLoopback(parsed);
    return parsed;
  });
  if (!interfaces.some((one) => one.authority === 'Service')) {
    throw nodeError(
      'InvalidConfiguration',
      '"network.rpc_interfaces" needs an interface with the authority Service.',
    );
  }
  return interfaces;
}

/** Channels are Coco's own; CCF has none. */
function parseChannels(
  reader: ConfigurationReader,
  of: Pick<ListenerConfiguration, 'sessionsMax' | 'bodyBytesMax'>,
): ChannelLimits {
  const most = Math.min(channelsDefault, of.sessionsMax);
  const limits = {
    channelsMax: reader.integer('max_open', { min: 0, max: of.sessionsMax }, most),
    messageBytesMax: reader.sizeBytes('max_message_size', of.bodyBytesMax),
    unreadBytesMax: reader.sizeBytes('max_unread_size', unreadBytesDefault),
    messagesAtOnceMax: reader.integer(
      'max_messages_at_once',
      messagesAtOnce,
      messagesAtOnceDefault,
    ),
  };
  reader.finish();
  return limits;
}

function parseRedirections(reader: ConfigurationReader, name: string): RedirectionConfiguration {
  const targetOf = (key: 'to_primary' | 'to_backup'): RedirectionTarget | undefined =>
    reader.has(key) ? parseRedirection(reader.object(key), name) : undefined;
  const redirections = { toPrimary: targetOf('to_primary'), toBackup: targetOf('to_backup') };
  reader.finish();
  return redirections;
}

function parseRedirection(reader: ConfigurationReader, name: string): RedirectionTarget {
  const kind = reader.choice('kind', ['NodeByRole', 'StaticAddress']);
  const target = reader.object('target');
  const parsed: RedirectionTarget =
    kind === 'NodeByRole'
      ? {
          kind,
          role: target.choice('role', ['primary', 'backup']),
          interfaceName: target.optionalText('interface'),
        }
      : { kind, address: target.text('address') };
  if (parsed.kind === 'StaticAddress') parseAddress(parsed.address, name);
  target.finish();
  reader.finish();
  return parsed;
}

export function parseNodeToNode(network: ConfigurationReader): NodeToNodeConfiguration | undefined {
  const name = 'node_to_node_interface';
  if (!network.has(name)) return undefined;
  const part = network.object(name);
  const address = parseAddress(part.text('bind_address'), name);
  const publishedAddress = part.optionalText('published_address');
  if (publishedAddress !== undefined) parseAddress(publishedAddress, name);
  part.unused(unusedKeys.nodeToNode);
  part.finish();
  return { ...address, publishedAddress };
}

function pattern(text: string, name: string): RegExp {
  try {
    return new RegExp(text);
  } catch (cause) {
    const message = `"network.rpc_interfaces.${name}.accepted_endpoints" holds "${text}", which is no regular expression.`;
    throw nodeError('InvalidConfiguration', message, {}, cause);
  }
}

/** Those that this version has no use for are accepted: their endpoints are not there. */
function operatorFeatures(texts: readonly string[], name: string): ReadonlySet<OperatorFeature> {
  const unknown = texts.find((text) => !['SnapshotRead', ...unusedFeatures].includes(text));
  if (unknown !== undefined) {
    const message = `"network.rpc_interfaces.${name}.enabled_operator_features" holds "${unknown}", which is none.`;
    throw nodeError('InvalidConfiguration', message);
  }
  return new Set(texts.includes('SnapshotRead') ? ['SnapshotRead'] : []);
}

/** Plain HTTP never leaves the machine (design, section 7). */
function assertLoopback(parsed: InterfaceConfiguration): void {
  if (parsed.authority !== 'Unsecured') return;
  if (parsed.host.startsWith('127.') || parsed.host === '::1' || parsed.host === 'localhost')
    return;
  throw nodeError(
    'InvalidConfiguration',
    `The interface "${parsed.name}" is unsecured: it may listen on loopback only.`,
  );
}

export function parseAddress(address: string, name: string): { host: string; port: number } {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) {
    throw nodeError('InvalidConfiguration', `The address of "${name}" must be host:port.`);
  }
  return { host, port };
}
