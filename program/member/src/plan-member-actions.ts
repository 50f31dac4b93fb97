/** What the actions on members and users change. */
import type { JsonValue } from '@coco/base';
import { certificateIn } from './describe-certificate.ts';
import { type JsonObject, objectOf } from './governance-service.ts';
import type { GovernanceState } from './governance-state.ts';
import type { Planner } from './planner.ts';

/** The id of a certificate; undefined where it is none, which the service refuses. */
function idOf(pem: JsonValue | undefined): string | undefined {
  return typeof pem === 'string' ? certificateIn(pem)?.id : undefined;
}

const noCertificate =
  'The service will refuse it: the argument "cert" is not a certificate in PEM.';

function unknown(what: string, id: JsonValue | undefined): string {
  return `There is no ${what} with the id ${String(id)}.`;
}

function setMember(state: GovernanceState, args: JsonObject): readonly string[] {
  const id = idOf(args.cert);
  if (id === undefined) return [noCertificate];
  const key = args.encryption_pub_key ?? undefined;
  const role = key === undefined ? 'NonParticipant' : (args.recovery_role ?? 'Participant');
  const { status } = objectOf(state.row('member', id));
  state.put('member', id, {
    status: 'Accepted',
    memberData: args.member_data ?? null,
    recoveryRole: role,
    certificate: args.cert ?? null,
    ...(key !== undefined && { publicEncryptionKey: key }),
  });
  const gain =
    'It can vote once it has acknowledged the state with its key (coco member activate).';
  return status === 'Active'
    ? ['It is no longer active until it acknowledges again.', gain]
    : [gain];
}

function removeMember(state: GovernanceState, args: JsonObject): readonly string[] {
  const id = String(args.member_id);
  const row = state.row('member', id);
  if (row === undefined) return [unknown('member', id), 'Nothing changes.'];
  const { status, publicEncryptionKey } = objectOf(row);
  state.put('member', id, undefined);
  if (status !== 'Active' || publicEncryptionKey === undefined) return [];
  return [
    'Its recovery share becomes worthless: the ledger gets a new secret, and the members who stay',
    'get new shares.',
  ];
}

function setMemberData(state: GovernanceState, args: JsonObject): readonly string[] {
  const id = String(args.member_id);
  const row = state.row('member', id);
  if (row === undefined) return [unknown('member', id), 'The service will fail to apply it.'];
  state.put('member', id, { ...objectOf(row), memberData: args.member_data ?? null });
  return [];
}

function setUser(state: GovernanceState, args: JsonObject): readonly string[] {
  const id = idOf(args.cert);
  if (id === undefined) return [noCertificate];
  state.put('user', id, { certificate: args.cert ?? null, userData: args.user_data ?? null });
  return [];
}

function removeUser(state: GovernanceState, args: JsonObject): readonly string[] {
  const id = String(args.user_id);
  if (state.row('user', id) === undefined) return [unknown('user', id), 'Nothing changes.'];
  state.put('user', id, undefined);
  return [];
}

function setUserData(state: GovernanceState, args: JsonObject): readonly string[] {
  const id = String(args.user_id);
  const row = state.row('user', id);
  if (row === undefined) return [unknown('user', id)];
  state.put('user', id, { ...objectOf(row), userData: args.user_data ?? null });
  return [];
}

export const memberPlanners: Readonly<Record<string, Planner>> = {
  set_member: { tables: ['member'], plan: setMember },
  remove_member: { tables: ['member'], plan: removeMember },
  set_member_data: { tables: ['member'], plan: setMemberData },
  set_user: { tables: ['user'], plan: setUser },
  remove_user: { tables: ['user'], plan: removeUser },
  set_user_data: { tables: ['user'], plan: setUserData },
};
