/** An audit as a person reads it: the verdict, what is proven, the story, and what is open. */
import {
  type Finding,
  type Moment,
  type NameOf,
  namesIn,
  type Party,
  type ProposalLife,
  partyName,
  type ServiceAudit,
  type StoryEvent,
  shortId,
  tellEvent,
  tellVotes,
} from '@coco/audit';
import { formatTransactionId } from '@coco/base';
import { cliError } from './errors.ts';
import { wrap } from './wrap-text.ts';

export interface ReportFrame {
  readonly folder: string;
  readonly seconds: number;
  /** Where lines are wrapped. */
  readonly columns: number;
}

const idColumns = 12;
const timeColumns = 21;

export function reportText(audit: ServiceAudit, frame: ReportFrame): string {
  const { columns } = frame;
  const lines = [
    `Audit of ${frame.folder}`,
    '',
    ...verdict(audit, frame),
    ...section(
      'Findings',
      audit.findings.flatMap((finding) => findingLines(finding, columns)),
    ),
    ...section(
      'Proven, without any key',
      audit.claims
        .filter(({ needsSecrets }) => !needsSecrets)
        .flatMap(({ sentence }) => wrap(`  ok  ${sentence}`, { columns, indent: 6 })),
    ),
    ...section(
      'Proven with the ledger secrets',
      audit.claims
        .filter(({ needsSecrets }) => needsSecrets)
        .flatMap(({ sentence }) => wrap(`  ok  ${sentence}`, { columns, indent: 6 })),
    ),
    ...section('Service identities', identityLines(audit, columns)),
    ...section(
      'The story of its governance',
      storyLines(audit.story, { columns, nameOf: namesOf(audit) }),
    ),
    ...(audit.untoldCount > 0 ? [`  … and ${audit.untoldCount} later events`] : []),
    ...section(
      'Not proven by this audit',
      audit.gaps.flatMap(({ sentence }) => wrap(`  --  ${sentence}`, { columns, indent: 6 })),
    ),
  ];
  return lines.join('\n');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', title, ...lines];
}

function verdict(audit: ServiceAudit, { seconds }: ReportFrame): readonly string[] {
  const { ledger, findings, proposals } = audit;
  const word = audit.isSound ? 'SOUND' : 'NOT SOUND';
  const found = audit.isSound ? '' : `: ${counted(findings.length, 'finding')}, see below`;
  const upTo =
    ledger.lastSigned.seqno === 0 ? '' : ` up to ${formatTransactionId(ledger.lastSigned)}`;
  return [
    `  ${word}${found}`,
    `  ${counted(ledger.entryCount, 'entry', 'entries')}${upTo} in ${counted(ledger.fileCount, 'file')}, ${counted(ledger.signatureCount, 'signature')}, ${counted(ledger.views.length, 'view')}`,
    `  ${counted(proposals.length, 'proposal')}, ${counted(audit.requestCount, 'signed request')} of members, ${counted(audit.snapshotCount, 'snapshot')}; ${seconds.toFixed(1)} s`,
  ];
}

function findingLines(finding: Finding, columns: number): readonly string[] {
  const { file, seqno, code, sentence } = finding;
  const place = [file, seqno === undefined ? undefined : `entry ${seqno}`]
    .filter((part) => part !== undefined)
    .join(', ');
  const where = place === '' || sentence.startsWith(place) ? '' : `${place}: `;
  return wrap(`  !!  ${where}${sentence} (${code})`, { columns, indent: 6 });
}

function identityLines({ identities }: ServiceAudit, columns: number): readonly string[] {
  return identities.flatMap(({ certificate, firstId, lastId, openedBy, isEndorsed }, at) => {
    const isNewest = at === identities.length - 1;
    const endorsed = isNewest ? undefined : isEndorsed ? 'endorsed by the next' : 'NOT endorsed';
    const parts = [
      `key ${certificate.keyId}`,
      `signed ${firstId} to ${lastId}`,
      openedBy === undefined ? 'never opened' : `opened by proposal ${shortId(openedBy)}`,
      endorsed,
    ];
    const text = parts.filter((part) => part !== undefined).join(', ');
    return wrap(`  ${String(at + 1).padEnd(4)}${text}`, { columns, indent: 6 });
  });
}

/** Events of one transaction stand under one id and time. */
function storyLines(
  story: readonly StoryEvent[],
  { columns, nameOf }: { readonly columns: number; readonly nameOf: NameOf },
): readonly string[] {
  const indent = 2 + idColumns + timeColumns;
  let shown: string | undefined;
  return story.flatMap((event) => {
    const { transactionId } = event.at;
    const isNew = transactionId !== shown;
    shown = transactionId;
    const head = isNew ? `${transactionId.padEnd(idColumns)}${time(event.at)}` : '';
    const { sentence, details } = tellEvent(event, nameOf);
    return [
      ...wrap(`  ${head.padEnd(idColumns + timeColumns)}${sentence}`, { columns, indent }),
      ...details.flatMap((text) =>
        wrap(`${' '.repeat(indent + 2)}${text}`, { columns, indent: indent + 4 }),
      ),
    ];
  });
}

/** Everybody whom the story names. */
function namesOf({ story }: ServiceAudit): NameOf {
  return namesIn(
    story.flatMap((event): readonly Party[] => {
      switch (event.kind) {
        case 'member':
        case 'recoveryShareSubmitted':
          return [event.member];
        case 'user':
          return [event.user];
        case 'proposed':
        case 'voted':
        case 'withdrawn':
          return [event.by];
        default:
          return [];
      }
    }),
  );
}

/** The ledger's own time where it has one, otherwise that of the signature. */
function time({ signedAtMs, ledgerMs }: Moment): string {
  return timeText(ledgerMs ?? signedAtMs).padEnd(timeColumns);
}

function timeText(ms: number): string {
  const date = new Date(ms);
  const isDate = !Number.isNaN(date.getTime());
  return isDate ? date.toISOString().slice(0, 19).replace('T', ' ') : 'no date';
}

/** Finds a proposal by the beginning of its id. @throws WrongUsage */
export function findProposal(audit: ServiceAudit, prefix: string): ProposalLife {
  const found = audit.proposals.filter(({ id }) => id.startsWith(prefix.toLowerCase()));
  const [only] = found;
  if (only && found.length === 1) return only;
  const what = found.length === 0 ? 'No proposal' : `${found.length} proposals`;
  throw cliError(
    'WrongUsage',
    `${what} of this ledger ${found.length > 1 ? 'begin' : 'begins'} with ${prefix}.`,
  );
}

/** One proposal's whole life. */
export function proposalText(
  audit: ServiceAudit,
  life: ProposalLife,
  { columns }: ReportFrame,
): string {
  const row = (name: string, text: string): readonly string[] =>
    wrap(`  ${name.padEnd(12)}${text}`, { columns, indent: 14 });
  const effects = audit.story.filter(({ under }) => under === life.id);
  const findings = audit.findings.filter(({ sentence }) => sentence.includes(life.id));
  const lines = [
    `Proposal ${life.id}`,
    ...row('proposed', `${partyName(life.proposer)}, signed ${timeText(life.createdAtMs)}`),
    ...row('recorded', `${life.submitted.transactionId}, ${timeText(life.submitted.signedAtMs)}`),
    ...row('body', `SHA-256 ${life.bodyDigest}`),
    ...section(
      'Actions',
      life.actions.flatMap((text) => wrap(`  ${text}`, { columns, indent: 4 })),
    ),
    ...section('Ballots', ballotLines(life, columns)),
    ...section('Result', resultLines(life, columns)),
    ...section(
      'What took effect with it',
      storyLines(effects, { columns, nameOf: namesOf(audit) }),
    ),
    ...section(
      'Findings',
      findings.flatMap((finding) => findingLines(finding, columns)),
    ),
  ];
  const isFine = findings.length === 0;
  const verified = isFine
    ? 'Verified: the signatures of proposal and ballots, by the members’ certificates of that time.'
    : 'Not verified: see the findings.';
  return [...lines, '', ...wrap(verified, { columns, indent: 0 })].join('\n');
}

function ballotLines({ ballots, votes }: ProposalLife, columns: number): readonly string[] {
  return ballots.flatMap(({ member, at, createdAtMs, digest, script }) => {
    const vote = votes.find((candidate) => candidate.member.id === member.id);
    const verdict = vote === undefined ? 'not counted' : vote.isFor ? 'for it' : 'against it';
    const text = `${partyName(member)}: ${verdict}; signed ${timeText(createdAtMs)}`;
    return [
      ...wrap(`  ${at.transactionId.padEnd(idColumns)}${text}`, { columns, indent: 2 + idColumns }),
      ...wrap(`${' '.repeat(2 + idColumns)}${script} (SHA-256 ${shortId(digest)})`, {
        columns,
        indent: 4 + idColumns,
      }),
    ];
  });
}

function resultLines(life: ProposalLife, columns: number): readonly string[] {
  const { state, ended, endedBy, votes, failures, isReproduced } = life;
  if (!ended) return ['  Open'];
  const by = endedBy === undefined ? '' : ` by ${endedBy}`;
  const lines = [`${state}${by}, in ${ended.transactionId}, ${timeText(ended.signedAtMs)}`];
  if (votes.length > 0) lines.push(tellVotes(votes));
  for (const { member, reason } of failures) {
    lines.push(`the ballot of ${partyName(member)} failed: ${reason}`);
  }
  if (isReproduced !== undefined) {
    const again = isReproduced ? 'gives' : 'does NOT give';
    lines.push(`The constitution of that time ${again} this result again.`);
  }
  return lines.flatMap((text) => wrap(`  ${text}`, { columns, indent: 4 }));
}

function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
