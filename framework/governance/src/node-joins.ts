/**
 * Who was ever added to the service, and when: the id of a node in Raft is the seqno of the
 * transaction that first wrote its row in nodes.info. That row changes with the node's status, so
 * a row of its own stands beside it, is written once, by the same transaction, and is never
 * removed: an id belongs to one node for ever, and a node that left cannot come back under its key.
 */
import { assert, type JsonValue, type Seqno, utf8Encode } from '@coco/base';
import { json, type Readable, Table, type Writable } from './table.ts';

/** Node id to `{}`: what says something is the seqno that wrote the row. */
export const nodeJoins: Table<JsonValue> = new Table('public:coco.internal.node_joins', json);

/** The node's id in Raft; undefined for a node that was never added. */
export function raftIdOf(state: Readable, nodeId: string): Seqno | undefined {
  return state.map(nodeJoins.name).versionOf(utf8Encode(nodeId));
}

/** Part of the transaction that adds the node. */
export function recordJoin(transaction: Writable, nodeId: string): void {
  assert(!nodeJoins.has(transaction, nodeId), 'a node is added once');
  nodeJoins.put(transaction, nodeId, {});
}
