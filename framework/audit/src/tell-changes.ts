/** Turns the changed rows of an entry into events of the story: people, nodes, documents, the rest. */
import {
  isJsonObject,
  type JsonValue,
  LedgerError,
  parseJson,
  toHex,
  utf8Decode,
} from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import {
  constitution,
  identityEndorsement,
  type MemberInfoRow,
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  type NodeInfoRow,
  nodeCertificates,
  nodeInfos,
  nodeSecrets,
  previousServiceIdentity,
  recoveryShares,
  serviceConfig,
  serviceInfo,
  submittedShares,
  userCertificates,
} from '@coco/governance';
import { declaredRecovery } from './declared-recovery.ts';
import { printable, shorten } from './describe-action.ts';
import { documentChange } from './document-change.ts';
import type { RawChange, RowChange } from './entry-changes.ts';
import type { EntryScene } from './entry-scene.ts';
import { identityCertificate, isSameKey } from './identity-certificate.ts';
import { bookkeepingTables, isGovernanceTable } from './table-kinds.ts';

const rulesTable = 'public:coco.gov.rules';
const userInfosTable = 'public:ccf.gov.users.info';

/** Told by their own events, here or where they are checked. */
const toldElsewhere: ReadonlySet<string> = new Set([
  constitution.name,
  identityEndorsement.name,
  memberCertificates.name,
  memberEncryptionKeys.name,
  memberInfos.name,
  nodeCertificates.name,
  nodeInfos.name,
  previousServiceIdentity.name,
  serviceInfo.name,
  userCertificates.name,
  userInfosTable,
  rulesTable,
  ...bookkeepingTables,
]);

/** More rows of one table in one entry than a person reads. */
const settingsMax = 50;

export function tellChanges(scene: EntryScene): void {
  tellService(scene);
  tellMembers(scene);
  tellUsers(scene);
  tellNodes(scene);
  const text = scene.changes.single(constitution);
  if (text) {
    scene.tell({ kind: 'constitution', document: documentChange(text.before, text.after) });
  }
  const [rules] = scene.changes.raw(rulesTable);
  if (rules) {
    const document = documentChange(prettyJson(rules.before), prettyJson(rules.after));
    scene.tell({ kind: 'rules', document });
  }
  tellKeys(scene);
  for (const table of scene.changes.tables) {
    // Whatever has no event of its own is told as keys and values.
    if (isGovernanceTable(table) && !toldElsewhere.has(table)) tellSettings(scene, table);
  }
}

function tellService(scene: EntryScene): void {
  const change = scene.changes.single(serviceInfo);
  if (!change?.after) return;
  const { before, after } = change;
  const identity = identityCertificate(after.cert);
  if (scene.begins === 'service' || !before) {
    const memberCount = memberInfos.keys(scene.changes.after).length;
    const recoveryThreshold = serviceConfig.get(scene.changes.after)?.recovery_threshold ?? 0;
    scene.tell({ kind: 'serviceCreated', identity, memberCount, recoveryThreshold });
    return;
  }
  if (scene.begins === 'recovery') {
    const previousKeyId = identityCertificate(before.cert).keyId;
    const recoveryCount = after.recovery_count ?? 0;
    const declared = declaredRecovery(scene);
    const told = declared ? { declared } : {};
    scene.tell({ kind: 'serviceRecovered', identity, previousKeyId, recoveryCount, ...told });
    return;
  }
  if (before.cert !== after.cert && isSameKey(before.cert, after.cert)) {
    scene.tell({ kind: 'serviceCertificate', identity });
  }
  if (before.status !== after.status) scene.tell({ kind: 'serviceStatus', status: after.status });
}

function tellMembers(scene: EntryScene): void {
  const infos = scene.changes.rows(memberInfos);
  for (const change of infos) tellMember(scene, change);
  const told = new Set(infos.map(({ key }) => key));
  for (const table of [memberCertificates, memberEncryptionKeys]) {
    for (const { key } of scene.changes.rows(table)) {
      if (told.has(key)) continue;
      told.add(key);
      scene.tell({ kind: 'member', change: 'changed', member: scene.party(key) });
    }
  }
}

function tellMember(scene: EntryScene, change: RowChange<MemberInfoRow>): void {
  const { key, before, after } = change;
  const member = scene.party(key);
  const role = after?.recovery_role ?? (after && roleByKey(scene, key));
  const recoveryRole = role ? { recoveryRole: role } : {};
  if (!before) scene.tell({ kind: 'member', change: 'added', member, ...recoveryRole });
  else if (!after) scene.tell({ kind: 'member', change: 'removed', member });
  else if (before.status === after.status) {
    scene.tell({ kind: 'member', change: 'changed', member, ...recoveryRole });
  }
  // A step to Active is told where its acknowledgement is checked.
}

function roleByKey(scene: EntryScene, memberId: string): 'Participant' | 'NonParticipant' {
  const hasKey = memberEncryptionKeys.has(scene.changes.after, memberId);
  return hasKey ? 'Participant' : 'NonParticipant';
}

function tellUsers(scene: EntryScene): void {
  const certificates = scene.changes.rows(userCertificates);
  for (const { key, before, after } of certificates) {
    const change = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
    scene.tell({ kind: 'user', change, user: scene.party(key) });
  }
  const told = new Set(certificates.map(({ key }) => key));
  for (const { key } of scene.changes.raw(userInfosTable)) {
    const id = utf8Decode(key);
    if (!told.has(id)) scene.tell({ kind: 'user', change: 'changed', user: scene.party(id) });
  }
}

function tellNodes(scene: EntryScene): void {
  for (const { key: nodeId, before, after } of scene.changes.rows(nodeInfos)) {
    if (!after) {
      scene.tell({ kind: 'node', change: 'removed', nodeId });
      continue;
    }
    const address = addressOf(after);
    const known = {
      nodeId,
      platform: after.quote_info.format,
      ...(address === undefined ? {} : { address }),
    };
    const step = { Pending: 'joined', Trusted: 'trusted', Retired: 'retired' } as const;
    const change = before?.status === after.status ? 'changed' : step[after.status];
    scene.tell({ kind: 'node', change, ...known });
  }
  for (const { key: nodeId, after } of scene.changes.rows(nodeCertificates)) {
    if (after === undefined) continue;
    const { notBeforeMs, notAfterMs } = parseCertificate(after);
    scene.tell({ kind: 'nodeCertificate', nodeId, notBeforeMs, notAfterMs });
  }
}

function addressOf(info: NodeInfoRow): string | undefined {
  if (!isJsonObject(info.rpc_interfaces)) return undefined;
  const [first] = Object.values(info.rpc_interfaces);
  const address = isJsonObject(first) ? first.published_address : undefined;
  return typeof address === 'string' ? printable(address) : undefined;
}

/** Recovery shares and ledger secrets: who holds and who submitted is public, what is not. */
function tellKeys(scene: EntryScene): void {
  const shares = scene.changes.single(recoveryShares)?.after;
  if (shares) {
    const holders = Object.keys(shares.encrypted_shares).map((id) => scene.party(id));
    const recoveryThreshold = serviceConfig.get(scene.changes.after)?.recovery_threshold ?? 0;
    scene.tell({ kind: 'recoverySharesIssued', holders, recoveryThreshold });
  }
  for (const { key, after } of scene.changes.raw(submittedShares.name)) {
    if (after === undefined) continue;
    scene.tell({ kind: 'recoveryShareSubmitted', member: scene.party(utf8Decode(key)) });
  }
  const secrets = scene.changes.single(nodeSecrets)?.after;
  if (secrets && isRekey(secrets)) {
    scene.tell({ kind: 'ledgerRekeyed', nodeCount: Object.keys(secrets).length });
  }
}

/** A rekey's secret applies from the entry after it, which its row does not name. */
function isRekey(
  secrets: Readonly<Record<string, readonly { version: number | null }[]>>,
): boolean {
  return Object.values(secrets).some((rows) => rows.some(({ version }) => version === null));
}

function tellSettings(scene: EntryScene, table: string): void {
  const changes = scene.changes.raw(table);
  for (const { key, after } of changes.slice(0, settingsMax)) {
    const value = after && valueText(after);
    scene.tell({ kind: 'setting', table, key: keyText(key), value });
  }
  const left = changes.length - settingsMax;
  if (left <= 0) return;
  scene.tell({ kind: 'setting', table, key: `and ${left} more rows`, value: '' });
}

/** The key of tables with one row says nothing. */
function keyText(key: Uint8Array): string {
  if (key.every((byte) => byte === 0)) return '';
  return textOf(key) ?? toHex(key);
}

function valueText(value: Uint8Array): string {
  if (value.length === 8 && value.every((byte) => byte === 0)) return '';
  const text = textOf(value);
  if (text === undefined) return `${value.length} bytes, SHA-256 ${toHex(sha256(value))}`;
  const json = jsonOf(value);
  return shorten(json ?? text);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8Decode(bytes);
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

function jsonOf(bytes: Uint8Array): JsonValue | undefined {
  try {
    return parseJson(bytes, { bytesMax: bytes.length, depthMax: 64 });
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

/** Rules are compared by the lines that a person would see. */
function prettyJson(bytes: RawChange['before']): string | undefined {
  if (!bytes) return undefined;
  const value = jsonOf(bytes);
  return value === undefined ? textOf(bytes) : JSON.stringify(value, undefined, 2);
}
