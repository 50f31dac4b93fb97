/**
 * The service identities of a ledger and how they hang together: each recovered one endorses the
 * one before it, for exactly the entries that it signed; and the members named each one in the
 * proposal that opened it.
 */
import {
  equalBytes,
  formatTransactionId,
  isJsonObject,
  type JsonValue,
  LedgerError,
  type TransactionId,
  toHex,
} from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import { identityEndorsement, proposals, recoveryRecord, serviceInfo } from '@coco/governance';
import { type IdentityEndorsement, readEndorsementRow } from '@coco/ledger';
import { declaredRecovery } from './declared-recovery.ts';
import { readActions } from './describe-action.ts';
import type { EntryScene } from './entry-scene.ts';
import { identityCertificate } from './identity-certificate.ts';
import type { DeclaredRecovery, ServiceIdentity } from './story.ts';

interface Draft {
  certificatePem: string;
  readonly spki: Uint8Array;
  readonly firstId: TransactionId;
  lastId: TransactionId;
  /** The root that its last signature signed. */
  lastSignedRoot: Uint8Array | undefined;
  isEndorsed: boolean;
  openedBy: string | undefined;
  readonly declared: DeclaredRecovery | undefined;
}

export class IdentityChain {
  readonly #drafts: Draft[] = [];
  /** The seqno of the endorsement before. */
  #endorsedAt: number | undefined;

  /** @throws InvalidCertificate: never, where the entries have verified */
  get identities(): readonly ServiceIdentity[] {
    return this.#drafts.map((draft) => ({
      certificate: identityCertificate(draft.certificatePem),
      certificatePem: draft.certificatePem,
      firstId: formatTransactionId(draft.firstId),
      lastId: formatTransactionId(draft.lastId),
      isEndorsed: draft.isEndorsed,
      openedBy: draft.openedBy,
      declared: draft.declared,
    }));
  }

  noteSignature(id: TransactionId, root: Uint8Array): void {
    const current = this.#drafts.at(-1);
    if (!current) return;
    current.lastId = id;
    current.lastSignedRoot = root;
  }

  /** Checks what the entry says of service identities. */
  check(scene: EntryScene, accepted: readonly string[]): void {
    this.#checkDeclared(scene);
    const change = scene.changes.single(serviceInfo);
    if (change?.after) this.#checkService(scene, { pem: change.after.cert, accepted });
    const [row] = scene.changes.raw(identityEndorsement.name);
    if (row?.after) this.#checkEndorsement(scene, row.after);
    const isOpening = change?.after?.status === 'Open' && change.before?.status !== 'Open';
    if (isOpening && this.#drafts.length > 1 && !this.#drafts.at(-2)?.isEndorsed) {
      const text = 'The recovered service opens without an endorsement of the identity before it.';
      scene.report('EndorsementInvalid', text);
    }
  }

  #checkService(
    scene: EntryScene,
    service: { readonly pem: string; readonly accepted: readonly string[] },
  ): void {
    const { spki } = parseCertificate(service.pem);
    if (scene.begins) {
      this.#drafts.push({
        certificatePem: service.pem,
        spki,
        firstId: scene.id,
        lastId: scene.id,
        lastSignedRoot: undefined,
        isEndorsed: false,
        openedBy: undefined,
        declared: scene.begins === 'recovery' ? declaredRecovery(scene) : undefined,
      });
      return;
    }
    const current = this.#drafts.at(-1);
    if (!current) return;
    current.certificatePem = service.pem;
    const opening = service.accepted.find((id) => opens(scene, id, service.pem));
    if (opening !== undefined && current.openedBy === undefined) this.#checkPoint(scene, opening);
    current.openedBy ??= opening;
    const { before, after } = scene.changes.single(serviceInfo) ?? {};
    const isTransition = before?.status === 'Opening' || before?.status === 'Recovering';
    if (isTransition && before.status !== after?.status && current.openedBy === undefined) {
      const text = 'The service was opened, and no accepted proposal names its certificate.';
      scene.report('ChangeUnauthorised', text);
    }
  }

  /** The node that recovers a service says once where the ledger ended, and says it truly. */
  #checkDeclared(scene: EntryScene): void {
    if (!scene.changes.single(recoveryRecord)) return;
    const previous = this.#drafts.at(-1);
    const declared = scene.begins === 'recovery' ? declaredRecovery(scene) : undefined;
    if (!declared || !previous) {
      scene.report('RecoveryMisstated', 'A recovery is declared where no service is recovered.');
      return;
    }
    const end = formatTransactionId(previous.lastId);
    if (declared.recoveredTo === end) return;
    const text = `The service says that it recovered the ledger up to ${declared.recoveredTo}, but what it took over ends at ${end}.`;
    scene.report('RecoveryMisstated', text);
  }

  /** Where the members named the end of the ledger that they opened, they named the one it has. */
  #checkPoint(scene: EntryScene, proposalId: string): void {
    const declared = this.#drafts.at(-1)?.declared;
    const named = openingArguments(scene, proposalId).map(({ recovered_to: point }) => point);
    const wrong = named.find((point) => point !== undefined && point !== declared?.recoveredTo);
    if (wrong === undefined) return;
    const text = `The members opened a ledger that ends at ${String(wrong)}; the service says ${declared?.recoveredTo ?? 'nothing'}.`;
    scene.report('RecoveryMisstated', text);
  }

  #checkEndorsement(scene: EntryScene, value: Uint8Array): void {
    const [endorsement, problem] = this.#read(value);
    const before = this.#endorsedAt;
    this.#endorsedAt = scene.id.seqno;
    if (!endorsement || problem !== undefined) {
      scene.report('EndorsementInvalid', `${problem ?? 'The endorsement does not parse'}.`);
      return;
    }
    if (endorsement.epochEnd && endorsement.previousVersion !== before) {
      const text = 'The endorsement does not point to the one before it.';
      scene.report('EndorsementInvalid', text);
    }
    const endorsed = endorsement.epochEnd ? this.#drafts.at(-2) : this.#drafts.at(-1);
    if (endorsed) endorsed.isEndorsed = true;
    scene.tell({
      kind: 'identityEndorsed',
      endorsedKeyId: toHex(sha256(endorsement.endorsedSpki)),
      epochBegin: formatTransactionId(endorsement.epochBegin),
      ...(endorsement.epochEnd ? { epochEnd: formatTransactionId(endorsement.epochEnd.id) } : {}),
    });
  }

  #read(value: Uint8Array): [IdentityEndorsement | undefined, string | undefined] {
    try {
      const endorsement = readEndorsementRow(value);
      return [endorsement, this.#problemOf(endorsement)];
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      return [undefined, error.message.replace(/\.$/, '')];
    }
  }

  #problemOf(endorsement: IdentityEndorsement): string | undefined {
    const { endorsedSpki, endorsingSpki, epochBegin, epochEnd } = endorsement;
    const current = this.#drafts.at(-1);
    const previous = this.#drafts.at(-2);
    if (!current || !equalBytes(endorsingSpki, current.spki)) {
      return 'The endorsement is not by the service in office';
    }
    if (!epochEnd) {
      if (!equalBytes(endorsedSpki, current.spki)) return 'The first endorsement is of another key';
      if (previous) return 'A recovered service endorses itself alone';
      return epochBegin.seqno === current.firstId.seqno
        ? undefined
        : 'The endorsed span begins elsewhere than the service';
    }
    if (!previous || !equalBytes(endorsedSpki, previous.spki)) {
      return 'The endorsement is of another key than that of the service before';
    }
    const isSpan =
      epochBegin.seqno === previous.firstId.seqno &&
      epochEnd.id.seqno === previous.lastId.seqno &&
      epochEnd.id.view >= previous.lastId.view;
    if (!isSpan) return 'The endorsed span is not what the service before signed';
    const isRoot = previous.lastSignedRoot && equalBytes(epochEnd.root, previous.lastSignedRoot);
    return isRoot ? undefined : 'The endorsed root is not the last one that the service signed';
  }
}

/** Whether an accepted proposal opens the service with this certificate. */
function opens(scene: EntryScene, proposalId: string, pem: string): boolean {
  const { id } = parseCertificate(pem);
  return openingArguments(scene, proposalId).some(({ next_service_identity: next }) => {
    return typeof next === 'string' && certificateIdOf(next) === id;
  });
}

/** The arguments of a proposal's actions that open the service. */
function openingArguments(
  scene: EntryScene,
  proposalId: string,
): readonly { readonly [name: string]: JsonValue }[] {
  const body = proposals.get(scene.changes.after, proposalId);
  return (body ? (readActions(body) ?? []) : []).flatMap((action) => {
    const isOpening = isJsonObject(action) && action.name === 'transition_service_to_open';
    return isOpening && isJsonObject(action.args) ? [action.args] : [];
  });
}

function certificateIdOf(pem: string): string | undefined {
  try {
    return parseCertificate(pem).id;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
