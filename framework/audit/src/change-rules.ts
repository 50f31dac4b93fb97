/**
 * Which governance tables may change without an accepted proposal in the same transaction, and by
 * what. Everything that is not listed here is the members' to change: nobody else, the operators
 * included.
 */
import { isJsonObject, LedgerError, parseJson } from '@coco/base';
import {
  type MemberInfoRow,
  memberInfos,
  type NodeInfoRow,
  nodeCertificates,
  nodeInfos,
  type Readable,
  type ServiceInfoRow,
  serviceInfo,
} from '@coco/governance';
import type { RowChange } from './entry-changes.ts';
import type { EntryScene } from './entry-scene.ts';
import { isSameKey } from './identity-certificate.ts';
import { bookkeepingTables, isGovernanceTable } from './table-kinds.ts';

/** What a node that recovers the service writes of itself. */
const ofRecovery: ReadonlySet<string> = new Set([
  'public:ccf.gov.service.previous_service_identity',
  'public:ccf.gov.nodes.virtual.measurements',
  'public:ccf.gov.nodes.virtual.host_data',
  'public:ccf.gov.nodes.snp.measurements',
  'public:ccf.gov.nodes.snp.host_data',
  'public:ccf.gov.nodes.snp.uvm_endorsements',
  'public:ccf.gov.nodes.snp.tcb_versions',
]);
const jwtKeysPrefix = 'public:ccf.gov.jwt.public_signing_key';
const jwtIssuersTable = 'public:ccf.gov.jwt.issuers';

/** Reports changes that nobody was entitled to. */
export function checkChanges(
  scene: EntryScene,
  by: {
    /** Proposals that the entry accepts. */
    readonly accepted: readonly string[];
    /** Members whose acknowledgement it holds. */
    readonly acknowledged: readonly string[];
  },
): void {
  if (by.accepted.length > 0 || scene.begins === 'service') return;
  for (const table of scene.changes.tables) {
    if (!isGovernanceTable(table) || bookkeepingTables.has(table)) continue;
    const problem = problemOf(scene, table, by.acknowledged);
    if (problem === undefined) continue;
    scene.report('ChangeUnauthorised', `${table}: ${problem}, and no proposal was accepted.`);
  }
}

function problemOf(
  scene: EntryScene,
  table: string,
  acknowledged: readonly string[],
): string | undefined {
  const { changes, begins } = scene;
  switch (table) {
    case memberInfos.name:
      return firstProblem(changes.rows(memberInfos), (change) =>
        memberProblem(change, acknowledged),
      );
    case nodeInfos.name:
      return firstProblem(changes.rows(nodeInfos), (change) => nodeProblem(scene, change));
    case nodeCertificates.name: {
      const nodes = new Set(changes.rows(nodeInfos).map(({ key }) => key));
      return firstProblem(changes.rows(nodeCertificates), ({ key }) =>
        nodes.has(key) || isStanding(changes.before, 'certificate_renewal')
          ? undefined
          : `the certificate of node ${key} was replaced`,
      );
    }
    case serviceInfo.name:
      return serviceProblem(scene);
    default:
      if (begins === 'recovery' && ofRecovery.has(table)) return undefined;
      if (table.startsWith(jwtKeysPrefix) && hasRefreshingIssuer(changes.before)) return undefined;
      return 'it changed';
  }
}

function firstProblem<Change>(
  changes: readonly Change[],
  problem: (change: Change) => string | undefined,
): string | undefined {
  for (const change of changes) {
    const found = problem(change);
    if (found !== undefined) return found;
  }
  return undefined;
}

function memberProblem(
  { key, before, after }: RowChange<MemberInfoRow>,
  acknowledged: readonly string[],
): string | undefined {
  if (!before) return `member ${key} was added`;
  if (!after) return `member ${key} was removed`;
  const isActivation = before.status === 'Accepted' && after.status === 'Active';
  if (isActivation && acknowledged.includes(key) && isSameBut(before, after, ['status'])) {
    return undefined;
  }
  return `the row of member ${key} changed`;
}

function nodeProblem(scene: EntryScene, change: RowChange<NodeInfoRow>): string | undefined {
  const { key, before, after } = change;
  if (scene.begins === 'recovery') {
    const isOwn = after?.status === 'Trusted' && !before;
    const isRetired = after?.status === 'Retired';
    return isOwn || isRetired ? undefined : `node ${key} changed in a recovery`;
  }
  if (!after) {
    return before?.status === 'Trusted'
      ? `node ${key} was removed while it was trusted`
      : undefined;
  }
  if (!before && after.status === 'Pending') return undefined;
  const isOpen = serviceInfo.get(scene.changes.before)?.status === 'Open';
  if (!before && after.status === 'Trusted' && !isOpen) return undefined;
  if (before?.status !== after.status) {
    if (isStanding(scene.changes.before, 'node_replacement')) return undefined;
    return `node ${key} went to ${after.status}`;
  }
  const isOwnMatter = isSameBut(before, after, ['retired_committed', 'ledger_secret_seqno']);
  return isOwnMatter ? undefined : `the row of node ${key} changed`;
}

function serviceProblem(scene: EntryScene): string | undefined {
  const change = scene.changes.single(serviceInfo);
  if (!change || scene.begins === 'recovery') return undefined;
  const { before, after } = change;
  if (!before || !after) return 'the service appeared or went';
  if (before.cert !== after.cert) return renewalProblem(scene, { before, after });
  const isEndOfRecovery = before.status === 'WaitingForRecoveryShares' && after.status === 'Open';
  const isOwnMatter = isSameBut(before, after, ['status', 'previous_service_identity_version']);
  if (isEndOfRecovery && isOwnMatter) return undefined;
  return before.status === after.status
    ? 'the row of the service changed'
    : `the service went from ${before.status} to ${after.status}`;
}

function renewalProblem(
  scene: EntryScene,
  { before, after }: { readonly before: ServiceInfoRow; readonly after: ServiceInfoRow },
): string | undefined {
  const isRenewal =
    isSameKey(before.cert, after.cert) &&
    isSameBut(before, after, ['cert', 'previous_service_identity_version']) &&
    isStanding(scene.changes.before, 'certificate_renewal');
  return isRenewal ? undefined : 'the service certificate was replaced';
}

/** Whether the consortium has permitted something once and for all. */
function isStanding(
  state: Readable,
  permission: 'certificate_renewal' | 'node_replacement',
): boolean {
  return state.map('public:coco.gov.standing_permissions').has(Buffer.from(permission));
}

function hasRefreshingIssuer(state: Readable): boolean {
  for (const { value } of state.map(jwtIssuersTable).range()) {
    const issuer = jsonOrNull(value);
    if (isJsonObject(issuer) && issuer.auto_refresh === true) return true;
  }
  return false;
}

function jsonOrNull(bytes: Uint8Array): ReturnType<typeof parseJson> {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (error instanceof LedgerError) return null;
    throw error;
  }
}

/** Whether two rows are the same but for some fields. */
function isSameBut<Row extends object>(
  before: Row | undefined,
  after: Row,
  fields: readonly (keyof Row)[],
): boolean {
  const strip = (row: Row | undefined): string =>
    JSON.stringify({ ...row, ...Object.fromEntries(fields.map((field) => [field, undefined])) });
  return strip(before) === strip(after);
}
