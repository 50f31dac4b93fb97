/**
 * The shape that all /gov endpoints share: an api-version, ids in the path that are 64 hex digits,
 * reads that anybody may make, writes that a member signed.
 */
import { type JsonValue, parseJson } from '@coco/base';
import {
  type ApiVersion,
  type Call,
  type Endpoint,
  endpointError,
  type GovernanceMessageType,
  parseApiVersion,
  type ReadEndpoint,
  type Response,
  type SignedCaller,
  type WriteOutcome,
} from '@coco/endpoint';
import type { ReadView, Transaction } from '@coco/kv';
import { JsonFields } from './json-fields.ts';
import { identityLookup } from './members.ts';

/** A call whose caller is the member who signed its body. */
export interface SignedCall {
  readonly call: Call;
  readonly member: SignedCaller;
}

/** A read that needs no authentication: governance is public among those who reach the node. */
export function governanceRead(
  path: string,
  options: { readonly summary: string; readonly versions?: readonly ApiVersion[] },
  handle: (view: ReadView, call: Call) => Response,
): ReadEndpoint {
  return {
    method: 'GET',
    path: `/gov${path}`,
    summary: options.summary,
    authentication: [],
    mode: 'read',
    handle: (view, call) => {
      parseApiVersion(call.request, options.versions);
      return handle(view, call);
    },
  };
}

interface SignedOptions {
  readonly summary: string;
  readonly messageType: GovernanceMessageType;
  readonly policy?: SignedCaller['policy'];
}

/** A write signed by a member; by an active one unless `policy` says otherwise. */
export function governanceWrite(
  path: string,
  options: SignedOptions,
  handle: (transaction: Transaction, signed: SignedCall) => WriteOutcome,
): Endpoint {
  return {
    ...signedEndpoint(path, options),
    mode: 'write',
    handle: (transaction, call) => handle(transaction, signedCall(transaction, call)),
  };
}

/** A write signed by a member that runs scripts: it waits, beside other writes. */
export function governanceScript(
  path: string,
  options: SignedOptions,
  handle: (transaction: Transaction, signed: SignedCall) => Promise<WriteOutcome>,
): Endpoint {
  return {
    ...signedEndpoint(path, options),
    mode: 'optimistic',
    handle: async (transaction, call) => handle(transaction, signedCall(transaction, call)),
  };
}

function signedEndpoint(path: string, { summary, messageType, policy }: SignedOptions) {
  return {
    method: 'POST',
    path: `/gov${path}`,
    summary,
    authentication: [policy ?? 'active_member_cose_sign1'],
    messageType,
  } as const;
}

/**
 * The signature was verified on an earlier state: the transaction reads once more whether the
 * signer still is who they were, so that their removal meanwhile counts.
 * @throws InvalidAuthenticationInfo, MissingApiVersionParameter, UnsupportedApiVersionValue
 */
function signedCall(transaction: Transaction, call: Call): SignedCall {
  parseApiVersion(call.request);
  const { caller } = call;
  const isSigned =
    caller.policy === 'member_cose_sign1' || caller.policy === 'active_member_cose_sign1';
  if (!isSigned) {
    throw endpointError('InvalidAuthenticationInfo', 'The request is not signed by a member.');
  }
  const lookup = identityLookup(transaction);
  const isMember = lookup.member(caller.id) !== undefined;
  const isActive = caller.policy === 'member_cose_sign1' || lookup.isActiveMember(caller.id);
  if (isMember && isActive) return { call, member: caller };
  throw endpointError('InvalidAuthenticationInfo', 'Invalid authentication credentials.');
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
