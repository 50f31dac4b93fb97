/**
 * The audit of a whole service from its ledger's files: what @coco/ledger verifies (every hash,
 * Merkle root, view and signature), and on top of it the governance: each signed request verified
 * again, each change traced to a vote, each service identity to the one before it. No key of
 * anybody is needed. Changes nothing.
 */
import { parseTransactionId, toHex } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import { type AuditReport, auditLedger, type BatchPlace, type VerifiedEntry } from '@coco/ledger';
import { claimsOf } from './claims.ts';
import type { Finding, Gap } from './finding.ts';
import { GovernanceAudit } from './governance-audit.ts';
import { LateIdentities } from './late-identities.ts';
import { ReceiptShelf } from './receipt-shelf.ts';
import type { ServiceAudit, ServiceAuditOptions } from './service-audit.ts';
import type { ServiceIdentity } from './story.ts';

/**
 * @throws DiskFault, InvalidCertificate for a trusted service that is none, ReceiptMalformed,
 *   ReceiptNotCanonical
 */
export async function auditService(options: ServiceAuditOptions): Promise<ServiceAudit> {
  const { trustedService, receipts = [], scripts, recoveryKeys, ...ledgerOptions } = options;
  const trustedSpki = trustedService === undefined ? undefined : spkiOf(trustedService);
  const governance = new GovernanceAudit(scripts);
  const { begin } = options;
  const late = begin && new LateIdentities(begin);
  const shelf = new ReceiptShelf(receipts, begin?.id.seqno);
  const keyless = await auditLedger({
    ...ledgerOptions,
    onBatch: async (batch, place) => {
      if (late) late.take(batch);
      else await takeBatch(governance, batch, place);
      shelf.take(batch);
    },
  });
  // What the keys open is in the governance that a late beginning lacks.
  const secrets = recoveryKeys && !late ? governance.openSecrets(recoveryKeys) : undefined;
  // A second reading, of the same files: only now are the secrets known.
  const report = secrets ? await auditLedger({ ...ledgerOptions, secrets }) : keyless;
  const { identities } = late ?? governance.identities;
  const findings: Finding[] = [...report.findings, ...governance.findings].sort(
    (left, right) => (left.seqno ?? Infinity) - (right.seqno ?? Infinity),
  );
  const gaps: Gap[] = [
    ...report.unchecked,
    ...(late ? lateGaps(report, shelf.earlyNames) : []),
    ...governanceGaps(report, governance.isReplaying),
    ...lossGaps(identities),
    ...replayGaps(governance, report),
    ...governance.gaps,
  ];
  checkTrust({ identities, trustedSpki, report, findings, gaps });
  findings.push(...(await shelf.findings(identities)));
  const { isSound: _, findings: __, unchecked: ___, ...ledger } = report;
  const audit = {
    isSound: findings.length === 0,
    ledger,
    findings,
    gaps,
    identities,
    proposals: governance.proposals.lives,
    story: governance.story,
    untoldCount: governance.untoldCount,
    requestCount: governance.requestCount,
    replayedCount: scripts ? governance.replayedCount : undefined,
    snapshotCount: governance.snapshotCount,
  };
  const known = options.secrets ?? secrets;
  return { ...audit, claims: claimsOf(audit, known ? { ...options, secrets: known } : options) };
}

function spkiOf(pem: string): Uint8Array {
  return parseCertificate(pem).spki;
}

async function takeBatch(
  governance: GovernanceAudit,
  batch: readonly VerifiedEntry[],
  place: BatchPlace,
): Promise<void> {
  const signedAtMs = (batch.at(-1)?.signature?.issuedAtSeconds ?? 0) * 1000;
  const { file } = place;
  for (const verified of batch) {
    await governance.take(verified, {
      file,
      signedAtMs,
      rootAt: (seqno) => place.rootAt(seqno),
    });
  }
}

/** Decisions of a time when the ledger held no constitution. */
function replayGaps(governance: GovernanceAudit, report: AuditReport): readonly Gap[] {
  const decided = governance.proposals.lives.filter(
    ({ state, isReproduced }) =>
      (state === 'Accepted' || state === 'Rejected' || state === 'Failed') &&
      isReproduced === undefined,
  );
  if (!governance.isReplaying || decided.length === 0) return [];
  const sentence = `Whether ${decided.length} of the decisions come out again: no constitution was there to run.`;
  return [{ file: undefined, firstSeqno: 1, lastSeqno: report.lastSigned.seqno, sentence }];
}

/** Where a recovered service declares that commits may be missing, no file shows whether they are. */
function lossGaps(identities: readonly ServiceIdentity[]): readonly Gap[] {
  return identities.flatMap(({ declared, firstId }) => {
    if (!declared?.mayLackCommits) return [];
    const { seqno } = parseTransactionId(firstId);
    const sentence = `Whether transactions that were acknowledged behind ${declared.recoveredTo} are missing: the service that was recovered there declares that they may be. Compare with receipts that somebody holds.`;
    return [{ file: undefined, firstSeqno: seqno, lastSeqno: seqno, sentence }];
  });
}

/** What cannot be followed where the ledger's beginning is missing. */
function lateGaps(report: AuditReport, receipts: readonly string[]): readonly Gap[] {
  const at = { file: undefined, firstSeqno: 1, lastSeqno: report.lastSigned.seqno };
  const sentences = [
    'Governance: who was asked, who voted and what followed can be traced from the first entry on alone. Audit the ledger with its older files, from another node or a backup.',
    ...receipts.map(
      (name) => `${name}: its entry stands before the snapshot that the files begin with.`,
    ),
  ];
  return sentences.map((sentence) => ({ ...at, sentence }));
}

/** What the ledger records and no member signed. */
function governanceGaps(report: AuditReport, isReplayed: boolean): readonly Gap[] {
  const lastSeqno = report.lastSigned.seqno;
  if (lastSeqno === 0) return [];
  const gap = (sentence: string): Gap => ({ file: undefined, firstSeqno: 1, lastSeqno, sentence });
  const ofReplay = isReplayed
    ? []
    : [
        gap(
          'Whether the constitution, on the ballots recorded, gives the results recorded and writes what was written: a replay shows that.',
        ),
      ];
  return [
    ...ofReplay,
    gap(
      'What the code did in private: that the nodes ran the code they attested to is what their evidence says, which this audit does not evaluate.',
    ),
    gap(
      'Times: signatures carry the primary’s clock, requests the signer’s; the order of entries is proven, their dates are not.',
    ),
    gap(
      'Who submitted a recovery share, or asked for a state digest, is recorded by the service; those requests do not stay on the ledger.',
    ),
  ];
}

function checkTrust(given: {
  readonly identities: readonly ServiceIdentity[];
  readonly trustedSpki: Uint8Array | undefined;
  readonly report: AuditReport;
  readonly findings: Finding[];
  readonly gaps: Gap[];
}): void {
  const { identities, trustedSpki, report, findings, gaps } = given;
  const newest = identities.at(-1);
  if (!newest) return;
  const lastSeqno = report.lastSigned.seqno;
  if (!trustedSpki) {
    const key = newest.certificate.keyId;
    const sentence = `Who the service is: its identity (key ${key}) is taken from the ledger itself. Give the certificate that you trust.`;
    gaps.push({ file: undefined, firstSeqno: 1, lastSeqno, sentence });
    return;
  }
  const trusted = toHex(sha256(trustedSpki));
  const at = identities.findIndex(({ certificate }) => certificate.keyId === trusted);
  if (at < 0) {
    const sentence = `The ledger is of another service: no identity in it has the trusted key ${trusted}.`;
    findings.push({ code: 'ServiceNotTrusted', file: undefined, seqno: undefined, sentence });
    return;
  }
  const unnamed = identities.slice(at + 1).find(({ openedBy }) => openedBy === undefined);
  if (unnamed) {
    const firstSeqno = Number(unnamed.firstId.split('.')[1]);
    const sentence = `From ${unnamed.firstId} on another identity signs, which the trusted one does not know and no accepted proposal named.`;
    findings.push({ code: 'ServiceNotTrusted', file: undefined, seqno: firstSeqno, sentence });
  }
}
