/** The status of a network as people read it: one picture, then what is wrong and what to do. */
import { formatTransactionId } from '@coco/base';
import { shortId } from '@coco/member';
import { lagOf, type NetworkJudgement } from './network-health.ts';
import type { ListedNode, NetworkStatus } from './network-status.ts';

const bytesPerMib = 2 ** 20;
const codeDigits = 8;

const healthWords = { healthy: 'healthy', degraded: 'degraded', down: 'DOWN' } as const;

export function reportStatus(
  network: NetworkStatus,
  judged: NetworkJudgement,
  /** What to call a node beside its id; the sandbox has names for its own. */
  nameOf: (node: ListedNode) => string | undefined = () => undefined,
): string {
  const { commit, primary, warnings } = judged;
  const shown = network.nodes.filter(({ status }) => status !== 'Retired');
  const retiredCount = network.nodes.length - shown.length;
  const rows = shown.map((node) => nodeCells(node, judged, nameOf(node)));
  return [
    `${healthWords[judged.health]}: the service is ${network.serviceStatus}, ${countText(judged)}`,
    `  commit     ${commit ? formatTransactionId(commit) : 'none seen'}, view ${primary?.asked?.view ?? 'unknown'}`,
    `  service    ${shortId(network.serviceId)}, certificate ${daysText(network.serviceCertificateDays)}, recovered ${network.recoveryCount} time(s)`,
    `  members    ${network.activeMemberCount} active of ${network.memberCount}; ${proposalText(network.openProposals)}`,
    `  platform   ${network.isConfidential ? 'confidential' : 'virtual - not confidential: root on a node can read its memory'}`,
    ...(retiredCount === 0 ? [] : [`  former     ${retiredCount} node(s) that were removed`]),
    '',
    ...table([columns, ...rows]),
    ...warnings.flatMap(({ sentence, remedy }) => ['', `! ${sentence}`, `  ${remedy}`]),
  ].join('\n');
}

function countText({ answeringCount, trustedCount, spareCount, health }: NetworkJudgement): string {
  const answer = `${answeringCount} of ${trustedCount} nodes answer`;
  if (health === 'down') return `${answer}.`;
  const spare = spareCount === 0 ? 'no more may fail' : `${spareCount} more may fail`;
  return trustedCount === 1 ? `${answer}.` : `${answer}, ${spare}.`;
}

function proposalText(open: readonly string[]): string {
  if (open.length === 0) return 'no open proposal';
  return `open proposals: ${open.map(shortId).join(', ')} (coco proposal show)`;
}

function daysText(days: number): string {
  return days < 0 ? 'not valid any more' : `valid for ${days} days`;
}

const columns = [
  ...(['node', 'role', 'state', 'view', 'commit', 'lag', 'memory', 'certificate'] as const),
  ...(['code', 'address'] as const),
];

function nodeCells(
  node: ListedNode,
  judged: NetworkJudgement,
  name: string | undefined,
): readonly string[] {
  const { asked, status, url = 'no address', certificateDays } = node;
  const id = name === undefined ? shortId(node.nodeId) : `${name} ${shortId(node.nodeId)}`;
  const days = certificateDays === undefined ? '-' : `${certificateDays} d`;
  const address = url.replace('https://', '');
  if (!asked) {
    const state = status === 'Trusted' ? 'SILENT' : status;
    return [id, '-', state, '-', '-', '-', '-', days, '-', address];
  }
  const { metrics, commit, measurement, version } = asked;
  return [
    id,
    node.nodeId === judged.primary?.nodeId ? 'primary' : 'backup',
    asked.state,
    String(asked.view),
    commit ? formatTransactionId(commit) : '-',
    String(lagOf(node, judged.commit)),
    `${Math.round(Number(metrics.memory_rss_bytes) / bytesPerMib)} MiB`,
    days,
    `${version} ${measurement.slice(0, codeDigits)}`,
    address,
  ];
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  return rows.map((row) =>
    `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd(),
  );
}
