/** The members and users of a service, as anybody may read them. */
import type { JsonValue } from '@coco/base';
import { type Endpoint, endpointError, jsonResponse } from '@coco/endpoint';
import { governanceRead, memberName, pathId } from './governance-endpoint.ts';
import { recoveryRoleOf } from './members.ts';
import type { Readable } from './table.ts';
import {
  type MemberInfoRow,
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  userCertificates,
  userInfos,
} from './tables.ts';

export function memberEndpoints(): readonly Endpoint[] {
  return [
    governanceRead('/service/members', { summary: 'All members' }, (view) =>
      jsonResponse({
        value: memberInfos.rows(view).map(([id, info]) => describeMember(view, id, info)),
      }),
    ),
    governanceRead('/service/members/{memberId}', { summary: 'One member' }, (view, call) => {
      const id = pathId(call, 'memberId');
      const info = memberInfos.get(view, id);
      if (!info) throw missing('Member', memberName(id));
      return jsonResponse(describeMember(view, id, info));
    }),
    governanceRead('/service/users', { summary: 'All users' }, (view) =>
      jsonResponse({
        value: userCertificates.rows(view).map(([id, pem]) => describeUser(view, id, pem)),
      }),
    ),
    governanceRead('/service/users/{userId}', { summary: 'One user' }, (view, call) => {
      const id = pathId(call, 'userId');
      const certificate = userCertificates.get(view, id);
      if (certificate === undefined) throw missing('User', `u[${id}]`);
      return jsonResponse(describeUser(view, id, certificate));
    }),
  ];
}

function missing(kind: string, name: string): Error {
  return endpointError('ResourceNotFound', `${kind} ${name} does not exist.`);
}

function describeMember(view: Readable, id: string, info: MemberInfoRow): JsonValue {
  const certificate = memberCertificates.get(view, id);
  const publicEncryptionKey = memberEncryptionKeys.get(view, id);
  return {
    memberId: id,
    status: info.status,
    memberData: info.member_data ?? null,
    recoveryRole: recoveryRoleOf(view, id, info),
    ...(certificate === undefined ? {} : { certificate }),
    ...(publicEncryptionKey === undefined ? {} : { publicEncryptionKey }),
  };
}

function describeUser(view: Readable, id: string, certificate: string): JsonValue {
  return { userId: id, certificate, userData: describeUserInfo(view, id) };
}

/** CCF shows the row as it stands. */
function describeUserInfo(view: Readable, id: string): JsonValue {
  const info = userInfos.get(view, id);
  return info === undefined ? null : { user_data: info.user_data ?? null };
}
