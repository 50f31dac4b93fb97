/**
 * The other nodes of the service, whom this one reads from: as the committed ledger has them, and,
 * before this node has a ledger, as the primary named them when it let it in.
 */

import type { Clock } from '@coco/base';
import type { JoinedPeer } from '@coco/governance';
import { NodeCaller } from '@coco/http';
import type { ReadView } from '@coco/kv';
import type { CatchUpSource } from '@coco/replication';
import type { NodeKeys } from './identities.ts';
import { LedgerSource } from './ledger-source.ts';
import { addressOfNode, nodesOfService } from './node-addresses.ts';

export interface OtherNodesOptions {
  /** This node. */
  readonly keys: NodeKeys;
  readonly clock: Clock;
  /** Empty for a node that creates its service. */
  readonly first: readonly JoinedPeer[];
  readonly committed: () => ReadView;
}

export class OtherNodes {
  readonly #options: OtherNodesOptions;
  readonly #caller: NodeCaller;

  constructor(options: OtherNodesOptions) {
    const { keys, clock } = options;
    this.#options = options;
    this.#caller = new NodeCaller({
      // Another node goes by the key: this certificate is never renewed.
      identity: { certificatePem: keys.selfSignedPem, privateKeyPem: keys.key.privatePem() },
      clock,
      addressOf: (id) => this.#addressOf(id),
    });
  }

  /** Those that are trusted now. */
  sources(): readonly CatchUpSource[] {
    const { keys, first, committed } = this.#options;
    const state = committed();
    const known =
      state.seqno === 0
        ? first.map(({ nodeId }) => nodeId)
        : nodesOfService(state).flatMap(({ id, info }) => (info.status === 'Trusted' ? [id] : []));
    return known.filter((id) => id !== keys.key.id).map((id) => new LedgerSource(id, this.#caller));
  }

  /** Calls under way end. */
  stop(): void {
    this.#caller.stop();
  }

  #addressOf(nodeId: string): string | undefined {
    const { first, committed } = this.#options;
    return (
      addressOfNode(committed(), nodeId) ?? first.find((peer) => peer.nodeId === nodeId)?.rpcAddress
    );
  }
}
