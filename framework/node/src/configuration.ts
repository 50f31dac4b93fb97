/**
 * The node's configuration: CCF's JSON (facts on CCF's program, sections 7) as far as one node
 * needs it, and Coco's own part under "coco". Paths in it are relative to the configuration file.
 */

import type { JsonValue } from '@coco/base';
import type { CurveName } from '@coco/crypto';
import {
  assertValidity,
  type CommandConfiguration,
  certificateDays,
  parseCommand,
} from './command-configuration.ts';
import {
  type InterfaceConfiguration,
  type NodeToNodeConfiguration,
  parseInterfaces,
  parseNodeToNode,
} from './configuration-interfaces.ts';
import { ConfigurationReader } from './configuration-reader.ts';
import { nodeError } from './errors.ts';
import { parseResourceLimits, type ResourceLimits } from './resource-limits.ts';
import { unusedKeys } from './unused-settings.ts';

const chunkBytesDefault = 5 * 1024 * 1024;
const uncommittedMaxDefault = 20_000;
/** CCF's: half an hour, and never more often than a second. */
const tokenKeysIntervalMsDefault = 1_800_000;
const tokenKeysIntervalMsMin = 1_000;

export interface NodeConfiguration {
  readonly interfaces: readonly InterfaceConfiguration[];
  /** Undefined: no other node reaches this one. */
  readonly nodeToNode: NodeToNodeConfiguration | undefined;
  readonly nodeSubject: string;
  readonly nodeHosts: readonly string[];
  readonly nodeCertificateDays: number;
  /** What the operator says of the node: JSON. */
  readonly nodeDataFile: string | undefined;
  readonly serviceCurve: CurveName;
  readonly command: CommandConfiguration;
  readonly serviceCertificateFile: string;
  readonly ledgerDirectory: string;
  /** Copies of the ledger: read where this node lacks files of it. */
  readonly readOnlyLedgerDirectories: readonly string[];
  readonly chunkBytes: number;
  readonly snapshots: {
    readonly directory: string;
    /** Entries between two snapshots. */
    readonly entriesBetween: number;
    /** Committed files that are kept, the newest; all of them without. */
    readonly filesMax: number | undefined;
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
  readonly limits: ResourceLimits;
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
  const parts = sectionsOf(reader);
  const { network, ledger, snapshots, cleanup, certificate, command, output, consensus, coco } =
    parts;
  const unused = [
    ...reader.unused(unusedKeys.root),
    ...snapshots.unused(unusedKeys.snapshots),
    ...cleanup.unused(unusedKeys.cleanup),
    ...consensus.unused(unusedKeys.consensus),
    ...output.unused(unusedKeys.output),
  ];
  const configuration: NodeConfiguration = {
    interfaces: parseInterfaces(network.object('rpc_interfaces')),
    nodeToNode: parseNodeToNode(network),
    nodeSubject: certificate.text('subject_name', 'CN=CCF Node').replace(/^CN=/, ''),
    nodeHosts: certificate.texts('subject_alt_names').map((name) => name.replace(/^\w+:/, '')),
    nodeCertificateDays: certificate.integer('initial_validity_days', certificateDays, 365),
    nodeDataFile: reader.optionalText('node_data_json_file'),
    serviceCurve: coco.choice('service_curve', ['P-256', 'P-384'], 'P-384'),
    command: parseCommand(command, coco.object('recovery')),
    serviceCertificateFile: command.text('service_certificate_file', 'service_cert.pem'),
    ledgerDirectory: ledger.text('directory', 'ledger'),
    readOnlyLedgerDirectories: ledger.texts('read_only_directories'),
    chunkBytes: ledger.sizeBytes('chunk_size', chunkBytesDefault),
    snapshots: parseSnapshots(snapshots, cleanup),
    uncommittedMax:
      consensus.integer('max_uncommitted_tx_count', { min: 0, max: 1_000_000 }, 0) ||
      uncommittedMaxDefault,
    tokenKeysIntervalMs: parseTokenKeysInterval(reader.object('jwt')),
    outputFiles: parseOutputFiles(output),
    logging: parseLogging(parts.logging),
    limits: parseResourceLimits(coco.object('limits')),
    virtualRootKeyFile: coco.text('virtual_root_key_file'),
    adapters: parseAdapters(coco.object('adapters')),
    unused,
  };
  assertValidity(configuration);
  assertReachable(configuration);
  for (const part of Object.values(parts)) part.finish();
  reader.finish();
  return configuration;
}

function sectionsOf(reader: ConfigurationReader) {
  return {
    network: reader.object('network'),
    ledger: reader.object('ledger'),
    snapshots: reader.object('snapshots'),
    cleanup: reader.object('files_cleanup'),
    certificate: reader.object('node_certificate'),
    command: reader.object('command'),
    output: reader.object('output_files'),
    logging: reader.object('logging'),
    consensus: reader.object('consensus'),
    coco: reader.object('coco'),
  };
}

function parseLogging(reader: ConfigurationReader): NodeConfiguration['logging'] {
  return {
    level: logLevels[reader.choice('host_level', ccfLevels, 'info')],
    format: reader.choice('format', ['Text', 'Json'], 'Text'),
  };
}

/** Other nodes must reach a node that joins. */
function assertReachable({ command, nodeToNode }: NodeConfiguration): void {
  if (command.type !== 'Join' || nodeToNode) return;
  throw nodeError(
    'InvalidConfiguration',
    'A node that joins needs "network.node_to_node_interface".',
  );
}

const snapshotCounts = { min: 1, max: 100_000 };
/** CCF's default of snapshots.tx_count is 10,000. */
const entryCounts = { min: 1, max: 1_000_000_000 };

function parseOutputFiles(reader: ConfigurationReader): NodeConfiguration['outputFiles'] {
  return {
    nodeCertificate: reader.text('node_certificate_file', 'node_cert.pem'),
    pid: reader.text('pid_file', 'node.pid'),
    rpcAddresses: reader.text('rpc_addresses_file', 'rpc_addresses.json'),
    nodeToNodeAddress: reader.optionalText('node_to_node_address_file'),
  };
}

function parseSnapshots(
  reader: ConfigurationReader,
  cleanup: ConfigurationReader,
): NodeConfiguration['snapshots'] {
  const key = 'max_snapshots';
  return {
    filesMax: cleanup.has(key) ? cleanup.integer(key, snapshotCounts, 1) : undefined,
    directory: reader.text('directory', 'snapshots'),
    entriesBetween: reader.integer('tx_count', entryCounts, 10_000),
  };
}

function parseTokenKeysInterval(reader: ConfigurationReader): number {
  const intervalMs = reader.timeMs('key_refresh_interval', tokenKeysIntervalMsDefault);
  reader.finish();
  return Math.max(intervalMs, tokenKeysIntervalMsMin);
}

/** CCF's names of log levels, and ours. */
const ccfLevels = ['trace', 'debug', 'info', 'fail', 'fatal'] as const;
const logLevels = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  fail: 'error',
  fatal: 'error',
} as const;

function parseAdapters(reader: ConfigurationReader): ReadonlyMap<string, JsonValue> {
  return new Map(reader.keys().map((name) => [name, reader.raw(name) ?? {}]));
}
