/**
 * The second judgement: may this service identity follow the one that the client trusts? The first
 * time, evidence alone decides (or a pinned identity). Later a changed identity needs fresh
 * evidence, which verify-service.ts has checked, and the new service's endorsement of the old key;
 * and the old service must not have ended before what the client saw of it.
 */
import { formatTransactionId, LedgerError, toHex } from '@coco/base';
import { type EndorsedIdentity, findEndorsedIdentity } from '@coco/receipt';
import { sdkError } from './errors.ts';
import { type Memory, type RememberedIdentity, rememberIdentity } from './memory.ts';
import type { VerifiedService } from './verify-service.ts';

/** A change of identity, for the caller's own check. */
export interface IdentityChange {
  /** Absent where the client knows the former only as a pinned key. */
  readonly from: RememberedIdentity | undefined;
  readonly to: VerifiedService;
  /** What the new service says of the old one, verified. */
  readonly endorsed: EndorsedIdentity;
  /** The endorsements from the new service back to the old one, as they came. */
  readonly endorsements: readonly Uint8Array[];
}

/** Says whether to accept a change: the place to check the members' signed proposal. */
export type AcceptIdentity = (change: IdentityChange) => boolean | Promise<boolean>;

export interface IdentityToAccept {
  readonly service: VerifiedService;
  readonly memory: Memory;
  /** Ids of pinned identities. */
  readonly pinned: readonly string[];
  readonly acceptedAtMs: number;
  readonly fetchEndorsements: () => Promise<readonly Uint8Array[]>;
  readonly acceptIdentity: AcceptIdentity | undefined;
}

/**
 * Returns the memory with the accepted identity.
 * @throws ServiceNotPinned, ServiceIdentityChanged, ServiceBehind, ServiceForked
 */
export async function acceptServiceIdentity(options: IdentityToAccept): Promise<Memory> {
  const { service, memory, pinned, acceptedAtMs } = options;
  const { id } = service.identity;
  const remembered = memory.identities.at(-1);
  const accepted = rememberIdentity(memory, {
    id,
    certificate: service.serviceCertificate,
    acceptedAtMs,
  });
  if (remembered) {
    // A renewed certificate has the same key; the identity is the key.
    if (remembered.id === id) return accepted;
    assertNotFormer(memory, id);
    await assertSuccession(options, remembered.id, remembered);
    return accepted;
  }
  if (pinned.includes(id)) return accepted;
  if (pinned.length > 0) {
    await assertSuccessionOfAny(options);
    return accepted;
  }
  if (service.isChannelBound) return accepted;
  throw sdkError(
    'ServiceNotPinned',
    'This platform does not show which key a TLS session ends at: pin the service’s identity.',
  );
}

/** A service that was recovered since, or a copy of it, still runs somewhere: it missed the rest. */
function assertNotFormer(memory: Memory, id: string): void {
  if (!memory.identities.some((identity) => identity.id === id)) return;
  throw sdkError('ServiceBehind', 'The service has an identity that another one has followed.', {
    service: id,
    newest: memory.identities.at(-1)?.id,
  });
}

async function assertSuccessionOfAny(options: IdentityToAccept): Promise<void> {
  let refusal: unknown;
  for (const id of options.pinned) {
    try {
      return await assertSuccession(options, id, undefined);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

async function assertSuccession(
  options: IdentityToAccept,
  formerId: string,
  from: RememberedIdentity | undefined,
): Promise<void> {
  const { service, memory, acceptIdentity } = options;
  const endorsements = await options.fetchEndorsements();
  const endorsed = await endorsedIdentity(service, endorsements, formerId);
  if (!endorsed) {
    await assertNoBranch(service, endorsements, memory);
    throw sdkError(
      'ServiceIdentityChanged',
      'The service has another identity, and does not endorse the one that is trusted.',
      { from: formerId, to: service.identity.id },
    );
  }
  assertNothingLost(memory, endorsed);
  const change: IdentityChange = { from, to: service, endorsed, endorsements };
  if (acceptIdentity && !(await acceptIdentity(change))) {
    throw sdkError('ServiceIdentityChanged', 'The caller refused the change of identity.', {
      from: formerId,
      to: service.identity.id,
    });
  }
}

/** What the service says of an earlier identity; undefined where it does not endorse it. */
async function endorsedIdentity(
  service: VerifiedService,
  endorsements: readonly Uint8Array[],
  keyId: string,
): Promise<EndorsedIdentity | undefined> {
  try {
    return await findEndorsedIdentity({
      serviceIdentity: service.identity,
      endorsements,
      keyId,
    });
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    return undefined;
  }
}

/** A service that endorses an earlier identity but not the newest was recovered beside it. */
async function assertNoBranch(
  service: VerifiedService,
  endorsements: readonly Uint8Array[],
  memory: Memory,
): Promise<void> {
  for (const { id } of memory.identities.slice(0, -1).reverse()) {
    const endorsed = await endorsedIdentity(service, endorsements, id);
    if (!endorsed) continue;
    throw sdkError('ServiceForked', 'The service was recovered beside the one that was seen.', {
      service: service.identity.id,
      endorses: id,
      endorsedUpTo: formatTransactionId(endorsed.epochEnd),
    });
  }
}

/** The endorsement fixes where the old service ended: it must reach all that was seen of it. */
function assertNothingLost(memory: Memory, endorsed: EndorsedIdentity): void {
  const { committed, receipts } = memory;
  const { epochEnd, epochEndRoot } = endorsed;
  if (committed && committed.seqno > epochEnd.seqno) {
    throw sdkError('ServiceBehind', 'The service was recovered from before what was committed.', {
      seen: formatTransactionId(committed),
      recoveredTo: formatTransactionId(epochEnd),
    });
  }
  const last = receipts.find(({ signatureId }) => signatureId.seqno === epochEnd.seqno);
  if (last && epochEndRoot && toHex(last.root) !== toHex(epochEndRoot)) {
    throw sdkError('ServiceForked', 'The service was recovered from another history.', {
      signature: formatTransactionId(last.signatureId),
    });
  }
}
