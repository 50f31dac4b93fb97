/** `coco governance`: who governs, by which rules, and what may join. */
import { toHex, utf8Encode } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import {
  describeCertificate,
  explainRulesInForce,
  type GovernanceService,
  type JsonObject,
  memberName,
  objectOf,
  type RulesInForce,
  readRulesInForce,
  shortId,
} from '@coco/member';
import type { Command } from './command-line.ts';
import { networkFlags, withNetwork } from './network.ts';
import { outputFlags, show } from './output.ts';
import { nameOf, proposalDocument, sortedByName, stateText } from './proposal-report.ts';

interface Overview {
  readonly service: Awaited<ReturnType<GovernanceService['info']>>;
  readonly members: readonly JsonObject[];
  readonly users: readonly JsonObject[] | undefined;
  readonly nodes: readonly JsonObject[];
  readonly joinPolicy: JsonObject;
  readonly jwtIssuers: JsonObject;
  readonly constitution: string | undefined;
  readonly rules: RulesInForce | undefined;
  readonly proposals: Awaited<ReturnType<GovernanceService['proposals']>>;
}

export const governanceShowCommand: Command = {
  flags: { ...networkFlags, ...outputFlags },
  run: (given) =>
    withNetwork(given, async ({ governance }) => {
      const overview = await readOverview(governance);
      show(given, overviewDocument(overview), overviewText(overview));
    }),
};

async function readOverview(governance: GovernanceService): Promise<Overview> {
  const [service, members, nodes, joinPolicy, jwk, constitution, proposals, users, rules] =
    await Promise.all([
      governance.info(),
      governance.list('/gov/service/members'),
      governance.list('/gov/service/nodes'),
      governance.read('/gov/service/join-policy'),
      governance.readIfThere('/gov/service/jwk'),
      governance.readText('/gov/service/constitution'),
      governance.proposals(),
      governance.readIfThere('/gov/service/users'),
      readRulesInForce(governance),
    ]);
  const rows = objectOf(users).value;
  return {
    service,
    members,
    nodes,
    joinPolicy: objectOf(joinPolicy),
    jwtIssuers: objectOf(objectOf(jwk).issuers),
    constitution,
    rules,
    proposals,
    users: Array.isArray(rows) ? rows.map((row) => objectOf(row)) : undefined,
  };
}

const statusWords: Readonly<Record<string, string>> = {
  Opening: 'not open yet: its members must propose and vote to open it',
  Open: 'open',
  Recovering: 'recovering: its members must propose and vote to open it again',
  WaitingForRecoveryShares: 'recovering: it waits for the recovery shares of its members',
};

function overviewText(overview: Overview): string {
  const { service, members, users, nodes, jwtIssuers, proposals } = overview;
  const certificate = parseCertificate(service.certificate);
  const { id, validFrom, validTo } = describeCertificate(certificate);
  const active = members.filter(({ status }) => status === 'Active');
  const holders = active.filter(({ recoveryRole }) => recoveryRole !== 'NonParticipant');
  return [
    `The service is ${statusWords[service.status] ?? service.status}.`,
    `  certificate   ${id}, valid ${validFrom} to ${validTo}`,
    ...(service.recoveryCount > 0 ? [`  recovered     ${service.recoveryCount} time(s)`] : []),
    `Members (${members.length}, of which ${active.length} active):`,
    ...sortedByName(members).map(memberLine),
    `  Recovery takes ${service.recoveryThreshold} of the ${holders.length} shares.`,
    `Users: ${users === undefined ? 'not told' : users.length}`,
    `Nodes (${nodes.length}):`,
    ...nodes.map((node) => `  ${shortId(String(node.nodeId))}  ${String(node.status)}`),
    'Rules in force:',
    ...rulesLines(overview),
    'What may join as a node:',
    ...joinPolicyLines(overview.joinPolicy),
    `Issuers of tokens: ${Object.keys(jwtIssuers).join(', ') || 'none'}`,
    `Proposals (${proposals.length}):`,
    ...proposals.map(
      (proposal) =>
        `  ${shortId(proposal.id)}  by ${nameOf(members, proposal.proposerId)}: ${stateText(proposal)}`,
    ),
  ].join('\n');
}

function memberLine(row: JsonObject): string {
  const share = row.recoveryRole === 'NonParticipant' ? '' : ', holds a recovery share';
  const data = row.memberData ?? undefined;
  const told = data === undefined ? '' : `  ${JSON.stringify(data)}`;
  return `  ${memberName(row)}  ${shortId(String(row.memberId))}  ${String(row.status)}${share}${told}`;
}

function rulesLines({ constitution, rules, members }: Overview): readonly string[] {
  if (constitution === undefined) return ['  The service has no constitution.'];
  const lines = constitution.split('\n').length;
  const digest = `constitution of ${lines} lines, SHA-256 ${toHex(sha256(utf8Encode(constitution)))}`;
  const explained = rules
    ? explainRulesInForce(rules, members)
    : [
        'It is not the constitution of this version of Coco: what it does stands in its text alone.',
      ];
  return [...explained, digest].map((line) => (line === '' ? '' : `  ${line}`));
}

function joinPolicyLines(policy: JsonObject): readonly string[] {
  const lines = Object.entries(policy).flatMap(([platform, rules]) =>
    Object.entries(objectOf(rules)).flatMap(([kind, rows]) => {
      const keys = Array.isArray(rows) ? rows.map(String) : Object.keys(objectOf(rows));
      return keys.map((key) => `  ${platform} ${kind}: ${key}`);
    }),
  );
  return lines.length === 0 ? ['  nothing'] : lines;
}

function overviewDocument(overview: Overview): JsonObject {
  const { service, members, users, nodes, joinPolicy, jwtIssuers, constitution, proposals } =
    overview;
  const digest = constitution === undefined ? null : toHex(sha256(utf8Encode(constitution)));
  return {
    service: {
      status: service.status,
      certificate: service.certificate,
      recoveryCount: service.recoveryCount,
      configuration: service.configuration,
    },
    members: [...members],
    users: users === undefined ? null : [...users],
    nodes: [...nodes],
    constitutionSha256: digest,
    rules: overview.rules === undefined ? null : JSON.parse(JSON.stringify(overview.rules.rules)),
    joinPolicy,
    jwtIssuers,
    proposals: proposals.map(proposalDocument),
  };
}

export const governanceHistoryCommand: Command = {
  flags: { ...networkFlags, ...outputFlags },
  run: (given) =>
    withNetwork(given, async ({ governance }) => {
      const proposals = await governance.proposals();
      const members = await governance.list('/gov/service/members');
      const decided = proposals.filter(({ state }) => state !== 'Open');
      const lines = decided.flatMap((proposal) => [
        `${proposal.id}`,
        `  by ${nameOf(members, proposal.proposerId)}: ${stateText(proposal)}`,
        ...Object.entries(proposal.finalVotes ?? {}).map(
          ([id, vote]) => `  ${nameOf(members, id)} voted ${vote ? 'for' : 'against'}`,
        ),
      ]);
      const more = 'The service keeps the last that was decided; the whole story: coco audit.';
      show(given, { proposals: decided.map(proposalDocument) }, [...lines, more].join('\n'));
    }),
};
