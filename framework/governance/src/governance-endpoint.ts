/**
 * The shape that all /gov endpoints share: an api-version, ids in the path that are 64 hex digits,
 * reads that anybody may make, writes that a member signed.
 */
import { type JsonValue, parseJson } from '@coco/base';
import {
  type ApiVersion,
  type Call,
  endpointError,
  type GovernanceMessageType,
  parseApiVersion,
  type ReadEndpoint,
  type Response,
  type SignedCaller,
  type WriteEndpoint,
  type WriteOutcome,
} from '@coco/endpoint';
import type { ReadView, Transaction } from '@coco/kv';
import { JsonFields } from './json-fields.ts';

/** A call whose caller is the member who signed its body. */
export interface SignedCall {
  readonly call: Call;
  readonly member: SignedCaller;
}

/** A read that needs no authentication: governance is public among those who reach the node. */
export function governanceRead(
  path: string,
  handle: (view: ReadView, call: Call) => Response,
  versions?: readonly ApiVersion[],
): ReadEndpoint {
  return {
    method: 'GET',
    path: `/gov${path}`,
    authentication: [],
    mode: 'read',
    handle: (view, call) => {
      parseApiVersion(call.request, versions);
      return handle(view, call);
    },
  };
}

/** A write signed by a member; by an active one unless `policy` says otherwise. */
export function governanceWrite(
  path: string,
  options: {
    readonly messageType: GovernanceMessageType;
    readonly policy?: SignedCaller['policy'];
  },
  handle: (transaction: Transaction, signed: SignedCall) => WriteOutcome,
): WriteEndpoint {
  return {
    method: 'POST',
    path: `/gov${path}`,
    authentication: [options.policy ?? 'active_member_cose_sign1'],
    messageType: options.messageType,
    mode: 'write',
    handle: (transaction, call) => {
      parseApiVersion(call.request);
      return handle(transaction, { call, member: signedCaller(call) });
    },
  };
}

function signedCaller(call: Call): SignedCaller {
  const { caller } = call;
  if (caller.policy === 'member_cose_sign1' || caller.policy === 'active_member_cose_sign1') {
    return caller;
  }
  throw endpointError('InvalidAuthenticationInfo', 'The request is not signed by a member.');
}

const idKinds = { memberId: 'member', proposalId: 'proposal', nodeId: 'node', userId: 'user' };

/** An id in the path: 64 hex digits. @throws InvalidResourceName */
export function pathId(call: Call, name: keyof typeof idKinds): string {
  const value = call.parameters.get(name) ?? '';
  if (/^[0-9a-fA-F]{64}$/.test(value)) return value;
  throw endpointError(
    'InvalidResourceName',
    `'${value}' is not a valid hex-encoded ${idKinds[name]} ID`,
  );
}

/** The member in the path, who must have signed. @throws InvalidAuthenticationInfo */
export function signedMemberId({ call, member }: SignedCall): string {
  const id = pathId(call, 'memberId');
  if (id === member.id) return id;
  throw endpointError(
    'InvalidAuthenticationInfo',
    `Member ID from path parameter (${memberName(id)}) does not match member ID from body signature (${memberName(member.id)}).`,
  );
}

/** The proposal in the path, which the signature must name. @throws InvalidResourceName */
export function signedProposalId({ call, member }: SignedCall): string {
  const id = pathId(call, 'proposalId');
  if (id === member.header.proposalId) return id;
  throw endpointError('InvalidResourceName', 'Authenticated proposal id does not match URL');
}

/** How CCF writes a member's id in a sentence. */
export function memberName(id: string): string {
  return `m[${id}]`;
}

/** The signed body as a JSON object. @throws InvalidInput, RequestBodyTooLarge, NestingTooDeep */
export function signedJson({ member }: SignedCall): JsonFields {
  const body: JsonValue = parseJson(signedBytes(member));
  return new JsonFields(body, 'Signed request body');
}

/** The signed body; authentication refuses a detached one. */
export function signedBytes(member: SignedCaller): Uint8Array {
  return member.message.payload ?? new Uint8Array(0);
}
