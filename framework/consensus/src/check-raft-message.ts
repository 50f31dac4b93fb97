/**
 * The checks on a peer's Raft message before Raft sees it. Raft trusts its input and panics on
 * what an honest peer would not send; what can be told apart cheaply is refused here with a
 * verdict, so that a broken peer costs its connection and not this node.
 */
import type { View } from '@coco/base';
import { LedgerError, viewMax } from '@coco/base';
import type { Handle } from './handle.ts';
import { decodeHandle, lastSeqnoOf } from './handle.ts';
import type { ReplicaLimits } from './limits.ts';
import { holdsBatch } from './log-tail.ts';
import type { IncomingMessage, RaftEntry } from './raft-instance.ts';
import { readContextBytes } from './read-rounds.ts';
import { decodeSnapshotData } from './snapshot-offer.ts';

/** raftpb.MessageType, those that travel between peers. Proposals are never forwarded. */
export const messageTypes = {
  append: 3,
  appendResponse: 4,
  vote: 5,
  voteResponse: 6,
  snapshot: 7,
  heartbeat: 8,
  heartbeatResponse: 9,
  timeoutNow: 14,
  readIndex: 15,
  readIndexResponse: 16,
  preVote: 17,
  preVoteResponse: 18,
} as const;

/** raftpb.EntryType: normal, and two encodings of a membership change. */
const lastEntryType = 2;

const knownTypes: ReadonlySet<number> = new Set(Object.values(messageTypes));

/** An entry of an append message that holds a batch. */
export interface NamedBatch {
  readonly entry: RaftEntry;
  readonly handle: Handle;
}

export type CheckedMessage =
  | { readonly isValid: true; readonly batches: readonly NamedBatch[] }
  | { readonly isValid: false; readonly reason: string };

export interface MessageContext {
  readonly id: number;
  /** The sender, as the transport knows it. */
  readonly from: number;
  /** The last index of this node's log: no honest leader commits beyond it by a heartbeat. */
  readonly lastIndex: number;
  readonly limits: ReplicaLimits;
}

export function checkRaftMessage(
  message: IncomingMessage,
  context: MessageContext,
): CheckedMessage {
  const reason = envelopeFlaw(message, context);
  if (reason) return { isValid: false, reason };
  try {
    if (message.snapshot) decodeSnapshotData(message.snapshot.data);
    return batchesOf(message, context.limits);
  } catch (error) {
    if (error instanceof LedgerError) return { isValid: false, reason: error.message };
    throw error;
  }
}

function envelopeFlaw(message: IncomingMessage, context: MessageContext): string | undefined {
  const { append, heartbeat, readIndex, readIndexResponse, snapshot } = messageTypes;
  const { type } = message;
  if (!knownTypes.has(type)) return 'no message of this type travels between peers';
  // A backup that no longer leads passes a read on under its asker's name.
  if (message.from !== context.from && type !== readIndex)
    return 'the message names another sender';
  if (message.to !== context.id) return 'the message is for another node';
  // Raft takes term 0 for a local message and would skip its checks.
  if (message.term === 0 && type !== readIndex) return 'the message has no term';
  if (message.term > viewMax) return 'the term is beyond the last view';
  if ((type === snapshot) !== (message.snapshot !== undefined)) return 'a snapshot out of place';
  const isRead = type === readIndex || type === readIndexResponse;
  if (message.entries.length > 0 && type !== append && !isRead) return 'entries out of place';
  if (message.entries.some((entry) => entry.type > lastEntryType)) return 'an unknown entry type';
  const contextBytes = message.entries[0]?.data.length;
  if (isRead && (message.entries.length !== 1 || contextBytes !== readContextBytes)) {
    return 'a read without its context';
  }
  // Raft would panic: it holds that the log was lost.
  if (type === heartbeat && message.commit > context.lastIndex) {
    return 'the heartbeat commits what this node never acknowledged';
  }
  return undefined;
}

function batchesOf(message: IncomingMessage, limits: ReplicaLimits): CheckedMessage {
  const batches: NamedBatch[] = [];
  if (message.type !== messageTypes.append) return { isValid: true, batches };
  let last: Handle | undefined;
  for (const entry of message.entries) {
    if (entry.term > message.term) return { isValid: false, reason: 'an entry of a later term' };
    if (!holdsBatch(entry)) continue;
    const handle = decodeHandle(entry.data);
    const flaw = handleFlaw({ entry, handle, last, limits });
    if (flaw) return { isValid: false, reason: flaw };
    batches.push({ entry, handle });
    last = handle;
  }
  if (batches.length > limits.messageEntriesMax) {
    return { isValid: false, reason: 'a message names too many batches' };
  }
  return { isValid: true, batches };
}

function handleFlaw(named: {
  readonly entry: RaftEntry;
  readonly handle: Handle;
  readonly last: Handle | undefined;
  readonly limits: ReplicaLimits;
}): string | undefined {
  const { entry, handle, last, limits } = named;
  const view: View = handle.view;
  if (view !== entry.term) return 'a batch of another view than its entry';
  if (handle.bodyBytes > limits.bodyBytesMax) return 'a batch body beyond the limit';
  if (last && handle.firstSeqno !== lastSeqnoOf(last) + 1) return 'batches that do not follow';
  return undefined;
}
