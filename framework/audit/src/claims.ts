/** What an audit proved, claim by claim, and what each claim rests on. */
import { formatTransactionId } from '@coco/base';
import type { ProvenClaim, ServiceAudit, ServiceAuditOptions } from './service-audit.ts';

/** Only what holds: a claim with a finding against it is not made. */
export function claimsOf(
  audit: Omit<ServiceAudit, 'claims'>,
  options: ServiceAuditOptions,
): readonly ProvenClaim[] {
  const { ledger, findings, identities } = audit;
  const claims: ProvenClaim[] = [];
  const claim = (sentence: string, needsSecrets: boolean = false): void => {
    claims.push({ sentence, needsSecrets });
  };
  if (ledger.lastSigned.seqno === 0) return claims;
  const end = formatTransactionId(ledger.lastSigned);
  const has = (codes: readonly string[]): boolean =>
    findings.some(({ code }) => codes.includes(code));
  const isWhole = !has(['LedgerDamaged']);
  const after = options.begin?.id.seqno ?? 0;
  const which = after === 0 ? 'All entries' : `The state at seqno ${after} and all entries from it`;
  claim(
    `${which} up to ${end} are as they were signed: ${ledger.signatureCount} signatures, each over the Merkle root of everything before it.`,
  );
  if (!isWhole) return claims;
  if (!has(['EndorsementInvalid', 'ServiceNotTrusted'])) claim(identityClaim(audit, options));
  const isGoverned = identities.length > 0 && !options.begin;
  if (isGoverned && !has(requestFaults)) {
    claim(
      `Members signed what the ledger says they did: ${audit.requestCount} requests verified against their certificates of that time.`,
    );
  }
  if (isGoverned && !has(['ChangeUnauthorised', 'DecisionInvalid', 'RowMalformed'])) {
    claim(
      'Members, users, rules, constitution, code policy and settings changed by accepted proposals alone, after genesis.',
    );
  }
  if (audit.replayedCount && !has(['DecisionNotReproduced', 'RowMalformed'])) {
    claim(
      `Every decision comes out again: the constitution of its time, on the ballots recorded, gives the result recorded and writes what was written. Run again: ${audit.replayedCount}.`,
    );
  }
  if (options.secrets) {
    claim('Every private part decrypts, and is what the service encrypted.', true);
  }
  return claims;
}

const requestFaults = [
  'ProposalIdMismatch',
  'ProposalReplayed',
  'RequestInvalid',
  'RequestMismatch',
  'RequestMissing',
  'RowMalformed',
];

function identityClaim(
  { identities }: Pick<ServiceAudit, 'identities'>,
  { trustedService, begin }: ServiceAuditOptions,
): string {
  if (begin) return 'The service identities that the files name signed what stands in them.';
  const whose = trustedService === undefined ? 'that it names itself' : 'that you trust';
  if (identities.length < 2) return `One service identity signed all of it: the one ${whose}.`;
  return `${identities.length} service identities signed it, each endorsed by the next and named by an accepted proposal; the chain holds the one ${whose}.`;
}
