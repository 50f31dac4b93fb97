/** What a node is to do, start, join or recover a service: the part "command" of its configuration. */

import { parseAddress } from './configuration-interfaces.ts';
import type { ConfigurationReader } from './configuration-reader.ts';
import { nodeError } from './errors.ts';
import { unusedKeys } from './unused-settings.ts';

const certificateDaysMax = 3650;
/** CCF's: what a certificate may hold at most where the configuration does not say. */
const validityDaysMaxDefault = 365;
/** CCF's default between two requests to join, and what a target is spared. */
const retryMsDefault = 1_000;
const retryMsMin = 50;

/** For how many days a certificate may be valid. */
export const certificateDays: { readonly min: number; readonly max: number } = {
  min: 1,
  max: certificateDaysMax,
};

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
  /** Ledgers of other nodes, as copies: they show whether this one is the one to recover from. */
  readonly otherLedgerDirectories: readonly string[];
  /** More folders with snapshots, for ledgers whose older files are missing. */
  readonly snapshotDirectories: readonly string[];
  /** Whether to recover although nodes that are not looked at may have committed more. */
  readonly isLossAccepted: boolean;
  readonly certificateDays: number;
}

export interface JoinConfiguration {
  /** host:port of an interface of any node of the service. */
  readonly targetAddress: string;
  /** Between two requests. */
  readonly retryMs: number;
  /** Whether the node goes on to the primary where another node answers. */
  readonly followsRedirect: boolean;
}

export type CommandConfiguration =
  | { readonly type: 'Start'; readonly start: StartConfiguration }
  | { readonly type: 'Join'; readonly join: JoinConfiguration }
  | { readonly type: 'Recover'; readonly recover: RecoverConfiguration };

/** `recovery` is Coco's own part of a recovery. */
export function parseCommand(
  reader: ConfigurationReader,
  recovery: ConfigurationReader,
): CommandConfiguration {
  const type = reader.choice('type', ['Start', 'Join', 'Recover']);
  // The blocks may all be present; only the one that `type` names counts.
  const blocks = {
    start: reader.object('start'),
    join: reader.object('join'),
    recover: reader.object('recover'),
  };
  switch (type) {
    case 'Start':
      return { type, start: parseStart(blocks.start) };
    case 'Join':
      return { type, join: parseJoin(blocks.join) };
    case 'Recover':
      return { type, recover: parseRecover(blocks.recover, recovery) };
  }
}

function parseJoin(reader: ConfigurationReader): JoinConfiguration {
  const targetAddress = reader.text('target_rpc_address');
  parseAddress(targetAddress, 'command.join.target_rpc_address');
  const join: JoinConfiguration = {
    targetAddress,
    retryMs: Math.max(reader.timeMs('retry_timeout', retryMsDefault), retryMsMin),
    followsRedirect: reader.flag('follow_redirect', true),
  };
  reader.unused(unusedKeys.join);
  reader.finish();
  return join;
}

function parseStart(reader: ConfigurationReader): StartConfiguration {
  const service = reader.object('service_configuration');
  const signatures = reader.object('cose_signatures');
  const start: StartConfiguration = {
    members: reader.objects('members').map(parseMember),
    constitutionFiles: reader.texts('constitution_files'),
    recoveryThreshold: service.integer('recovery_threshold', { min: 0, max: 255 }, 0),
    certificateDays: reader.integer(
      'initial_service_certificate_validity_days',
      certificateDays,
      365,
    ),
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
export function assertValidity({
  command,
  nodeCertificateDays,
}: {
  readonly command: CommandConfiguration;
  readonly nodeCertificateDays: number;
}): void {
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
  return reader.has(key) ? reader.integer(key, certificateDays) : undefined;
}

function parseMember(reader: ConfigurationReader): MemberConfiguration {
  const roles = ['NonParticipant', 'Participant', 'Owner'] as const;
  const member: MemberConfiguration = {
    certificateFile: reader.text('certificate_file'),
    encryptionPublicKeyFile: reader.optionalText('encryption_public_key_file'),
    dataJsonFile: reader.optionalText('data_json_file'),
    recoveryRole: reader.has('recovery_role') ? reader.choice('recovery_role', roles) : undefined,
  };
  reader.finish();
  return member;
}

function parseRecover(
  reader: ConfigurationReader,
  recovery: ConfigurationReader,
): RecoverConfiguration {
  const recover: RecoverConfiguration = {
    previousServiceIdentityFile: reader.text('previous_service_identity_file'),
    isTailLossAccepted: reader.flag('accept_tail_loss', false),
    otherLedgerDirectories: recovery.texts('ledger_directories'),
    snapshotDirectories: recovery.texts('snapshot_directories'),
    isLossAccepted: recovery.flag('accept_possible_loss', false),
    certificateDays: reader.integer(
      'initial_service_certificate_validity_days',
      certificateDays,
      365,
    ),
  };
  reader.finish();
  recovery.finish();
  return recover;
}
