/**
 * A committed snapshot as the start of a ledger. The file may come from any host: it must have the
 * digest that was agreed on, where one was, and a receipt of the service over its content; the
 * private part opens under the ledger secret alone.
 */
import { asView, equalBytes, refuse, type Seqno } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { Store } from '@coco/kv';
import {
  type DecodedSnapshot,
  decodeSnapshot,
  formatSnapshotName,
  parseServiceState,
  parseSnapshotName,
  restoreSnapshot,
  type ServiceState,
  type SignerNames,
  serviceInfoMap,
  singletonKey,
  type ViewStart,
  verifySnapshot,
} from '@coco/ledger';
import { adoptStateSecret, type SecretReceiver } from './adopt-secret.ts';
import type { LedgerStart } from './growing-ledger.ts';
import { storeLimits } from './store-limits.ts';

/** What a snapshot must be, whoever gives it. */
export interface ExpectedSnapshot {
  readonly name: string;
  /** SHA-256 of the file, where consensus agreed on it. */
  readonly digest?: Uint8Array;
  /** The last seqno that the reader will have: the snapshot is not beyond it. */
  readonly last?: Seqno;
  /** The key of the service whose receipt counts. */
  readonly serviceSpki: Uint8Array;
  readonly names?: SignerNames;
}

/**
 * Verifies the file without reading what is private. @throws InvalidInput where it is another one,
 * damaged, or beyond `last`, and what verifySnapshot throws
 */
async function provenSnapshot(
  file: Uint8Array,
  expected: ExpectedSnapshot,
): Promise<DecodedSnapshot> {
  const { digest, last, serviceSpki } = expected;
  const name = parseSnapshotName(expected.name);
  if (!name?.isCommitted) throw refuse('InvalidInput', 'The name is not of a committed snapshot.');
  if (digest && !equalBytes(sha256(file), digest)) {
    throw refuse('InvalidInput', 'The snapshot is not the one that was agreed on.');
  }
  const snapshot = decodeSnapshot(file);
  const { transactionId } = await verifySnapshot(snapshot, serviceSpki);
  const isNamed = snapshot.seqno === name.seqno && transactionId.seqno === name.evidenceSeqno;
  if (!isNamed) {
    throw refuse('InvalidInput', `The file is not ${formatSnapshotName(name)}.`);
  }
  if (last !== undefined && snapshot.seqno > last) {
    throw refuse('InvalidInput', 'The snapshot is beyond what is committed.');
  }
  return snapshot;
}

/**
 * The whole state. A rekey since the reader got its secrets is read from the state itself.
 * @throws InvalidInput, DecryptionFailed, GovernanceRowInvalid and what the store throws
 */
export async function openSnapshot(
  file: Uint8Array,
  expected: ExpectedSnapshot,
  receiver: SecretReceiver,
): Promise<LedgerStart> {
  const snapshot = await provenSnapshot(file, expected);
  const { seqno } = snapshot;
  const inClear = new Store(storeLimits);
  restoreSnapshot(snapshot, { store: inClear });
  adoptStateSecret(inClear.readAt(seqno), receiver);
  if (!receiver.secrets.has(seqno)) {
    throw refuse('InvalidInput', 'No ledger secret is known for the snapshot.');
  }
  const store = new Store(storeLimits);
  const tree = restoreSnapshot(snapshot, { store, secret: receiver.secrets.secretFor(seqno) });
  const service = serviceIn(store, seqno);
  if (!equalBytes(service.certificate.spki, expected.serviceSpki)) {
    throw refuse('InvalidInput', 'The state of the snapshot is of another service.');
  }
  const view = asView(snapshot.viewStarts.length);
  const views = viewsOf(snapshot.viewStarts);
  const { names } = expected;
  return { store, tree, id: { view, seqno }, views, service, ...(names ? { names } : {}) };
}

function serviceIn(store: Store, seqno: Seqno): ServiceState {
  const row = store.readAt(seqno).map(serviceInfoMap).get(singletonKey);
  if (!row) throw refuse('InvalidInput', 'The state of the snapshot names no service.');
  return parseServiceState(row);
}

/** The views that have entries, from the first seqno of each view from 1 on. */
function viewsOf(starts: readonly Seqno[]): readonly ViewStart[] {
  return starts.flatMap((firstSeqno, at) => {
    const isEmpty = starts[at + 1] === firstSeqno;
    return isEmpty ? [] : [{ view: asView(at + 1), firstSeqno }];
  });
}
