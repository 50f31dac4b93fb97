/**
 * Raft's configuration: who votes and who only receives. The committed ledger (nodes.info) is the
 * truth and this follows it, one difference at a time (design.md 5, Membership).
 */

/** A node's id in Raft: the seqno of the transaction that added it, so never used twice. */
export type NodeId = number;

export interface Configuration {
  readonly voters: readonly NodeId[];
  /** Nodes that receive the log and do not vote yet. */
  readonly learners: readonly NodeId[];
  /** While a replacement is under way: the voters before it, whose majority counts too. */
  readonly votersOutgoing: readonly NodeId[];
  /** Voters that become learners when the joint configuration is left. */
  readonly learnersNext: readonly NodeId[];
  /** Whether Raft leaves the joint configuration by itself. */
  readonly isAutoLeave: boolean;
}

/** One difference between the ledger's nodes and Raft's configuration. */
export type MembershipChange =
  | { readonly kind: 'addLearner'; readonly id: NodeId }
  | { readonly kind: 'promote'; readonly id: NodeId }
  | { readonly kind: 'remove'; readonly id: NodeId }
  /** One joint change, so that the quorum never grows while a dead node is replaced. */
  | { readonly kind: 'replace'; readonly added: NodeId; readonly removed: NodeId };

/** A plain configuration, as a service starts with. */
export function createConfiguration(
  voters: readonly NodeId[],
  learners: readonly NodeId[] = [],
): Configuration {
  return { voters, learners, votersOutgoing: [], learnersNext: [], isAutoLeave: false };
}

/** Everybody whom Raft speaks to. */
export function membersOf(configuration: Configuration): readonly NodeId[] {
  const { voters, learners, votersOutgoing } = configuration;
  return [...new Set([...voters, ...learners, ...votersOutgoing])];
}

export function isMember(configuration: Configuration, id: NodeId): boolean {
  const { voters, learners, votersOutgoing } = configuration;
  return voters.includes(id) || learners.includes(id) || votersOutgoing.includes(id);
}

/** Whether a joint change is under way. */
export function isJoint(configuration: Configuration): boolean {
  return configuration.votersOutgoing.length > 0;
}

/** raftpb.ConfChangeType. */
const addNode = 0;
const removeNode = 1;
const addLearnerNode = 3;

export interface SingleChange {
  readonly type: number;
  readonly id: NodeId;
}

/** The change in Raft's terms. */
export function singleChangesOf(change: MembershipChange): readonly SingleChange[] {
  switch (change.kind) {
    case 'addLearner':
      return [{ type: addLearnerNode, id: change.id }];
    case 'promote':
      return [{ type: addNode, id: change.id }];
    case 'remove':
      return [{ type: removeNode, id: change.id }];
    case 'replace':
      return [
        { type: addNode, id: change.added },
        { type: removeNode, id: change.removed },
      ];
  }
}
