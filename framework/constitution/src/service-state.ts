/** What the actions read of the service and its members before they change something. */
import { refuse } from './refuse.ts';
import { jsonRows, keysOf, readJson, writeJson } from './rows.ts';
import {
  memberEncryptionKeyTable,
  memberInfoTable,
  proposalInfoTable,
  serviceConfigTable,
  serviceInfoTable,
} from './tables.ts';

export interface MemberInfo {
  readonly status?: string;
  readonly member_data?: unknown;
  readonly recovery_role?: string;
}

export interface ServiceInfo {
  readonly status?: string;
  readonly cert?: string;
}

export interface ServiceConfig {
  readonly recovery_threshold?: number;
  readonly reconfiguration_type?: string;
  readonly recent_cose_proposals_window_size?: number;
  readonly maximum_node_certificate_validity_days?: number;
  readonly maximum_service_certificate_validity_days?: number;
}

export function memberInfo(id: string): MemberInfo | undefined {
  return readJson(memberInfoTable, id) as MemberInfo | undefined;
}

export function serviceInfo(): ServiceInfo {
  const info = readJson(serviceInfoTable) ?? refuse('Service information could not be found');
  return info as ServiceInfo;
}

export function serviceConfig(): ServiceConfig {
  const config = readJson(serviceConfigTable) ?? refuse('Service configuration could not be found');
  return config as ServiceConfig;
}

/** Active members that hold a share of the key, or the whole key. */
export function activeRecoveryMemberCount(): number {
  return keysOf(memberEncryptionKeyTable).filter((id) => {
    const info = memberInfo(id) ?? refuse(`Recovery member ${id} has no information`);
    return info.status === 'Active';
  }).length;
}

/** While shares are asked for, those who hold them stay as they are. */
export function isRecovering(): boolean {
  const { status } = serviceInfo();
  return status === 'Recovering' || status === 'WaitingForRecoveryShares';
}

/**
 * An action that changes what the others mean takes them off the table: nobody's vote for a
 * proposal counts under rules or code that the voter did not know.
 */
export function dropOtherOpenProposals(keptId: string): void {
  for (const [id, value] of jsonRows(proposalInfoTable)) {
    const info = value as { readonly state?: string };
    if (id === keptId || info.state !== 'Open') continue;
    writeJson(proposalInfoTable, { ...info, state: 'Dropped' }, id);
  }
}
