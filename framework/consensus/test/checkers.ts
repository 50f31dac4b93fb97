/**
 * What must hold in every run, checked while it goes on: one leader per view, equal committed
 * prefixes, bodies as their handles name them, durable before acknowledged, a (view, seqno) used
 * for one content only.
 */
import assert from 'node:assert/strict';
import { sha256 } from '@coco/crypto';
import type { Handle, PeerMessage, StoredBatch } from '../src/index.ts';
import { lastSeqnoOf } from '../src/index.ts';
import { readRaftFields } from './raft-fields.ts';

const appendResponse = 4;

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** What the checkers ask a node for. */
export interface CheckedNode {
  readonly id: number;
  /** What persist was called with and has not resolved. */
  readonly unflushed: readonly StoredBatch[];
}

export class Checkers {
  readonly #leaders = new Map<number, number>();
  /** The service's committed history, as first delivered anywhere. */
  readonly history: StoredBatch[] = [];
  readonly #delivered = new Map<number, number>();
  readonly #contents = new Map<string, string>();
  /** How often each checker looked at something: one that never looked proves nothing. */
  readonly counts = { leaders: 0, committed: 0, acknowledged: 0, bodies: 0 };

  leads(id: number, view: number): void {
    const known = this.#leaders.get(view) ?? id;
    assert.equal(known, id, `view ${view} has two leaders`);
    this.#leaders.set(view, id);
    this.counts.leaders += 1;
  }

  proposes(handle: Handle): void {
    for (let seqno = Number(handle.firstSeqno); seqno <= lastSeqnoOf(handle); seqno++) {
      const id = `${handle.view}.${seqno}`;
      const known = this.#contents.get(id) ?? hex(handle.digest);
      assert.equal(known, hex(handle.digest), `${id} was sealed twice`);
      this.#contents.set(id, known);
    }
  }

  persists(batch: StoredBatch): void {
    assert.equal(hex(sha256(batch.body)), hex(batch.handle.digest), 'a persisted body is verified');
    assert.equal(batch.body.length, batch.handle.bodyBytes);
    this.counts.bodies += 1;
  }

  commits(id: number, batch: StoredBatch): void {
    const position = this.#delivered.get(id) ?? 0;
    const known = this.history[position];
    if (known) {
      assert.equal(hex(known.handle.digest), hex(batch.handle.digest), `node ${id} diverged`);
      assert.equal(known.raftIndex, batch.raftIndex);
    } else {
      assert.equal(position, this.history.length);
      this.history.push(batch);
    }
    this.#delivered.set(id, position + 1);
    assert.equal(hex(sha256(batch.body)), hex(batch.handle.digest), 'a delivered body is verified');
    this.counts.committed += 1;
  }

  /** A node that installed a snapshot goes on after it. */
  installs(id: number, lastBatch: Handle): void {
    const digest = hex(lastBatch.digest);
    const position = this.history.findIndex((batch) => hex(batch.handle.digest) === digest);
    assert.ok(position >= 0, 'a snapshot holds only what is committed');
    this.#delivered.set(id, position + 1);
  }

  /** Nothing is acknowledged to a leader before it is flushed. */
  sends(node: CheckedNode, message: PeerMessage): void {
    if (message.kind !== 'raft') return;
    const { type, index, isReject } = readRaftFields(message.message);
    if (type !== appendResponse || isReject) return;
    const early = node.unflushed.find((batch) => batch.raftIndex <= index);
    assert.equal(early, undefined, `node ${node.id} acknowledged ${index} before its flush`);
    this.counts.acknowledged += 1;
  }
}
