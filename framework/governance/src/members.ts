/** What the member tables say of members: who is active, who holds which part of the key. */

import type { IdentityLookup } from '@coco/endpoint';
import { tokenKeys } from './jwt-tables.ts';
import type { Readable } from './table.ts';
import {
  type MemberInfoRow,
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  nodeInfos,
  type RecoveryRole,
  userCertificates,
  userInfos,
} from './tables.ts';

/** What authentication needs, read at one state. */
export function identityLookup(state: Readable): IdentityLookup {
  return {
    member: (id) => {
      const certificatePem = memberCertificates.get(state, id);
      if (certificatePem === undefined) return undefined;
      return { certificatePem, data: memberInfos.get(state, id)?.member_data };
    },
    isActiveMember: (id) => isActiveMember(state, id),
    user: (id) => {
      const certificatePem = userCertificates.get(state, id);
      if (certificatePem === undefined) return undefined;
      return { certificatePem, data: userInfos.get(state, id)?.user_data };
    },
    isTrustedNode: (id) => nodeInfos.get(state, id)?.status === 'Trusted',
    tokenKeys: (keyId) => tokenKeys.get(state, keyId) ?? [],
  };
}

function isActiveMember(state: Readable, id: string): boolean {
  return memberInfos.get(state, id)?.status === 'Active';
}

/** A member's part in recovery; one with an encryption key takes part unless it is said otherwise. */
export function recoveryRoleOf(state: Readable, id: string, info: MemberInfoRow): RecoveryRole {
  const hasKey = memberEncryptionKeys.has(state, id);
  return info.recovery_role ?? (hasKey ? 'Participant' : 'NonParticipant');
}

export interface RecoveryMember {
  readonly id: string;
  readonly encryptionKeyPem: string;
}

/** The active members of one recovery role, in order of their ids. */
export function activeRecoveryMembers(
  state: Readable,
  role: 'Participant' | 'Owner',
): readonly RecoveryMember[] {
  return memberInfos.rows(state).flatMap(([id, info]) => {
    const encryptionKeyPem = memberEncryptionKeys.get(state, id);
    const isWanted = info.status === 'Active' && recoveryRoleOf(state, id, info) === role;
    return isWanted && encryptionKeyPem !== undefined ? [{ id, encryptionKeyPem }] : [];
  });
}
