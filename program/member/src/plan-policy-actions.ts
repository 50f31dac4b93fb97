/** What the actions on the join policy and on issuers of tokens change. */
import { type JsonObject, objectOf } from './governance-service.ts';
import type { GovernanceState, TableName } from './governance-state.ts';
import { dropsOthers } from './plan-service-actions.ts';
import type { Planner } from './planner.ts';

function allow(
  table: TableName,
  keyField: string,
  value: (args: JsonObject) => JsonObject | string = () => 'AllowedToJoin',
): Planner {
  return {
    tables: [table],
    plan: (state, args) => {
      state.put(table, String(args[keyField]), value(args));
      return [dropsOthers];
    },
  };
}

function disallow(table: TableName, keyField: string): Planner {
  return {
    tables: [table],
    plan: (state, args) => {
      const key = String(args[keyField]);
      if (state.row(table, key) === undefined) return [`There is no ${table} ${key}.`];
      state.put(table, key, undefined);
      return [];
    },
  };
}

const uvm = 'SEV-SNP UVM endorsement';

function addUvmEndorsement(state: GovernanceState, args: JsonObject): readonly string[] {
  const did = String(args.did);
  const feeds = {
    ...objectOf(state.row(uvm, did)),
    [String(args.feed)]: { svn: args.svn ?? null },
  };
  state.put(uvm, did, feeds);
  return [dropsOthers];
}

function removeUvmEndorsement(state: GovernanceState, args: JsonObject): readonly string[] {
  const did = String(args.did);
  const feeds = Object.entries(objectOf(state.row(uvm, did)));
  const left = feeds.filter(([feed]) => feed !== args.feed);
  state.put(uvm, did, left.length === 0 ? undefined : Object.fromEntries(left));
  return left.length === feeds.length ? ['There is no such feed.'] : [];
}

/** The state has the issuer without its keys, which the service holds in tables of their own. */
function setJwtIssuer(state: GovernanceState, args: JsonObject): readonly string[] {
  const { jwks, ...metadata } = args;
  const issuer = String(args.issuer);
  const before = objectOf(state.row('JWT issuer', issuer));
  const { auto_refresh: isRefreshed, ca_cert_bundle_name: bundle } = metadata;
  state.put('JWT issuer', issuer, {
    ...before,
    autoRefresh: isRefreshed ?? false,
    ...(bundle !== undefined && { caCertBundleName: bundle }),
  });
  const effects = isRefreshed === true ? ['Its signing keys are fetched from the issuer.'] : [];
  return jwks === undefined || jwks === null ? effects : [...effects, signingKeys(args)];
}

function signingKeys(args: JsonObject): string {
  const { keys } = objectOf(args.jwks);
  const ids = Array.isArray(keys) ? keys.map((key) => String(objectOf(key).kid)) : [];
  return `Its signing keys are then exactly: ${ids.join(', ') || 'none'}.`;
}

function removeJwtIssuer(state: GovernanceState, args: JsonObject): readonly string[] {
  const issuer = String(args.issuer);
  if (state.row('JWT issuer', issuer) === undefined) return [`There is no JWT issuer ${issuer}.`];
  state.put('JWT issuer', issuer, undefined);
  return ['Tokens of this issuer are no longer accepted.'];
}

export const policyPlanners: Readonly<Record<string, Planner>> = {
  add_snp_measurement: allow('SEV-SNP measurement', 'measurement'),
  remove_snp_measurement: disallow('SEV-SNP measurement', 'measurement'),
  add_snp_host_data: allow('SEV-SNP host data', 'host_data', (args) =>
    String(args.security_policy ?? ''),
  ),
  remove_snp_host_data: disallow('SEV-SNP host data', 'host_data'),
  add_snp_uvm_endorsement: { tables: [uvm], plan: addUvmEndorsement },
  remove_snp_uvm_endorsement: { tables: [uvm], plan: removeUvmEndorsement },
  set_snp_minimum_tcb_version: allow('SEV-SNP minimum TCB version', 'cpuid', (args) =>
    objectOf(args.tcb_version),
  ),
  set_snp_minimum_tcb_version_hex: allow('SEV-SNP minimum TCB version', 'cpuid', (args) => ({
    hexstring: args.tcb_version ?? null,
  })),
  remove_snp_minimum_tcb_version: disallow('SEV-SNP minimum TCB version', 'cpuid'),
  add_virtual_measurement: allow('virtual measurement', 'measurement'),
  remove_virtual_measurement: disallow('virtual measurement', 'measurement'),
  add_virtual_host_data: allow('virtual host data', 'host_data'),
  remove_virtual_host_data: disallow('virtual host data', 'host_data'),
  set_jwt_issuer: { tables: ['JWT issuer'], plan: setJwtIssuer },
  set_jwt_public_signing_keys: {
    tables: ['JWT issuer'],
    plan: (state, args) => {
      const issuer = String(args.issuer);
      const isThere = state.row('JWT issuer', issuer) !== undefined;
      return isThere ? [signingKeys(args)] : [`There is no JWT issuer ${issuer}.`];
    },
  },
  remove_jwt_issuer: { tables: ['JWT issuer'], plan: removeJwtIssuer },
  set_ca_cert_bundle: {
    tables: ['CA certificate bundle'],
    plan: (state, args) => {
      state.put('CA certificate bundle', String(args.name), args.cert_bundle ?? null);
      return [];
    },
  },
  remove_ca_cert_bundle: disallow('CA certificate bundle', 'name'),
};
