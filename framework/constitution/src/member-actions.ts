/** Actions on members and users. */
import { type Action, defineAction } from './action.ts';
import type { memberActionNames } from './action-names.ts';
import type { CcfGlobal } from './ccf-global.ts';
import {
  checkArguments,
  checkCertificates,
  checkEntityId,
  checkObject,
  checkOneOf,
  checkText,
  type Fields,
  optional,
} from './check-arguments.ts';
import { checkMemberData } from './member-data.ts';
import { refuse } from './refuse.ts';
import { hasRow, readJson, removeRow, writeJson, writeText } from './rows.ts';
import {
  activeRecoveryMemberCount,
  isRecovering,
  memberInfo,
  serviceConfig,
} from './service-state.ts';
import {
  memberAckTable,
  memberCertificateTable,
  memberEncryptionKeyTable,
  memberHistoryTable,
  memberInfoTable,
  signatureTable,
  userCertificateTable,
  userInfoTable,
} from './tables.ts';

declare const ccf: CcfGlobal;

const recoveryRoles = ['NonParticipant', 'Participant', 'Owner'] as const;

interface NewMember {
  readonly id: string;
  readonly certificate: string;
  readonly encryptionKey: string | undefined;
  readonly data: Fields | undefined;
  readonly recoveryRole: (typeof recoveryRoles)[number] | undefined;
}

function parseNewMember(args: unknown): NewMember {
  const fields = checkArguments(args);
  const certificate = checkCertificates(fields.cert, 'cert');
  const data = optional(fields.member_data, 'member_data', checkMemberData);
  const recoveryRole = optional(fields.recovery_role, 'recovery_role', (value, field) =>
    checkOneOf(value, recoveryRoles, field),
  );
  const encryptionKey = optional(
    fields.encryption_pub_key,
    'encryption_pub_key',
    checkEncryptionKey,
  );
  if (encryptionKey === undefined && recoveryRole !== undefined) {
    refuse('Cannot specify a recovery_role value when encryption_pub_key is not specified');
  }
  const id = ccf.pemToId(certificate);
  checkRecoveryMembersMayChange(id, { isGivenKey: encryptionKey !== undefined });
  return { id, certificate, encryptionKey, data, recoveryRole };
}

/** Shares are encrypted to the key at once, so one that is no RSA key must not get in. */
function checkEncryptionKey(value: unknown, field: string): string {
  const pem = checkText(value, field);
  if (ccf.crypto.pubRsaPemToJwk === undefined) return pem;
  try {
    ccf.crypto.pubRsaPemToJwk(pem);
  } catch {
    refuse(`${field} must be a valid RSA public key`);
  }
  return pem;
}

/** A share that was handed out for one set of members must not be asked of another. */
function checkRecoveryMembersMayChange(
  id: string,
  { isGivenKey }: { readonly isGivenKey: boolean },
): void {
  if (!isRecovering()) return;
  if (isGivenKey || hasRow(memberEncryptionKeyTable, id)) {
    refuse('Cannot change recovery members during recovery');
  }
}

const setMember = defineAction(parseNewMember, (member) => {
  const { id, certificate, encryptionKey, data, recoveryRole } = member;
  writeText(memberCertificateTable, id, certificate);
  if (encryptionKey === undefined) removeRow(memberEncryptionKeyTable, id);
  else writeText(memberEncryptionKeyTable, id, encryptionKey);
  const info = { member_data: data, recovery_role: recoveryRole, status: 'Accepted' };
  writeJson(memberInfoTable, info, id);
  // What the member has to acknowledge. A ledger that is signed with COSE alone has no such row,
  // and the member asks for a digest first.
  const signature = readJson(signatureTable) as { readonly root?: string } | undefined;
  writeJson(memberAckTable, { state_digest: signature?.root ?? '' }, id);
});

function parseMemberToRemove(args: unknown): string {
  const id = checkEntityId(checkArguments(args).member_id, 'member_id');
  checkRecoveryMembersMayChange(id, { isGivenKey: false });
  return id;
}

const removeMember = defineAction(parseMemberToRemove, (id) => {
  const info = memberInfo(id);
  if (info === undefined) return;
  const holdsShare = info.status === 'Active' && hasRow(memberEncryptionKeyTable, id);
  if (holdsShare) {
    const left = activeRecoveryMemberCount() - 1;
    const threshold = serviceConfig().recovery_threshold ?? 0;
    if (left < threshold) {
      refuse(
        `Number of active recovery members (${left}) would be less than recovery threshold (${threshold})`,
      );
    }
  }
  const tables = [
    memberInfoTable,
    memberEncryptionKeyTable,
    memberCertificateTable,
    memberAckTable,
    memberHistoryTable,
  ];
  for (const table of tables) removeRow(table, id);
  // Who has left must not be able to read what is written from now on.
  if (holdsShare) ccf.node.triggerLedgerRekey();
});

const setMemberData = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const id = checkEntityId(fields.member_id, 'member_id');
    return { id, data: checkMemberData(fields.member_data, 'member_data') };
  },
  ({ id, data }) => {
    const info = memberInfo(id) ?? refuse(`Member ${id} does not exist`);
    writeJson(memberInfoTable, { ...info, member_data: data }, id);
  },
);

function writeUserData(id: string, data: Fields | undefined): void {
  if (data === undefined) removeRow(userInfoTable, id);
  else writeJson(userInfoTable, { user_data: data }, id);
}

const setUser = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const certificate = checkCertificates(fields.cert, 'cert');
    return { certificate, data: optional(fields.user_data, 'user_data', checkObject) };
  },
  ({ certificate, data }) => {
    const id = ccf.pemToId(certificate);
    writeText(userCertificateTable, id, certificate);
    writeUserData(id, data);
  },
);

const removeUser = defineAction(
  (args) => checkEntityId(checkArguments(args).user_id, 'user_id'),
  (id) => {
    removeRow(userCertificateTable, id);
    removeRow(userInfoTable, id);
  },
);

const setUserData = defineAction(
  (args) => {
    const fields = checkArguments(args);
    const id = checkEntityId(fields.user_id, 'user_id');
    return { id, data: optional(fields.user_data, 'user_data', checkObject) };
  },
  ({ id, data }) => writeUserData(id, data),
);

export const memberActions: Readonly<Record<(typeof memberActionNames)[number], Action>> = {
  set_member: setMember,
  remove_member: removeMember,
  set_member_data: setMemberData,
  set_user: setUser,
  remove_user: removeUser,
  set_user_data: setUserData,
};
