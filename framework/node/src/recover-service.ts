/**
 * Recovers a service from its ledger's files (facts: CCF's disaster recovery). First the public
 * part, which needs no key: a new service identity, a fresh ledger secret, view + 2; governance
 * works on it. When members have brought the old secrets, `readPrivateLedger` decrypts the rest.
 * Until the service opens, its files carry `.recovery` and nothing counts as committed: a recovery
 * that is cut short is discarded.
 */

import { resolve } from 'node:path';
import { asSeqno, asView, equalBytes } from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import {
  type EndorsementRow,
  identityEndorsement,
  type openRecoveredService,
  recover,
  recoveryViewGap,
  secretsForNode,
} from '@coco/governance';
import { type ReadView, Store } from '@coco/kv';
import {
  type FoundBegin,
  type LedgerFolder,
  LedgerSecrets,
  ledgerSecretBytes,
  NonceGuard,
  type RecoveredLedger,
  reopenBegin,
  restoreSnapshot,
  Sequencer,
  type SequencerOptions,
} from '@coco/ledger';
import {
  decideRecovery,
  folderSigns,
  type LedgerCopy,
  type RecoveryDecision,
} from '@coco/recovery';
import { recoveredTracker, replay, storeLimits } from '@coco/replication';
import type { RecoverConfiguration } from './command-configuration.ts';
import { readConfiguredText } from './configured-files.ts';
import { nodeError } from './errors.ts';
import { createServiceIdentity, endorseOwnNode, type ServiceIdentity } from './identities.ts';
import {
  completeLedger,
  ledgerAt,
  markFolder,
  snapshotFolders,
  surveyLedger,
  takeFolder,
} from './ledger-folder.ts';
import type { NodeBeginning } from './node-beginning.ts';
import { type NodeCore, openCore } from './node-core.ts';
import { type PublicLedger, readPublicLedger } from './read-public-ledger.ts';
import { coreLimits } from './resource-limits.ts';
import type { NodeSurroundings, RecoveryProgress, ServiceRuntime } from './service-runtime.ts';
import { newNode } from './start-service.ts';

/** Batches between two lines of progress. */
const progressBatches = 200;

export interface RecoveredService extends ServiceRuntime {
  readonly ledger: RecoveredLedger;
  /** The snapshot that its files begin with; undefined where they begin with the first entry. */
  readonly begun: Omit<FoundBegin, 'snapshot'> | undefined;
  readonly progress: RecoveryProgress;
}

/**
 * Brings the public part back and starts the recovered service on it.
 * @throws ServiceNeverOpened, PreviousIdentityMismatch, LedgerDamaged, DiskFault, and what
 *   decideRecovery throws
 */
export async function recoverService(
  surroundings: NodeSurroundings,
  recovery: RecoverConfiguration,
  beginning: NodeBeginning,
): Promise<RecoveredService> {
  const { configuration, baseFolder, clock, random, log } = surroundings;
  const ledgerFolder = resolve(baseFolder, configuration.ledgerDirectory);
  await completeLedger(ledgerFolder, surroundings);
  const { isTailLossAccepted } = recovery;
  const snapshots = await snapshotFolders(surroundings, recovery);
  const at = ledgerAt(ledgerFolder);
  const read = await readPublicLedger(at, { snapshots, isTailLossAccepted, log });
  const { ledger, store, historicalSecretRows, endorsementRows, begun } = read;
  const previous = await assertIdentity(ledger, baseFolder, recovery);
  const { record, highestView } = await decide(surroundings, recovery, { ...read, snapshots });
  await ledger.truncate();
  const service = await createServiceIdentity({
    curve: configuration.serviceCurve,
    subject: previous.subject,
    days: recovery.certificateDays,
    clock,
  });
  const { nodeCertificateDays: days } = configuration;
  const node = await endorseOwnNode(beginning.keys, service, { days, clock });
  const next = asSeqno(ledger.lastId.seqno + 1);
  const fresh = { fromSeqno: next, key: random.bytes(ledgerSecretBytes) };
  const secrets = new LedgerSecrets([fresh]);
  const view = asView(highestView + recoveryViewGap);
  const { chunkBytes } = configuration;
  const sequencer = recoveredSequencer(ledger, { service, view, secrets, chunkBytes });
  const content = () => ({
    node: newNode(beginning, node.endorsedPem),
    virtual: surroundings.joinPolicy,
    service: { createId: { view, seqno: next }, certificatePem: service.certificatePem },
    ledgerSecret: { version: next, secret: fresh.key },
    record,
  });
  const core = await openCore({
    ...surroundings,
    ledgerFolder,
    recovered: { lastSeqno: ledger.lastId.seqno, root: ledger.root, begin: begun?.begin },
    store,
    sequencer,
    secrets,
    tracker: recoveredTracker(ledger),
    keys: node,
    serviceKey: service.key,
    ...coreLimits(configuration),
    replica: beginning.replica,
    begin: { kind: 'create', execute: async (opened) => executeRecovery(opened, content()) },
  });
  const { signerNames: signer } = ledger;
  const own = { node, service, evidence: beginning.evidence, core, secrets, signer };
  const progress = { targetSeqno: ledger.lastId.seqno, recoveredSeqno: asSeqno(0) };
  const places = { startupSeqno: asSeqno(0), progress };
  const found = { ledger, begun: withoutState(begun), historicalSecretRows, ...places };
  const endorsements = () => endorsementsOf(core.pipeline.committedState(), endorsementRows);
  return { ...own, ...found, tree: ledger.tree, endorsements };
}

/** The snapshot is read again when its private part can be: until then it takes no memory. */
function withoutState(begun: FoundBegin | undefined): RecoveredService['begun'] {
  if (!begun) return undefined;
  const { snapshot: _, ...place } = begun;
  return place;
}

function executeRecovery({ pipeline }: NodeCore, content: Parameters<typeof recover>[1]): void {
  pipeline.execute((transaction) => {
    recover(transaction, content);
    return { result: undefined };
  });
}

function recoveredSequencer(
  ledger: RecoveredLedger,
  parts: Pick<SequencerOptions, 'view' | 'secrets' | 'chunkBytes'> & {
    readonly service: ServiceIdentity;
  },
): Sequencer {
  const { service, ...given } = parts;
  return new Sequencer({
    ...given,
    start: 'recovery',
    tree: ledger.tree,
    guard: new NonceGuard(),
    signer: { keyId: service.key.id, algorithm: service.key.algorithm, ...ledger.signerNames },
    committed: ledger.lastId.seqno,
  });
}

/** Compares the ledger with those of other nodes, as far as they are given. */
async function decide(
  { configuration, baseFolder, log }: NodeSurroundings,
  recovery: RecoverConfiguration,
  read: PublicLedger & { readonly snapshots: readonly LedgerFolder[] },
): Promise<RecoveryDecision> {
  const { snapshots } = read;
  const { ledgerDirectory: name } = configuration;
  const signs = await folderSigns(ledgerAt(resolve(baseFolder, name)));
  const own = read.recorder.finish(read.ledger, { name, ...signs });
  const others: LedgerCopy[] = [];
  for (const folder of recovery.otherLedgerDirectories) {
    const found = await surveyLedger(folder, { baseFolder, log, snapshots });
    if (found) others.push(found);
  }
  // Who cuts off what was signed accepts that commits go with it.
  const isLossAccepted = recovery.isLossAccepted || (recovery.isTailLossAccepted && own.isCutShort);
  const decision = decideRecovery(own, others, { isLossAccepted });
  const { looked_at, may_have_voted, ...fields } = decision.record;
  const counts = { lookedAt: looked_at.length, mayHaveVoted: may_have_voted.length };
  log.write(fields.may_lack_commits ? 'warning' : 'info', 'recovery.decided', {
    recoveredTo: fields.recovered_to,
    mayLackCommits: fields.may_lack_commits,
    ...counts,
  });
  return decision;
}

/** Newest first. A row without an end is a service's endorsement of itself. */
function endorsementsOf(
  state: ReadView,
  recovered: readonly EndorsementRow[],
): readonly EndorsementRow[] {
  const present = identityEndorsement.get(state);
  return [...recovered, ...(present ? [present] : [])]
    .filter((row, at, all) => row.endorsement_epoch_end !== undefined && isLast(all, row, at))
    .reverse();
}

function isLast(rows: readonly EndorsementRow[], row: EndorsementRow, at: number): boolean {
  return rows.findLastIndex((other) => other.endorsement === row.endorsement) === at;
}

async function assertIdentity(
  ledger: RecoveredLedger,
  baseFolder: string,
  recovery: RecoverConfiguration,
) {
  const { service } = ledger;
  if (!service || service.status === 'Opening') {
    throw nodeError('ServiceNeverOpened', 'The service of this ledger never opened: start anew.');
  }
  const pem = await readConfiguredText(baseFolder, recovery.previousServiceIdentityFile);
  const expected = parseCertificate(pem);
  // The identity is the key: a file from before a renewal of the certificate is of it, too.
  if (!equalBytes(expected.spki, service.certificate.spki)) {
    throw nodeError(
      'PreviousIdentityMismatch',
      'The ledger is not the one of the given previous service identity.',
      { ledger: service.certificate.id, given: expected.id },
    );
  }
  return service.certificate;
}

/**
 * The members' shares are in: decrypts the whole ledger into a new state, takes it, and opens the
 * service. Resolves when the opening is durable and the recovery holds.
 * @throws LedgerDamaged with file and seqno, DiskFault, DecryptionFailed
 */
export async function readPrivateLedger(
  recovered: RecoveredService,
  node: NodeSurroundings,
  open: (transaction: Parameters<typeof openRecoveredService>[0]) => void,
): Promise<void> {
  const { core, ledger, secrets, progress } = recovered;
  const { pipeline } = core;
  const { key, encryptionKey } = recovered.node;
  const old = secretsForNode(pipeline.committedState(), key.id, encryptionKey)
    .filter(({ version }) => version <= ledger.lastId.seqno)
    .map(({ version, secret }) => ({ fromSeqno: version, key: secret }));
  const store = new Store(storeLimits);
  const oldSecrets = new LedgerSecrets(old);
  if (recovered.begun) {
    const snapshot = await reopenBegin(recovered.begun);
    restoreSnapshot(snapshot, { store, secret: oldSecrets.secretFor(snapshot.seqno) });
  }
  let batchCount = 0;
  await ledger.replayPrivate(oldSecrets, (batch) => {
    replay(store, batch, () => true);
    progress.recoveredSeqno = store.seqno;
    if (++batchCount % progressBatches === 0) {
      const { targetSeqno: target } = progress;
      node.log.write('info', 'recovery.private', { seqno: store.seqno, target });
    }
  });
  await pipeline.whenIdle();
  pipeline.replaceStore(store);
  secrets.prepend(old);
  pipeline.execute((transaction) => {
    open(transaction);
    // A snapshot is made of the opening, and stands where a chunk ends.
    return { result: undefined, whenAppended: () => core.ledger.forceChunk() };
  });
  await pipeline.whenIdle();
  // Before the files are the recovered service's: whoever finds them then knows whose they are.
  const { baseFolder, configuration } = node;
  const folder = resolve(baseFolder, configuration.ledgerDirectory);
  await markFolder(folder, key);
  await core.replica.endRecovery();
  pipeline.endRecovery();
  await takeFolder(folder, key);
}
