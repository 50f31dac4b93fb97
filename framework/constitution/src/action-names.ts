/**
 * The names of all actions: CCF's 41 default ones, those of its virtual platform, and Coco's own.
 * Rules documents name actions, so a name is never given another meaning.
 */

export const memberActionNames = [
  'set_member',
  'remove_member',
  'set_member_data',
  'set_user',
  'remove_user',
  'set_user_data',
] as const;

export const serviceActionNames = [
  'set_recovery_threshold',
  'set_service_configuration',
  'trigger_recovery_shares_refresh',
  'trigger_ledger_rekey',
  'transition_service_to_open',
  'set_service_certificate_validity',
  'trigger_ledger_chunk',
  'trigger_snapshot',
  'assert_service_identity',
] as const;

export const nodeActionNames = [
  'set_node_data',
  'transition_node_to_trusted',
  'remove_node',
  'set_node_certificate_validity',
  'set_all_nodes_certificate_validity',
] as const;

export const joinPolicyActionNames = [
  'add_node_code',
  'remove_node_code',
  'add_snp_measurement',
  'remove_snp_measurement',
  'add_snp_uvm_endorsement',
  'remove_snp_uvm_endorsement',
  'add_snp_host_data',
  'remove_snp_host_data',
  'set_snp_minimum_tcb_version',
  'set_snp_minimum_tcb_version_hex',
  'remove_snp_minimum_tcb_version',
  'add_virtual_measurement',
  'remove_virtual_measurement',
  'add_virtual_host_data',
  'remove_virtual_host_data',
] as const;

export const appActionNames = [
  'set_js_app',
  'remove_js_app',
  'set_js_runtime_options',
  'refresh_js_app_bytecode_cache',
] as const;

export const jwtActionNames = [
  'set_ca_cert_bundle',
  'remove_ca_cert_bundle',
  'set_jwt_issuer',
  'set_jwt_public_signing_keys',
  'remove_jwt_issuer',
] as const;

export const ruleActionNames = ['set_constitution', 'set_rules'] as const;

export const adapterActionNames = ['set_adapter_settings'] as const;

export type ActionName =
  | (typeof memberActionNames)[number]
  | (typeof serviceActionNames)[number]
  | (typeof nodeActionNames)[number]
  | (typeof joinPolicyActionNames)[number]
  | (typeof appActionNames)[number]
  | (typeof jwtActionNames)[number]
  | (typeof ruleActionNames)[number]
  | (typeof adapterActionNames)[number];

export const actionNames: readonly ActionName[] = [
  ...memberActionNames,
  ...serviceActionNames,
  ...nodeActionNames,
  ...joinPolicyActionNames,
  ...appActionNames,
  ...jwtActionNames,
  ...ruleActionNames,
  ...adapterActionNames,
];
