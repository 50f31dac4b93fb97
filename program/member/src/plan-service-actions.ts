/** What the actions on the service, its nodes and its constitution change. */
import { isJsonObject, type JsonValue } from '@coco/base';
import { type JsonObject, objectOf } from './governance-service.ts';
import { type GovernanceState, onlyRow } from './governance-state.ts';
import type { Planner } from './planner.ts';

const newShares = 'New recovery shares are made for the members who hold one.';
const newSecret = 'The ledger is encrypted with a new secret from then on.';
export const dropsOthers =
  'Every other open proposal is dropped: nobody voted for it under what is in force then.';

function configure(state: GovernanceState, settings: JsonObject): readonly string[] {
  const row = objectOf(state.row('service'));
  const configuration = { ...objectOf(row.configuration), ...settings };
  state.put('service', onlyRow, { ...row, configuration });
  return settings.recoveryThreshold === undefined ? [] : [newShares];
}

function setServiceConfiguration(state: GovernanceState, args: JsonObject): readonly string[] {
  const { recovery_threshold: threshold, recent_cose_proposals_window_size: window } = args;
  const effects = configure(state, {
    ...(threshold !== undefined && { recoveryThreshold: threshold }),
    ...(window !== undefined && { recentCoseProposalsWindowSize: window }),
  });
  const { reconfiguration_type: type } = args;
  return type === undefined
    ? effects
    : [...effects, `The reconfiguration type is ${String(type)}.`];
}

function openService(state: GovernanceState): readonly string[] {
  const row = objectOf(state.row('service'));
  if (row.status === 'Opening') {
    state.put('service', onlyRow, { ...row, status: 'Open' });
    return ['Its applications answer from then on.', newShares];
  }
  if (row.status === 'Recovering') {
    state.put('service', onlyRow, { ...row, status: 'WaitingForRecoveryShares' });
    return ['Members then bring back the ledger’s secrets with their recovery shares.'];
  }
  return ['Nothing changes: the service is not in a state to be opened.'];
}

function validity(args: JsonObject): string {
  const days = args.validity_period_days;
  const length = days === undefined ? 'as long as the service allows' : `${String(days)} days`;
  return `valid from ${String(args.valid_from)}, ${length}`;
}

function onNode(
  change: (node: JsonObject, args: JsonObject) => JsonValue | undefined,
  effect: (node: JsonObject, args: JsonObject) => readonly string[] = () => [],
): Planner {
  return {
    tables: ['node'],
    plan: (state, args) => {
      const id = String(args.node_id);
      const row = state.row('node', id);
      if (!isJsonObject(row)) return [`There is no node with the id ${id}.`];
      state.put('node', id, change(row, args));
      return effect(row, args);
    },
  };
}

const trustNode = onNode(
  (node) => (node.status === 'Pending' ? { ...node, status: 'Trusted' } : node),
  (node, args) =>
    node.status === 'Pending'
      ? [`It joins the network and gets the ledger’s secrets and a certificate, ${validity(args)}.`]
      : [`Nothing changes: the node is ${String(node.status)}.`],
);

const removeNode = onNode((node) =>
  node.status === 'Pending' ? undefined : { ...node, status: 'Retired' },
);

function does(...effects: readonly string[]): Planner {
  return { tables: [], plan: () => effects };
}

function setConstitution(state: GovernanceState, args: JsonObject): readonly string[] {
  const { constitution } = args;
  if (typeof constitution !== 'string') {
    return ['The service will refuse it: the argument "constitution" is not a text.'];
  }
  state.put('constitution', onlyRow, constitution);
  state.put('rules', onlyRow, undefined);
  return [
    'From then on proposals are decided by this text alone, and by the rules that it begins with.',
    dropsOthers,
  ];
}

function setAdapterSettings(state: GovernanceState, args: JsonObject): readonly string[] {
  // What is not named stays as it is.
  const adapter = String(args.adapter);
  const before = objectOf(state.row('adapter', adapter));
  state.put('adapter', adapter, { ...before, ...objectOf(args.settings) });
  return state.isKnown('adapter') ? [] : ['The service does not tell the settings before.'];
}

export const servicePlanners: Readonly<Record<string, Planner>> = {
  set_recovery_threshold: {
    tables: ['service'],
    plan: (state, args) => configure(state, { recoveryThreshold: args.recovery_threshold ?? null }),
  },
  set_service_configuration: { tables: ['service'], plan: setServiceConfiguration },
  trigger_recovery_shares_refresh: does(newShares),
  trigger_ledger_rekey: does(newSecret, newShares),
  transition_service_to_open: { tables: ['service'], plan: openService },
  set_service_certificate_validity: {
    tables: [],
    plan: (_state, args) => [
      `The service gets a new certificate for the same key, ${validity(args)}.`,
    ],
  },
  trigger_ledger_chunk: does('The ledger begins a new file.'),
  trigger_snapshot: does('A snapshot of the state is made.'),
  assert_service_identity: does(
    'Nothing changes: the proposal is only valid on the service with this identity.',
  ),
  set_constitution: { tables: ['constitution', 'rules'], plan: setConstitution },
  set_adapter_settings: { tables: ['adapter'], plan: setAdapterSettings },
  set_node_data: onNode((node, args) => ({ ...node, nodeData: args.node_data ?? null })),
  transition_node_to_trusted: trustNode,
  remove_node: removeNode,
  set_node_certificate_validity: onNode(
    (node) => node,
    (_node, args) => [`It gets a new certificate, ${validity(args)}.`],
  ),
  set_all_nodes_certificate_validity: {
    tables: [],
    plan: (_state, args) => [`Every trusted node gets a new certificate, ${validity(args)}.`],
  },
};
