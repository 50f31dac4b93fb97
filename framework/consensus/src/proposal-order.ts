/**
 * Which batch may be proposed next. A (ledger secret, view, seqno) is key and nonce of AES-GCM and
 * is used once, ever (design.md 5, rule A): so within a view each batch extends the last one, the
 * first of a view is its opening signature, and a batch that Raft refused comes again byte for
 * byte or the view ends.
 */
import type { Seqno, View } from '@coco/base';
import { asSeqno, assert, equalBytes } from '@coco/base';
import { consensusError } from './errors.ts';
import type { Handle } from './handle.ts';
import { lastSeqnoOf } from './handle.ts';

interface Office {
  readonly view: View;
  /** Whether a creating or recovering transaction may open it instead of a signature. */
  readonly mayBeGenesis: boolean;
  nextSeqno: Seqno;
  hasOpened: boolean;
  /** The batch that Raft refused last, if it has not been taken since. */
  refused: Handle | undefined;
}

export class ProposalOrder {
  #office: Office | undefined;

  /** The leader may execute: everything before `nextSeqno` is committed and delivered. */
  takeOffice(office: {
    readonly view: View;
    readonly nextSeqno: Seqno;
    readonly mayBeGenesis: boolean;
  }): void {
    this.#office = { ...office, hasOpened: false, refused: undefined };
  }

  loseOffice(): void {
    this.#office = undefined;
  }

  /**
   * @throws NotLeaderInView outside this node's office, NotExtending when it is not the next one.
   * A batch that differs from a refused one is a BugError: its seqnos would be used twice.
   */
  check(handle: Handle): void {
    const office = this.#office;
    if (!office || office.view !== handle.view) {
      throw consensusError('NotLeaderInView', 'This node does not execute in that view.', {
        view: handle.view,
      });
    }
    const { refused } = office;
    if (refused && refused.firstSeqno === handle.firstSeqno) {
      assert(equalBytes(refused.digest, handle.digest), 'a refused batch comes again unchanged');
    }
    const isNext = handle.firstSeqno === office.nextSeqno;
    if (!isNext || !isKindInPlace(office, handle)) {
      throw consensusError('NotExtending', 'A batch does not extend the last one of its view.', {
        firstSeqno: handle.firstSeqno,
        expected: office.nextSeqno,
        kind: handle.kind,
      });
    }
  }

  proposed(handle: Handle): void {
    const office = this.#office;
    assert(office !== undefined, 'only a leader proposes');
    office.nextSeqno = asSeqno(lastSeqnoOf(handle) + 1);
    office.hasOpened = true;
    office.refused = undefined;
  }

  refused(handle: Handle): void {
    if (this.#office) this.#office.refused = handle;
  }
}

function isKindInPlace(office: Office, handle: Handle): boolean {
  switch (handle.kind) {
    case 'genesis':
      return !office.hasOpened && office.mayBeGenesis;
    case 'opening':
      return !office.hasOpened && handle.entryCount === 1;
    case 'batch':
      return office.hasOpened;
  }
}
