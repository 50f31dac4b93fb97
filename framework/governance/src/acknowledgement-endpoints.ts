/**
 * Acknowledgement: a member signs the digest of the state that it saw. With its first one an
 * Accepted member becomes Active, so nobody is active who cannot use the key of their certificate.
 */

import { LedgerError, refuse, toBase64, toHex } from '@coco/base';
import {
  type Endpoint,
  emptyResponse,
  endpointError,
  jsonResponse,
  type WriteOutcome,
} from '@coco/endpoint';
import type { Transaction } from '@coco/kv';
import { MerkleTree } from '@coco/merkle';
import { indexMember } from './active-members.ts';
import { governanceError } from './errors.ts';
import {
  governanceRead,
  governanceWrite,
  memberName,
  pathId,
  type SignedCall,
  signedJson,
  signedMemberId,
} from './governance-endpoint.ts';
import type { JsonFields } from './json-fields.ts';
import { recoveryRoleOf } from './members.ts';
import { serviceStatus } from './open-service.ts';
import type { GovernancePorts } from './ports.ts';
import { refreshRecoveryShares } from './rekey-ledger.ts';
import { memberAcks, memberInfos, signedTree } from './tables.ts';

export function acknowledgementEndpoints(ports: GovernancePorts): readonly Endpoint[] {
  const path = '/members/state-digests/{memberId}';
  return [
    governanceRead(path, { summary: 'The digest that a member acknowledges' }, (view, call) => {
      const memberId = pathId(call, 'memberId');
      const ack = memberAcks.get(view, memberId);
      if (!ack) throw endpointError('ResourceNotFound', noAckText(memberId));
      return jsonResponse({ memberId, stateDigest: ack.state_digest });
    }),
    governanceWrite(
      `${path}:update`,
      {
        summary: 'Take the present digest for a member to acknowledge',
        messageType: 'state_digest',
        policy: 'member_cose_sign1',
      },
      updateDigest,
    ),
    governanceWrite(
      `${path}:ack`,
      {
        summary: 'Acknowledge the digest; the member becomes active',
        messageType: 'ack',
        policy: 'member_cose_sign1',
      },
      (transaction, signed) => acknowledge(transaction, signed, ports),
    ),
  ];
}

function noAckText(memberId: string): string {
  return `No ACK record exists for member ${memberName(memberId)}.`;
}

function updateDigest(transaction: Transaction, signed: SignedCall): WriteOutcome {
  const memberId = signedMemberId(signed);
  const tree = signedTree.get(transaction);
  if (!tree) {
    const message = 'Service has no signatures to ack yet - try again soon.';
    throw endpointError('InternalError', message);
  }
  const stateDigest = toHex(MerkleTree.deserialise(tree).root());
  const ack = memberAcks.get(transaction, memberId);
  memberAcks.put(transaction, memberId, { ...ack, state_digest: stateDigest });
  return { response: jsonResponse({ memberId, stateDigest }) };
}

function acknowledge(
  transaction: Transaction,
  signed: SignedCall,
  ports: GovernancePorts,
): WriteOutcome {
  const memberId = signedMemberId(signed);
  const ack = memberAcks.get(transaction, memberId);
  if (!ack) throw endpointError('AuthorizationFailed', noAckText(memberId));
  const received = requiredText(signedJson(signed), 'stateDigest');
  if (received !== ack.state_digest) {
    throw governanceError(
      'StateDigestMismatch',
      `Submitted state digest is not valid.\nExpected\n ${ack.state_digest}\nReceived\n ${received}`,
    );
  }
  activate(transaction, memberId, ports);
  memberAcks.put(transaction, memberId, {
    ...ack,
    cose_sign1_req: toBase64(signed.member.bytes),
  });
  return { response: emptyResponse() };
}

/** A field that CCF names in its own words when it is missing. @throws InvalidInput */
export function requiredText(fields: JsonFields, name: string): string {
  try {
    return fields.text(name);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    const message = `Signed request body is not a JSON object containing required string field "${name}"`;
    throw refuse('InvalidInput', message, {}, cause);
  }
}

function activate(transaction: Transaction, memberId: string, ports: GovernancePorts): void {
  const info = memberInfos.get(transaction, memberId);
  if (!info) throw governanceError('GovernanceRowInvalid', 'The member has no row.', { memberId });
  if (info.status === 'Active') return;
  const isRecoveryMember = recoveryRoleOf(transaction, memberId, info) !== 'NonParticipant';
  const status = serviceStatus(transaction);
  const isRecovering = status === 'Recovering' || status === 'WaitingForRecoveryShares';
  if (isRecoveryMember && isRecovering) {
    throw refuse('InvalidInput', 'Recovery members cannot be activated during recovery.');
  }
  memberInfos.put(transaction, memberId, { ...info, status: 'Active' });
  indexMember(transaction, memberId);
  if (isRecoveryMember && status === 'Open') refreshRecoveryShares(transaction, ports);
}
