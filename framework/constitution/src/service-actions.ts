/** Actions on the service: its opening, recovery, certificates, settings, ledger. */
import { type Action, defineAction } from './action.ts';
import type { serviceActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import {
  checkArguments,
  checkBounds,
  checkCertificates,
  checkInteger,
  checkNone,
  checkText,
  checkValidity,
  ignoreArguments,
  optional,
} from './check-arguments.ts';
import { daysWithin } from './node-certificate.ts';
import { refuse } from './refuse.ts';
import { writeJson } from './rows.ts';
import {
  activeRecoveryMemberCount,
  isRecovering,
  type ServiceConfig,
  serviceConfig,
  serviceInfo,
} from './service-state.ts';
import { serviceConfigTable, serviceInfoTable } from './tables.ts';

declare const ccf: CcfGlobal;

const recoveryThresholdBounds = { low: 1, high: 254 };
const windowSizeBounds = { low: 1, high: 10_000 };

type NewConfig = Pick<
  ServiceConfig,
  'recovery_threshold' | 'reconfiguration_type' | 'recent_cose_proposals_window_size'
>;

function checkSharesMayChange(): void {
  if (!isRecovering()) return;
  refuse(
    'Cannot change the recovery threshold, refresh recovery shares, or rekey the ledger during recovery',
  );
}

function checkThreshold(threshold: number): void {
  const { status } = serviceInfo();
  if (isRecovering()) refuse(`Cannot set recovery threshold if service is ${status}`);
  if (status !== 'Open') return;
  const count = activeRecoveryMemberCount();
  if (threshold <= count) return;
  refuse(
    `Cannot set recovery threshold to ${threshold}: recovery threshold would be greater than the number of recovery members ${count}`,
  );
}

function checkReconfigurationType(from: string | undefined, to: string | undefined): void {
  if (to === undefined || from === to) return;
  const isOneTransaction = from === undefined || from === 'OneTransaction';
  if (isOneTransaction && to === 'TwoTransaction') return;
  refuse(`Cannot change reconfiguration type from ${from} to ${to}.`);
}

function updateConfig(changes: NewConfig): void {
  const config = serviceConfig();
  checkReconfigurationType(config.reconfiguration_type, changes.reconfiguration_type);
  const threshold = changes.recovery_threshold ?? config.recovery_threshold;
  const isNewThreshold = threshold !== config.recovery_threshold;
  if (isNewThreshold && threshold !== undefined) checkThreshold(threshold);
  const given = Object.entries(changes).filter(([, value]) => value !== undefined);
  writeJson(serviceConfigTable, { ...config, ...Object.fromEntries(given) });
  if (isNewThreshold) ccf.node.triggerRecoverySharesRefresh();
}

const setRecoveryThreshold = defineAction(
  (args) => {
    const threshold = checkInteger(checkArguments(args).recovery_threshold, 'threshold');
    checkBounds(threshold, recoveryThresholdBounds, 'threshold');
    checkSharesMayChange();
    return threshold;
  },
  (threshold) => updateConfig({ recovery_threshold: threshold }),
);

const configurable = [
  'reconfiguration_type',
  'recovery_threshold',
  'recent_cose_proposals_window_size',
];

const setServiceConfiguration = defineAction((args): NewConfig => {
  const fields = checkArguments(args);
  for (const key of Object.keys(fields)) {
    if (!configurable.includes(key)) {
      refuse(`Cannot change ${key} via set_service_configuration.`);
    }
  }
  const bounded =
    (bounds: { readonly low: number; readonly high: number }) => (value: unknown, field: string) =>
      checkBounds(checkInteger(value, field), bounds, field);
  const type = optional(fields.reconfiguration_type, 'reconfiguration type', checkText);
  const threshold = optional(
    fields.recovery_threshold,
    'recovery threshold',
    bounded(recoveryThresholdBounds),
  );
  const windowSize = optional(
    fields.recent_cose_proposals_window_size,
    'recent cose proposals window size',
    bounded(windowSizeBounds),
  );
  return {
    ...(type === undefined ? {} : { reconfiguration_type: type }),
    ...(threshold === undefined ? {} : { recovery_threshold: threshold }),
    ...(windowSize === undefined ? {} : { recent_cose_proposals_window_size: windowSize }),
  };
}, updateConfig);

function parseNothingWhileSharesMayChange(args: unknown): undefined {
  checkSharesMayChange();
  return checkNone(args);
}

const transitionServiceToOpen = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const identity = (key: string, name: string) => (value: unknown) => {
      checkText(value, `${name} service identity (PEM certificate)`);
      return checkCertificates(value, key);
    };
    const nextKey = 'next_service_identity';
    const next = identity(nextKey, 'next')(fields[nextKey]);
    const previousKey = 'previous_service_identity';
    const parsePrevious = identity(previousKey, 'previous');
    const pointKey = 'recovered_to';
    return {
      next,
      previous: optional(fields[previousKey], previousKey, parsePrevious),
      recoveredTo: optional(fields[pointKey], pointKey, checkText),
    };
  },
  ({ next, previous, recoveredTo }) => {
    if (serviceInfo().status === 'Recovering' && previous === undefined) {
      refuse(
        'Opening a recovering network requires both, the previous and the next service identity',
      );
    }
    const previousBytes = previous === undefined ? undefined : ccf.strToBuf(previous);
    if (recoveredTo === undefined) {
      ccf.node.transitionServiceToOpen(previousBytes, ccf.strToBuf(next));
    } else {
      // Of Coco alone: refuses where the recovered ledger ends elsewhere than the members say.
      ccf.node.transitionServiceToOpen(previousBytes, ccf.strToBuf(next), recoveredTo);
    }
  },
);

const setServiceCertificateValidity = defineAction(
  (args) => checkValidity(checkArguments(args)),
  ({ validFrom, days }) => {
    const daysMax = serviceConfig().maximum_service_certificate_validity_days;
    const cert = ccf.network.generateNetworkCertificate(validFrom, daysWithin(days, daysMax));
    writeJson(serviceInfoTable, { ...serviceInfo(), cert });
  },
);

/** Guards the way in only: a certificate that is renewed while members vote fails no proposal. */
const assertServiceIdentity: Action = {
  validate: (args) => {
    const key = 'service_identity';
    const identity = checkCertificates(checkArguments(args)[key], key);
    if (serviceInfo().cert !== identity) refuse('Service identity certificate mismatch');
  },
  apply: () => {},
};

export const serviceActions: Readonly<Record<(typeof serviceActionNames)[number], Action>> = {
  set_recovery_threshold: setRecoveryThreshold,
  set_service_configuration: setServiceConfiguration,
  trigger_recovery_shares_refresh: defineAction(parseNothingWhileSharesMayChange, () =>
    ccf.node.triggerRecoverySharesRefresh(),
  ),
  trigger_ledger_rekey: defineAction(parseNothingWhileSharesMayChange, () => {
    ccf.node.triggerLedgerRekey();
  }),
  transition_service_to_open: transitionServiceToOpen,
  set_service_certificate_validity: setServiceCertificateValidity,
  trigger_ledger_chunk: defineAction(ignoreArguments, () => ccf.node.triggerLedgerChunk()),
  trigger_snapshot: defineAction(ignoreArguments, () => ccf.node.triggerSnapshot()),
  assert_service_identity: assertServiceIdentity,
};
