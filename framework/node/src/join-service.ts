/**
 * Becomes a node of a service that trusts it: Raft begins without a state, the primary adds the
 * node as a learner, and what it lacks is installed. Until then it is a backup of nothing.
 */

import { resolve } from 'node:path';
import { asSeqno, asView, type Seqno } from '@coco/base';
import { TransactionStatusTracker } from '@coco/endpoint';
import { Store } from '@coco/kv';
import { createLedgerTree, LedgerSecrets, NonceGuard, Sequencer } from '@coco/ledger';
import type { Peer } from '@coco/peers';
import { type LedgerMembers, storeLimits } from '@coco/replication';
import type { TrustedJoin } from './join-attempt.ts';
import { takeFolder } from './ledger-folder.ts';
import { parseAddress } from './node-addresses.ts';
import type { NodeBeginning } from './node-beginning.ts';
import { openCore } from './node-core.ts';
import { coreLimits } from './resource-limits.ts';
import type { NodeSurroundings, ServiceRuntime } from './service-runtime.ts';

export interface JoinedService {
  readonly runtime: ServiceRuntime;
  /** Resolves when the state holds what was committed when the network trusted this node. */
  readonly caughtUp: Promise<void>;
}

/** @throws ReplicaFailed, LedgerNotEmpty */
export async function joinService(
  surroundings: NodeSurroundings,
  trusted: TrustedJoin,
  beginning: NodeBeginning,
): Promise<JoinedService> {
  const { configuration, baseFolder } = surroundings;
  const { node, service, network, ledgerSecrets } = trusted;
  const { signer, raftId } = network;
  const tree = createLedgerTree();
  const secrets = new LedgerSecrets(
    ledgerSecrets.map(({ version, secret }) => ({ fromSeqno: version, key: secret })),
  );
  const sequencer = new Sequencer({
    view: asView(1),
    start: 'join',
    tree,
    secrets,
    guard: new NonceGuard(),
    signer: { keyId: service.key.id, algorithm: service.key.algorithm, ...signer },
    committed: asSeqno(0),
    chunkBytes: configuration.chunkBytes,
  });
  const ledgerFolder = resolve(baseFolder, configuration.ledgerDirectory);
  const core = await openCore({
    ...surroundings,
    ledgerFolder,
    store: new Store(storeLimits),
    sequencer,
    secrets,
    tracker: new TransactionStatusTracker(),
    keys: node,
    serviceKey: service.key,
    replica: beginning.replica,
    ...coreLimits(configuration),
    begin: {
      kind: 'join',
      raftId,
      members: firstMembers(trusted),
      peers: network.peers,
      committed: network.committed.seqno,
    },
  });
  await takeFolder(ledgerFolder, node.key);
  const own = { node, service, evidence: beginning.evidence, core, tree, secrets, signer };
  const runtime: ServiceRuntime = {
    ...own,
    historicalSecretRows: [],
    get startupSeqno() {
      return core.catchUp.startedAfter;
    },
    endorsements: () => network.endorsements,
  };
  return { runtime, caughtUp: untilCommitted(runtime, network.committed.seqno) };
}

/** Who is a member, until the ledger is here. */
function firstMembers({ network }: TrustedJoin): LedgerMembers {
  const peers = network.peers.flatMap(({ nodeId, raftId, nodeToNodeAddress }): readonly Peer[] => {
    const address = parseAddress(nodeToNodeAddress);
    return address ? [{ id: raftId, keyId: nodeId, ...address }] : [];
  });
  const { seqno } = network.committed;
  return { seqno, peers, trusted: [...peers.map(({ id }) => id), network.raftId] };
}

function untilCommitted({ core }: ServiceRuntime, seqno: Seqno): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  core.pipeline.addObserver({
    onCommitted: ({ lastSeqno }) => {
      if (lastSeqno >= seqno) resolve();
    },
    rolledBack: () => {},
  });
  return promise;
}
