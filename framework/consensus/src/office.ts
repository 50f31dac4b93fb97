/**
 * Who leads, as this node sees it, and whether it may execute. A leader executes only when the
 * first entry of its term has committed: Raft appends an empty one on election, so that everything
 * before it is known to be committed, and is delivered, when that one is.
 *
 * Leader and follower are Raft's words for the role in an election; the primary is the leader that
 * may execute (docs/GLOSSARY.md).
 */
import type { View } from '@coco/base';
import { asView } from '@coco/base';
import type { NodeId } from './configuration.ts';
import type { RaftInstance } from './raft-instance.ts';

export type Role = 'leader' | 'follower' | 'candidate';

export interface Office {
  readonly role: Role;
  /** The Raft term. */
  readonly view: View;
  /** The leader of the view, when known. */
  readonly leaderId: NodeId | undefined;
  /** Invariant: only a leader's is true. */
  readonly canExecute: boolean;
}

export class OfficeWatch {
  readonly #instance: RaftInstance;
  #office: Office = { role: 'follower', view: asView(0), leaderId: undefined, canExecute: false };

  constructor(instance: RaftInstance) {
    this.#instance = instance;
  }

  get office(): Office {
    return this.#office;
  }

  get isLeader(): boolean {
    return this.#office.role === 'leader';
  }

  /** Looks at Raft again. Returns what was before when something changed. */
  refresh(): Office | undefined {
    const { role: raftRole, term, leader } = this.#instance.role();
    const before = this.#office;
    const role = raftRole === 'preCandidate' ? 'candidate' : raftRole;
    const leaderId = leader === 0 ? undefined : leader;
    const isSameOffice = before.role === role && before.view === term;
    if (isSameOffice && before.leaderId === leaderId) return undefined;
    const canExecute = isSameOffice && before.canExecute;
    this.#office = { role, view: asView(term), leaderId, canExecute };
    return before;
  }

  /** An entry of this term was committed and everything up to it delivered. True if that is new. */
  committedIn(term: number): boolean {
    const { role, view, canExecute } = this.#office;
    if (role !== 'leader' || view !== term || canExecute) return false;
    this.#office = { ...this.#office, canExecute: true };
    return true;
  }
}
