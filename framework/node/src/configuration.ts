/**
 * The node's configuration: CCF's JSON (facts on CCF's program, sections 7) as far as one node
 * needs it, and Coco's own part under "coco". Paths in it are relative to the configuration file.
 */

import type { JsonValue } from '@coco/base';
import type { CurveName } from '@coco/crypto';
import { ConfigurationReader } from './configuration-reader.ts';
import { nodeError } from './errors.ts';
import { unusedKeys } from './unused-settings.ts';

const bodyBytesDefault = 1024 * 1024;
const headerBytesDefault = 16 * 1024;
/** Connections that are served, and those that are accepted to be told that they are too many. */
const sessionsSoftDefault = 3900;
const sessionsDefault = 4000;
const chunkBytesDefault = 5 * 1024 * 1024;
const uncommittedMaxDefault = 20_000;
/** CCF's: half an hour, and never more often than a second. */
const tokenKeysIntervalMsDefault = 1_800_000;
const tokenKeysIntervalMsMin = 1_000;
const certificateDaysMax = 3650;
/** CCF's: what a certificate may hold at most where the configuration does not say. */
const validityDaysMaxDefault = 365;

export interface InterfaceConfiguration {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly publishedAddress: string;
  /** Service: TLS with the service-endorsed certificate. Unsecured: plain HTTP on loopback. */
  readonly authority: 'Service' | 'Unsecured';
  /** Paths that the interface offers; all of them when there is none. */
  readonly acceptedEndpoints: readonly RegExp[];
  /** Connections beyond it get 503 and end. Invariant: at most `sessionsMax`. */
  readonly sessionsSoftMax: number;
  /** Connections beyond it are dropped. */
  readonly sessionsMax: number;
  readonly bodyBytesMax: number;
  readonly headerBytesMax: number;
}

/** Where other nodes reach this one. */
export interface NodeToNodeConfiguration {
  readonly host: string;
  readonly port: number;
  /** host:port for others; undefined: the address that it listens on. */
  readonly publishedAddress: string | undefined;
}

export interface MemberConfiguration {
  readonly certificateFile: string;
  readonly encryptionPublicKeyFile: string | undefined;
  readonly dataJsonFile: string | undefined;
  readonly recoveryRole: 'NonParticipant' | 'Participant' | 'Owner' | undefined;
}

export interface StartConfiguration {
  readonly members: readonly MemberConfiguration[];
  readonly constitutionFiles: readonly string[];
  readonly recoveryThreshold: number;
  readonly certificateDays: number;
  /** How long renewed certificates may hold; CCF's 365 days without. */
  readonly nodeDaysMax: number | undefined;
  readonly serviceDaysMax: number | undefined;
  readonly serviceSubject: string;
  readonly signatureIssuer: string;
  readonly signatureSubject: string;
}

export interface RecoverConfiguration {
  readonly previousServiceIdentityFile: string;
  /**
   * An operator's decision after LedgerDamaged in the newest file (a power loss that kept later
   * pages and lost earlier ones): cut it from the first broken entry on, although transactions that
   * were acknowledged may be lost.
   */
  readonly isTailLossAccepted: boolean;
  readonly certificateDays: number;
}

type CommandConfiguration =
  | { readonly type: 'Start'; readonly start: StartConfiguration }
  | { readonly type: 'Recover'; readonly recover: RecoverConfiguration };

export interface NodeConfiguration {
  readonly interfaces: readonly InterfaceConfiguration[];
  /** Undefined: no other node reaches this one. */
  readonly nodeToNode: NodeToNodeConfiguration | undefined;
  readonly nodeSubject: string;
  readonly nodeHosts: readonly string[];
  readonly nodeCertificateDays: number;
  readonly serviceCurve: CurveName;
  readonly command: CommandConfiguration;
  readonly serviceCertificateFile: string;
  readonly ledgerDirectory: string;
  readonly chunkBytes: number;
  readonly snapshots: {
    readonly directory: string;
    /** Entries between two snapshots. */
    readonly entriesBetween: number;
  };
  readonly uncommittedMax: number;
  /** How often the keys of token issuers are asked for. */
  readonly tokenKeysIntervalMs: number;
  readonly outputFiles: {
    readonly nodeCertificate: string;
    readonly pid: string;
    readonly rpcAddresses: string;
    /** Undefined: not written. */
    readonly nodeToNodeAddress: string | undefined;
  };
  readonly logging: {
    readonly level: 'debug' | 'info' | 'warning' | 'error';
    readonly format: 'Text' | 'Json';
  };
  /** Key (PEM, PKCS#8) of the development root that signs the virtual platform's evidence. */
  readonly virtualRootKeyFile: string;
  /** Each adapter's own part, by the adapter's name; the adapter parses it. */
  readonly adapters: ReadonlyMap<string, JsonValue>;
  /** Paths of settings of CCF's that are there and that this version has no use for. */
  readonly unused: readonly string[];
}

/** @throws InvalidConfiguration naming the path of what is wrong. */
export function parseConfiguration(value: JsonValue): NodeConfiguration {
  const reader = new ConfigurationReader(value, '');
  const network = reader.object('network');
  const ledger = reader.object('ledger');
  const snapshots = reader.object('snapshots');
  const certificate = reader.object('node_certificate');
  const command = reader.object('command');
  const output = reader.object('output_files');
  const logging = reader.object('logging');
  const consensus = reader.object('consensus');
  const coco = reader.object('coco');
  const unused = [
    ...reader.unused(unusedKeys.root),
    ...ledger.unused(unusedKeys.ledger),
    ...snapshots.unused(unusedKeys.snapshots),
    ...consensus.unused(unusedKeys.consensus),
    ...output.unused(unusedKeys.output),
  ];
  const configuration: NodeConfiguration = {
    interfaces: parseInterfaces(network.object('rpc_interfaces')),
    nodeToNode: parseNodeToNode(network),
    nodeSubject: certificate.text('subject_name', 'CN=CCF Node').replace(/^CN=/, ''),
    nodeHosts: certificate.texts('subject_alt_names').map((name) => name.replace(/^\w+:/, '')),
    nodeCertificateDays: certificate.integer('initial_validity_days', days, 365),
    serviceCurve: coco.choice('service_curve', ['P-256', 'P-384'], 'P-384'),
    command: parseCommand(command),
    serviceCertificateFile: command.text('service_certificate_file', 'service_cert.pem'),
    ledgerDirectory: ledger.text('directory', 'ledger'),
    chunkBytes: ledger.sizeBytes('chunk_size', chunkBytesDefault),
    snapshots: parseSnapshots(snapshots),
    uncommittedMax:
      consensus.integer('max_uncommitted_tx_count', { min: 0, max: 1_000_000 }, 0) ||
      uncommittedMaxDefault,
    tokenKeysIntervalMs: parseTokenKeysInterval(reader.object('jwt')),
    outputFiles: parseOutputFiles(output),
    logging: {
      level: logLevels[logging.choice('host_level', ccfLevels, 'info')],
      format: logging.choice('format', ['Text', 'Json'], 'Text'),
    },
    virtualRootKeyFile: coco.text('virtual_root_key_file'),
    adapters: parseAdapters(coco.object('adapters')),
    unused,
  };
  assertValidity(configuration);
  for (const part of [
    network,
    ledger,
    snapshots,
    certificate,
    command,
    output,
    logging,
    consensus,
    coco,
  ]) {
    part.finish();
  }
  reader.finish();
  return configuration;
}

/** CCF's default of snapshots.tx_count is 10,000. */
const entryCounts = { min: 1, max: 1_000_000_000 };
function parseOutputFiles(reader: ConfigurationReader): NodeConfiguration['outputFiles'] {
  return {
    nodeCertificate: reader.text('node_certificate_file', 'node_cert.pem'),
    pid: reader.text('pid_file', 'node.pid'),
    rpcAddresses: reader.text('rpc_addresses_file', 'rpc_addresses.json'),
    nodeToNodeAddress: optional(reader, 'node_to_node_address_file'),
  };
}

function parseSnapshots(reader: ConfigurationReader): NodeConfiguration['snapshots'] {
  return {
    directory: reader.text('directory', 'snapshots'),
    entriesBetween: reader.integer('tx_count', entryCounts, 10_000),
  };
}

function parseTokenKeysInterval(reader: ConfigurationReader): number {
  const intervalMs = reader.timeMs('key_refresh_interval', tokenKeysIntervalMsDefault);
  reader.finish();
  return Math.max(intervalMs, tokenKeysIntervalMsMin);
}

const sessions = { min: 1, max: 100_000 };
/** CCF's names of log levels, and ours. */
const ccfLevels = ['trace', 'debug', 'info', 'fail', 'fatal'] as const;
const logLevels = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  fail: 'error',
  fatal: 'error',
} as const;

const days = { min: 1, max: certificateDaysMax };

function parseInterfaces(reader: ConfigurationReader): readonly InterfaceConfiguration[] {
  const interfaces = reader.keys().map((name) => {
    const part = reader.object(name);
    const http = part.object('http_configuration');
    const address = parseAddress(part.text('bind_address'), name);
    const sessionsMax = part.integer('max_open_sessions_hard', sessions, sessionsDefault);
    const soft = Math.min(sessionsSoftDefault, sessionsMax);
    const parsed: InterfaceConfiguration = {
      name,
      ...address,
      publishedAddress: part.text('published_address', part.text('bind_address')),
      authority: part
        .object('endorsement')
        .choice('authority', ['Service', 'Unsecured'], 'Service'),
      acceptedEndpoints: part.texts('accepted_endpoints').map((text) => pattern(text, name)),
      sessionsSoftMax: part.integer('max_open_sessions_soft', { min: 1, max: sessionsMax }, soft),
      sessionsMax,
      bodyBytesMax: http.sizeBytes('max_body_size', bodyBytesDefault),
      headerBytesMax: http.sizeBytes('max_header_size', headerBytesDefault),
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

function parseNodeToNode(network: ConfigurationReader): NodeToNodeConfiguration | undefined {
  const name = 'node_to_node_interface';
  if (!network.has(name)) return undefined;
  const part = network.object(name);
  const address = parseAddress(part.text('bind_address'), name);
  const publishedAddress = optional(part, 'published_address');
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

function parseAddress(address: string, name: string): { host: string; port: number } {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535) {
    throw nodeError('InvalidConfiguration', `The address of "${name}" must be host:port.`);
  }
  return { host, port };
}

function parseCommand(reader: ConfigurationReader): CommandConfiguration {
  const type = reader.choice('type', ['Start', 'Recover']);
  // The blocks may all be present; only the one that `type` names counts.
  const start = reader.object('start');
  const recover = reader.object('recover');
  reader.has('join');
  return type === 'Start'
    ? { type, start: parseStart(start) }
    : { type, recover: parseRecover(recover) };
}

function parseStart(reader: ConfigurationReader): StartConfiguration {
  const service = reader.object('service_configuration');
  const signatures = reader.object('cose_signatures');
  const start: StartConfiguration = {
    members: reader.objects('members').map(parseMember),
    constitutionFiles: reader.texts('constitution_files'),
    recoveryThreshold: service.integer('recovery_threshold', { min: 0, max: 255 }, 0),
    certificateDays: reader.integer('initial_service_certificate_validity_days', days, 365),
    nodeDaysMax: optionalDays(service, 'maximum_node_certificate_validity_days'),
    serviceDaysMax: optionalDays(service, 'maximum_service_certificate_validity_days'),
    serviceSubject: reader.text('service_subject_name', 'CN=CCF Service').replace(/^CN=/, ''),
    signatureIssuer: signatures.text('issuer', 'service.coco.example'),
    signatureSubject: signatures.text('subject', 'ledger.signature'),
  };
  reader.unused(unusedKeys.start);
  service.unused(unusedKeys.service);
  if (start.members.length === 0) {
    throw nodeError('InvalidConfiguration', '"command.start.members" needs at least one member.');
  }
  for (const part of [service, signatures, reader]) part.finish();
  return start;
}

/** The first certificates keep to what renewed ones have to. */
function assertValidity({ command, nodeCertificateDays }: NodeConfiguration): void {
  if (command.type !== 'Start') return;
  const { certificateDays, nodeDaysMax, serviceDaysMax } = command.start;
  for (const [owner, given, most] of [
    ['node', nodeCertificateDays, nodeDaysMax ?? validityDaysMaxDefault],
    ['service', certificateDays, serviceDaysMax ?? validityDaysMaxDefault],
  ] as const) {
    if (given <= most) continue;
    const message = `The ${owner}'s initial certificate is for ${given} days, but "maximum_${owner}_certificate_validity_days" is ${most}.`;
    throw nodeError('InvalidConfiguration', message);
  }
}

function optionalDays(reader: ConfigurationReader, key: string): number | undefined {
  return reader.has(key) ? reader.integer(key, days) : undefined;
}

function parseMember(reader: ConfigurationReader): MemberConfiguration {
  const roles = ['NonParticipant', 'Participant', 'Owner'] as const;
  const member: MemberConfiguration = {
    certificateFile: reader.text('certificate_file'),
    encryptionPublicKeyFile: optional(reader, 'encryption_public_key_file'),
    dataJsonFile: optional(reader, 'data_json_file'),
    recoveryRole: reader.has('recovery_role') ? reader.choice('recovery_role', roles) : undefined,
  };
  reader.finish();
  return member;
}

function optional(reader: ConfigurationReader, key: string): string | undefined {
  return reader.has(key) ? reader.text(key) : undefined;
}

function parseRecover(reader: ConfigurationReader): RecoverConfiguration {
  const recover: RecoverConfiguration = {
    previousServiceIdentityFile: reader.text('previous_service_identity_file'),
    isTailLossAccepted: reader.flag('accept_tail_loss', false),
    certificateDays: reader.integer('initial_service_certificate_validity_days', days, 365),
  };
  reader.finish();
  return recover;
}

function parseAdapters(reader: ConfigurationReader): ReadonlyMap<string, JsonValue> {
  return new Map(reader.keys().map((name) => [name, reader.raw(name) ?? {}]));
}
