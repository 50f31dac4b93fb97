/**
 * Actions on the join policy: which code may run as a node. What is newly allowed changes what the
 * open proposals mean, so they are dropped.
 */
import { type Action, defineAction } from './action.ts';
import type { joinPolicyActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import {
  checkArguments,
  checkHex,
  checkNumber,
  checkObject,
  checkText,
  parseHex,
} from './check-arguments.ts';
import { refuse } from './refuse.ts';
import { hasRow, readJson, removeRow, writeJson } from './rows.ts';
import { dropOtherOpenProposals } from './service-state.ts';
import {
  nodeCodeTable,
  snpHostDataTable,
  snpMeasurementTable,
  snpTcbVersionTable,
  snpUvmEndorsementTable,
  virtualHostDataTable,
  virtualMeasurementTable,
} from './tables.ts';

declare const ccf: CcfGlobal;

function parseText(field: string): (args: unknown) => string {
  return (args) => checkText(checkArguments(args)[field], field);
}

/** Measurements of one platform: allowed by name. */
function allow(table: string, field: string): Action {
  return defineAction(parseText(field), (measurement, proposalId) => {
    writeJson(table, 'AllowedToJoin', measurement);
    dropOtherOpenProposals(proposalId);
  });
}

function disallow(table: string, field: string): Action {
  return defineAction(parseText(field), (key) => removeRow(table, key));
}

interface HostData {
  readonly hostData: string;
  readonly description: string;
}

function allowHostData(table: string, parse: (args: unknown) => HostData): Action {
  return defineAction(parse, ({ hostData, description }, proposalId) => {
    writeJson(table, description, hostData);
    dropOtherOpenProposals(proposalId);
  });
}

function parseSnpHostData(args: unknown): HostData {
  const fields = checkArguments(args);
  const policy = checkText(fields.security_policy, 'security_policy');
  const hostData = checkText(fields.host_data, 'host_data');
  if (policy !== '') {
    const digest = hex(ccf.crypto.digest('SHA-256', ccf.strToBuf(policy)));
    if (digest !== hex(parseHex(hostData))) {
      refuse(`The hash of raw policy ${digest} does not match digest ${hostData}`);
    }
  }
  return { hostData, description: policy };
}

function hex(bytes: ArrayBuffer): string {
  return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function parseVirtualHostData(args: unknown): HostData {
  const fields = checkArguments(args);
  const hostData = checkText(fields.host_data, 'host_data');
  return { hostData, description: checkText(fields.metadata, 'metadata') };
}

type Feeds = Readonly<Record<string, { readonly svn: string }>>;

function feedsOf(did: string): Feeds {
  return (readJson(snpUvmEndorsementTable, did) ?? {}) as Feeds;
}

const addSnpUvmEndorsement = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const text = (field: string): string => checkText(fields[field], field);
    return { did: text('did'), feed: text('feed'), svn: text('svn') };
  },
  ({ did, feed, svn }, proposalId) => {
    writeJson(snpUvmEndorsementTable, { ...feedsOf(did), [feed]: { svn } }, did);
    dropOtherOpenProposals(proposalId);
  },
);

const removeSnpUvmEndorsement = defineAction(
  (args) => {
    const fields = checkArguments(args);
    return { did: checkText(fields.did, 'did'), feed: checkText(fields.feed, 'feed') };
  },
  ({ did, feed }) => {
    const left = Object.entries(feedsOf(did)).filter(([name]) => name !== feed);
    if (left.length === 0) removeRow(snpUvmEndorsementTable, did);
    else writeJson(snpUvmEndorsementTable, Object.fromEntries(left), did);
  },
);

const cpuidBytes = 4;
const tcbVersionBytes = 8;

function checkCpuid(args: unknown): string {
  return checkHex(checkArguments(args).cpuid, cpuidBytes, 'cpuid');
}

interface TcbVersion {
  readonly cpuid: string;
  /** What stands in the table. */
  policy(): unknown;
}

function setTcbVersion(parse: (args: unknown) => TcbVersion): Action {
  return defineAction(parse, ({ cpuid, policy }, proposalId) => {
    writeJson(snpTcbVersionTable, policy(), cpuid);
    dropOtherOpenProposals(proposalId);
  });
}

function parseTcbVersion(args: unknown): TcbVersion {
  const cpuid = checkCpuid(args);
  const field = 'tcb_version';
  const version = checkObject(checkArguments(args)[field], field);
  for (const part of ['boot_loader', 'tee', 'snp', 'microcode']) {
    checkNumber(version[part], `${field}.${part}`);
  }
  return { cpuid, policy: () => version };
}

function parseTcbVersionHex(args: unknown): TcbVersion {
  const cpuid = checkCpuid(args);
  const field = 'tcb_version';
  const version = checkHex(checkArguments(args)[field], tcbVersionBytes, field);
  return { cpuid, policy: () => ccf.tcbHexToPolicy(cpuid, version) };
}

const removeSnpMinimumTcbVersion = defineAction(checkCpuid, (cpuid) => {
  if (!hasRow(snpTcbVersionTable, cpuid)) refuse(`CPUID ${cpuid} not found`);
  removeRow(snpTcbVersionTable, cpuid);
});

export const joinPolicyActions: Readonly<Record<(typeof joinPolicyActionNames)[number], Action>> = {
  add_node_code: allow(nodeCodeTable, 'code_id'),
  remove_node_code: disallow(nodeCodeTable, 'code_id'),
  add_snp_measurement: allow(snpMeasurementTable, 'measurement'),
  remove_snp_measurement: disallow(snpMeasurementTable, 'measurement'),
  add_snp_uvm_endorsement: addSnpUvmEndorsement,
  remove_snp_uvm_endorsement: removeSnpUvmEndorsement,
  add_snp_host_data: allowHostData(snpHostDataTable, parseSnpHostData),
  remove_snp_host_data: disallow(snpHostDataTable, 'host_data'),
  set_snp_minimum_tcb_version: setTcbVersion(parseTcbVersion),
  set_snp_minimum_tcb_version_hex: setTcbVersion(parseTcbVersionHex),
  remove_snp_minimum_tcb_version: removeSnpMinimumTcbVersion,
  add_virtual_measurement: allow(virtualMeasurementTable, 'measurement'),
  remove_virtual_measurement: disallow(virtualMeasurementTable, 'measurement'),
  add_virtual_host_data: allowHostData(virtualHostDataTable, parseVirtualHostData),
  remove_virtual_host_data: disallow(virtualHostDataTable, 'host_data'),
};
