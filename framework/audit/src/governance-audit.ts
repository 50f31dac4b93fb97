/**
 * Follows the governance of a ledger entry by entry: keeps its public tables, verifies what members
 * signed, and tells the story. Memory: the tables as they stand, and the story.
 *
 * The caller gives every entry, in order, each covered by a signature that verified.
 */
import {
  formatTransactionId,
  LedgerError,
  type Seqno,
  type TransactionId,
  toHex,
} from '@coco/base';
import { certificateIssuedBy, type EncryptionKey } from '@coco/crypto';
import {
  governanceHistory,
  type HistoricalSecretRow,
  historicalSecret,
  historicalSecretAt,
  memberInfos,
  nodeCertificates,
  serviceInfo,
} from '@coco/governance';
import { Store, type WriteSet } from '@coco/kv';
import { entryFlag, type LedgerSecrets, type VerifiedEntry } from '@coco/ledger';
import { AcknowledgementAudit } from './acknowledgement-audit.ts';
import { checkChanges } from './change-rules.ts';
import { printable } from './describe-action.ts';
import { EntryChanges } from './entry-changes.ts';
import type { EntryScene } from './entry-scene.ts';
import type { Finding, Gap, GovernanceFault } from './finding.ts';
import { IdentityChain } from './identity-chain.ts';
import { checkLedgerTime, ledgerMs } from './ledger-time.ts';
import { checkMemberIndex } from './member-index.ts';
import { openLedgerSecrets } from './open-secrets.ts';
import { PartyNames } from './party-names.ts';
import { ProposalAudit } from './proposal-audit.ts';
import { DecisionReplay, type RunnerAt } from './replay-decision.ts';
import { type SignedRequest, verifyRequest } from './signed-request.ts';
import type { Happening, Moment, StoryEvent } from './story.ts';
import { tellChanges } from './tell-changes.ts';

/** What the walk knows of an entry beside its bytes. */
export interface EntryPlace {
  readonly file: string;
  /** Of the signature that covers it. */
  readonly signedAtMs: number;
  rootAt(seqno: Seqno): Uint8Array | undefined;
}

interface EntryCase {
  readonly entry: VerifiedEntry['entry'];
  readonly place: EntryPlace;
  readonly writeSet: WriteSet;
  readonly report: EntryScene['report'];
}

/** Keys and reasons that a hostile service wrote are of any length. */
const sentenceCharactersMax = 600;
/** Enough for any report; what the rest would say is said by the first ones. */
const findingsMax = 100;
/** A ledger with more governance than this is told up to here, and the report says so. */
const eventsMax = 200_000;

/** What leads to a decision, unlike what follows from it. */
const ofProposals: ReadonlySet<Happening['kind']> = new Set([
  'proposed',
  'voted',
  'withdrawn',
  'decided',
]);
const snapshotEvidence = 'public:ccf.internal.snapshot_evidence';
const governancePrefixes = [
  'public:ccf.gov.',
  'public:coco.gov.',
  'public:ccf.internal.',
  'public:coco.internal.',
];
/** Of the signature entries: large, and nobody here asks for them. */
const skippedTables = new Set([
  'public:ccf.internal.cose_signatures',
  'public:ccf.internal.signatures',
  'public:ccf.internal.tree',
]);

export class GovernanceAudit {
  readonly findings: Finding[] = [];
  readonly gaps: Gap[] = [];
  readonly story: StoryEvent[] = [];
  readonly proposals: ProposalAudit = new ProposalAudit();
  readonly identities: IdentityChain = new IdentityChain();
  readonly #acknowledgements = new AcknowledgementAudit();
  readonly #store = new Store();
  readonly #names = new PartyNames();
  readonly #historicalRows: HistoricalSecretRow[] = [];
  readonly #replay: DecisionReplay | undefined;
  #snapshotCount = 0;
  #replayedCount = 0;
  #requestCount = 0;
  #untoldCount = 0;

  /** @param scripts With it, each decision is run again. */
  constructor(scripts?: RunnerAt) {
    this.#replay = scripts && new DecisionReplay(scripts);
  }

  get isReplaying(): boolean {
    return this.#replay !== undefined;
  }

  /** Decisions that were run again, whatever came out. */
  get replayedCount(): number {
    return this.#replayedCount;
  }

  /** @throws InvalidInput when the keys do not suffice, and what opening shares throws */
  openSecrets(keys: readonly EncryptionKey[]): LedgerSecrets {
    const state = this.#store.readAt(this.#store.seqno);
    return openLedgerSecrets(state, this.#historicalRows, keys);
  }

  /** Signed requests that verified. */
  get requestCount(): number {
    return this.#requestCount;
  }

  get snapshotCount(): number {
    return this.#snapshotCount;
  }

  /** Events beyond the limit of the story. */
  get untoldCount(): number {
    return this.#untoldCount;
  }

  /** The certificate of the service in office, in PEM; undefined before the first entry. */
  get servicePem(): string | undefined {
    return serviceInfo.get(this.#store.readAt(this.#store.seqno))?.cert;
  }

  /** Returns a promise only where a decision is replayed. */
  take(verified: VerifiedEntry, place: EntryPlace): Promise<void> | undefined {
    const { entry, signature } = verified;
    if (signature) {
      const root = place.rootAt((entry.id.seqno - 1) as Seqno);
      if (root) {
        this.#acknowledgements.noteSignedRoot(toHex(root));
        this.identities.noteSignature(entry.id, root);
      }
      return undefined;
    }
    const writeSet = governanceWrites(entry);
    if (writeSet.maps.length === 0) return undefined;
    const report = (code: GovernanceFault, sentence: string): void =>
      this.#report({
        code,
        file: place.file,
        seqno: entry.id.seqno,
        sentence: printable(sentence).slice(0, sentenceCharactersMax),
      });
    return this.#examine({ entry, place, writeSet, report });
  }

  async #examine(given: EntryCase): Promise<void> {
    const { entry, writeSet, report } = given;
    const { seqno } = entry.id;
    try {
      const before = this.#store.readAt(this.#store.seqno);
      if (seqno > this.#store.seqno + 1) this.#store.skip((seqno - 1) as Seqno);
      this.#store.apply(writeSet, seqno);
      const after = this.#store.readAt(seqno);
      await this.#tell(given, new EntryChanges(writeSet, { before, after }));
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      report('RowMalformed', `A governance row cannot be read: ${error.message}`);
    } finally {
      this.#store.commit(this.#store.seqno);
    }
  }

  async #tell({ entry, place, report }: EntryCase, changes: EntryChanges): Promise<void> {
    const at = momentOf(entry.id, place, ledgerMs(changes.after));
    this.#names.begin(changes);
    const told: Happening[] = [];
    const scene: EntryScene = {
      id: entry.id,
      at,
      changes,
      begins: beginsOf(entry),
      requests: this.#verifyRequests(changes, report),
      rootAt: place.rootAt,
      report,
      tell: (happening) => told.push(happening),
      party: (memberId) => this.#names.party(memberId),
    };
    this.#snapshotCount += changes.raw(snapshotEvidence).length;
    for (const { after } of changes.raw(historicalSecret.name)) {
      if (after) this.#historicalRows.push(historicalSecretAt(after, entry.id.seqno));
    }
    const accepted = this.#check(scene);
    await this.#replayStep(scene);
    this.#names.end(changes);
    this.#keep(told, at, accepted[0]);
  }

  async #replayStep(scene: EntryScene): Promise<void> {
    const begin = () => this.#store.begin({ at: scene.changes.before.seqno });
    const verdict = await this.#attempt(scene, () => this.#replay?.check(scene, begin));
    if (!verdict) return;
    const { proposalId, isDecision, problem } = verdict;
    if (isDecision) {
      this.proposals.noteReplay(proposalId, problem === undefined);
      this.#replayedCount += 1;
    }
    if (problem === undefined) return;
    const text = `Proposal ${proposalId} does not come out again: ${problem}.`;
    scene.report('DecisionNotReproduced', text);
  }

  /** An isolate that fails says nothing of the ledger: a gap, and no finding. */
  async #attempt<Value>(
    scene: EntryScene,
    act: () => Promise<Value> | undefined,
  ): Promise<Value | undefined> {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      const { seqno } = scene.id;
      const sentence = `The decision in entry ${seqno} was not run again: ${error.message}`;
      this.gaps.push({ file: undefined, firstSeqno: seqno, lastSeqno: seqno, sentence });
      return undefined;
    }
  }

  #check(scene: EntryScene): readonly string[] {
    const accepted = this.proposals.check(scene);
    const acknowledged = this.#acknowledgements.check(scene);
    this.#requestCount += acknowledged.length;
    this.identities.check(scene, accepted);
    checkChanges(scene, { accepted, acknowledged });
    checkLedgerTime(scene);
    checkMemberIndex(scene);
    checkNodeCertificates(scene);
    tellChanges(scene);
    return accepted;
  }

  #verifyRequests(changes: EntryChanges, report: EntryScene['report']): readonly SignedRequest[] {
    const requests: SignedRequest[] = [];
    for (const { key: memberId, after: bytes } of changes.rows(governanceHistory)) {
      if (!bytes) {
        report('RequestMissing', `The last signed request of member ${memberId} was removed.`);
        continue;
      }
      const state = changes.before;
      const isAcknowledgement = memberInfos.get(state, memberId)?.status === 'Accepted';
      const verdict = verifyRequest(bytes, { memberId, state, mustBeActive: !isAcknowledgement });
      if (verdict.kind === 'refused') {
        report('RequestInvalid', `The request of member ${memberId} fails: ${verdict.reason}.`);
        continue;
      }
      const { request } = verdict;
      if (isAcknowledgement && request.type !== 'ack') {
        report('RequestInvalid', `Member ${memberId} was not active at that time.`);
        continue;
      }
      requests.push(request);
      this.#requestCount += 1;
    }
    if (requests.length > 1) {
      report('RequestMismatch', 'One transaction carries several signed requests.');
    }
    return requests;
  }

  #keep(told: readonly Happening[], at: Moment, proposalId: string | undefined): void {
    for (const happening of told) {
      if (this.story.length >= eventsMax) {
        this.#untoldCount += 1;
        continue;
      }
      const isCause = ofProposals.has(happening.kind);
      const under = proposalId === undefined || isCause ? {} : { under: proposalId };
      this.story.push({ ...happening, at, ...under });
    }
  }

  #report(finding: Finding): void {
    if (this.findings.length < findingsMax) this.findings.push(finding);
  }
}

/** What of an entry the audit keeps: governance, and the framework's own public tables. */
function governanceWrites(entry: VerifiedEntry['entry']): WriteSet {
  return {
    maps: entry.publicMaps.filter(
      ({ name }) =>
        governancePrefixes.some((prefix) => name.startsWith(prefix)) && !skippedTables.has(name),
    ),
  };
}

function beginsOf(entry: VerifiedEntry['entry']): EntryScene['begins'] {
  if (entry.id.seqno === 1) return 'service';
  return (entry.flags & entryFlag.chunkBefore) !== 0 ? 'recovery' : undefined;
}

function momentOf(id: TransactionId, place: EntryPlace, time: number | undefined): Moment {
  return {
    transactionId: formatTransactionId(id),
    signedAtMs: place.signedAtMs,
    ...(time === undefined ? {} : { ledgerMs: time }),
  };
}

/** Nodes show certificates that the service issued; another one is a stranger's. */
function checkNodeCertificates(scene: EntryScene): void {
  const service = serviceInfo.get(scene.changes.after)?.cert;
  for (const { key, after } of scene.changes.rows(nodeCertificates)) {
    if (after === undefined || service === undefined) continue;
    if (certificateIssuedBy(after, service)) continue;
    scene.report(
      'CertificateNotIssued',
      `The service did not issue the certificate of node ${key}.`,
    );
  }
}
