/** What a network's status means: whether it serves, what is wrong with it, and what to do. */
import { isJsonObject, type TransactionId } from '@coco/base';
import { shortId } from '@coco/member';
import type { AskedNode, ListedNode, NetworkStatus } from './network-status.ts';

/** A node further behind is not caught up: batches hold hundreds of transactions. */
const lagMax = 1_000;
/** Renewal takes a proposal, and members may be away. */
const certificateDaysMin = 30;

/** healthy: nothing to do. degraded: it serves, but something is wrong. down: it does not serve. */
export type Health = 'healthy' | 'degraded' | 'down';

interface Warning {
  /** For programs. */
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
}

export interface NetworkJudgement {
  readonly health: Health;
  readonly warnings: readonly Warning[];
  readonly primary: ListedNode | undefined;
  /** The newest transaction that any node knows to be committed. */
  readonly commit: TransactionId | undefined;
  readonly trustedCount: number;
  readonly answeringCount: number;
  /** How many more nodes may fail before nothing can be written. */
  readonly spareCount: number;
}

export function judgeNetwork(network: NetworkStatus): NetworkJudgement {
  const trusted = network.nodes.filter(({ status }) => status === 'Trusted');
  const answering = trusted.filter(isAnswering);
  const majority = Math.floor(trusted.length / 2) + 1;
  const claims = answering
    .filter(({ asked, nodeId }) => asked.primaryId === nodeId)
    .sort((left, right) => right.asked.view - left.asked.view);
  const commit = newest(answering.flatMap(({ asked }) => asked.commit ?? []));
  const isDown = claims.length === 0 || answering.length < majority;
  const counts = `${answering.length} of ${trusted.length} trusted nodes answer, ${majority} are needed`;
  const warnings = [
    ...(isDown ? [noPrimary(counts)] : []),
    ...(claims.length > 1 ? [severalPrimaries(claims)] : []),
    ...serviceWarnings(network),
    ...network.nodes.flatMap((node) => nodeWarnings(node, commit)),
    ...differences(answering),
  ];
  return {
    health: isDown ? 'down' : warnings.length > 0 ? 'degraded' : 'healthy',
    warnings,
    primary: isDown ? undefined : claims[0],
    commit,
    trustedCount: trusted.length,
    answeringCount: answering.length,
    spareCount: Math.max(0, answering.length - majority),
  };
}

type AnsweringNode = ListedNode & { readonly asked: AskedNode };

function isAnswering(node: ListedNode): node is AnsweringNode {
  return node.asked !== undefined;
}

function newest(ids: readonly TransactionId[]): TransactionId | undefined {
  return ids.toSorted((left, right) => right.seqno - left.seqno)[0];
}

/** How many transactions a node is behind the newest commit. */
export function lagOf(node: ListedNode, commit: TransactionId | undefined): number {
  return (commit?.seqno ?? 0) - (node.asked?.commit?.seqno ?? 0);
}

function noPrimary(counts: string): Warning {
  return {
    code: 'NoPrimary',
    sentence: `No primary: nothing can be written (${counts}).`,
    remedy:
      'An election takes about a second: look again. If a majority is lost for good, its members ' +
      'recover the service from the ledger of a node: coco recovery --help.',
  };
}

function severalPrimaries(claims: readonly AnsweringNode[]): Warning {
  const views = claims.map(({ asked }) => asked.view).join(', ');
  return {
    code: 'SeveralPrimaries',
    sentence: `${claims.length} nodes call themselves primary, in views ${views}.`,
    remedy:
      'Only the one in the highest view commits; the other is cut off from a majority. Repair its ' +
      'connections, or replace it.',
  };
}

const openingRemedies: Readonly<Record<string, string>> = {
  Opening: 'Its members propose and vote transition_service_to_open.',
  Recovering: 'Its members propose and vote transition_service_to_open.',
  WaitingForRecoveryShares: 'Its members hand in their shares: coco recovery submit.',
};

function serviceWarnings(network: NetworkStatus): readonly Warning[] {
  const { serviceStatus, serviceCertificateDays: days } = network;
  const warnings: Warning[] = [];
  if (serviceStatus !== 'Open') {
    warnings.push({
      code: 'ServiceNotOpen',
      sentence: `The service is not open: it is ${serviceStatus}.`,
      remedy: openingRemedies[serviceStatus] ?? 'See coco governance show.',
    });
  }
  if (days < certificateDaysMin) {
    warnings.push({
      code: 'ServiceCertificateEnds',
      sentence: `The service's certificate is valid for ${days} more days.`,
      remedy: 'Its members renew it: set_service_certificate_validity, or a standing permission.',
    });
  }
  return warnings;
}

function nodeWarnings(node: ListedNode, commit: TransactionId | undefined): readonly Warning[] {
  const name = `Node ${shortId(node.nodeId)}`;
  const at = node.url === undefined ? '' : ` at ${node.url}`;
  if (node.status === 'Pending') {
    return [
      {
        code: 'NodePending',
        sentence: `${name}${at} waits to be trusted.`,
        remedy: `coco proposal create --action transition_node_to_trusted --arg node_id=${node.nodeId}`,
      },
    ];
  }
  if (node.status !== 'Trusted') return [];
  if (!isAnswering(node)) return [silence(node, `${name}${at}`)];
  const warnings: Warning[] = [];
  const { certificateDays: days, asked } = node;
  if (asked.state !== 'PartOfNetwork') {
    warnings.push({
      code: 'NodeNotReady',
      sentence: `${name} is not ready: it is ${asked.state}.`,
      remedy: 'It reads the ledger; see its log if this lasts.',
    });
  }
  const lag = lagOf(node, commit);
  if (lag > lagMax) {
    warnings.push({
      code: 'NodeBehind',
      sentence: `${name} is ${lag} transactions behind.`,
      remedy: 'It catches up by itself; if the number grows, look at its disk and its connections.',
    });
  }
  if (days !== undefined && days < certificateDaysMin) {
    warnings.push({
      code: 'NodeCertificateEnds',
      sentence: `${name}'s certificate is valid for ${days} more days.`,
      remedy: 'Members renew it: set_node_certificate_validity, or a standing permission.',
    });
  }
  return [...warnings, ...alarms(name, asked.metrics)];
}

/** Of disk_level and memory_level (docs/operations/metrics.md). */
const levels = ['ample', 'low', 'short', 'scarce', 'full'];

/** What the node tells of itself. */
function alarms(name: string, metrics: AskedNode['metrics']): readonly Warning[] {
  const warnings: Warning[] = [];
  const disk = levels[Number(metrics.disk_level)] ?? 'ample';
  if (disk !== 'ample') {
    warnings.push({
      code: 'NodeDisk',
      sentence: `${name}: the room on its disk is ${disk}.`,
      remedy: 'Make room on it, or grow it: docs/operations/disk.md.',
    });
  }
  const memory = levels[Number(metrics.memory_level)] ?? 'ample';
  if (memory !== 'ample') {
    warnings.push({
      code: 'NodeMemory',
      sentence: `${name}: the room in its memory is ${memory}.`,
      remedy: 'Have applications delete, or give the nodes more: docs/operations/memory.md.',
    });
  }
  const troubles = isJsonObject(metrics.troubles) ? Object.keys(metrics.troubles) : [];
  if (troubles.length > 0) {
    warnings.push({
      code: 'NodeTrouble',
      sentence: `${name} sees trouble between the nodes: ${troubles.join(', ')}.`,
      remedy: 'See its log, and docs/operations/network.md.',
    });
  }
  return warnings;
}

/** Codes of the SDK by which a node shows that it is of another service, or is none. */
const strangers: ReadonlySet<string> = new Set([
  'ServiceNotPinned',
  'ServiceIdentityChanged',
  'ServiceForked',
  'ServiceBehind',
  'ServiceCertificateInvalid',
]);

function silence({ failure, url }: ListedNode, name: string): Warning {
  if (url === undefined) {
    return {
      code: 'NodeWithoutAddress',
      sentence: `${name} has no address on the ledger that could be asked.`,
      remedy: 'Give its configuration a published_address, and let it join again.',
    };
  }
  const { code = '', message = '' } = failure ?? {};
  if (strangers.has(code)) {
    return {
      code: 'NodeDisagrees',
      sentence: `${name} does not speak for this service: ${message} (${code})`,
      remedy:
        'Something else answers at its address, or it was left behind by a recovery: stop it.',
    };
  }
  return {
    code: 'NodeSilent',
    sentence: `${name} does not answer: ${message} (${code})`,
    remedy:
      'If its process ended, start a new node that joins in its place, and let members trust that ' +
      'one and remove this one (transition_node_to_trusted, remove_node) in one proposal.',
  };
}

function differences(answering: readonly AnsweringNode[]): readonly Warning[] {
  const codes = new Set(answering.map(({ asked }) => `${asked.version} ${asked.measurement}`));
  if (codes.size < 2) return [];
  return [
    {
      code: 'CodeDiffers',
      sentence: `The nodes run ${codes.size} different programs.`,
      remedy: 'Replace the older ones one after another, then remove their measurement.',
    },
  ];
}
