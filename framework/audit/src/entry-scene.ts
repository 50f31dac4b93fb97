/** One ledger entry as the parts of the audit look at it: what changed, when, and where to report. */
import { isJsonObject, type JsonValue, type Seqno, type TransactionId } from '@coco/base';
import type { EntryChanges } from './entry-changes.ts';
import type { GovernanceFault } from './finding.ts';
import type { SignedRequest } from './signed-request.ts';
import type { Happening, Moment, Party } from './story.ts';

export interface EntryScene {
  readonly id: TransactionId;
  readonly at: Moment;
  readonly changes: EntryChanges;
  /** The entry creates the service, or begins its recovery; undefined for all others. */
  readonly begins: 'service' | 'recovery' | undefined;
  /** Requests that members signed and that verified. */
  readonly requests: readonly SignedRequest[];
  /** The Merkle root over the entries up to a seqno; undefined where it is not held. */
  rootAt(seqno: Seqno): Uint8Array | undefined;
  report(code: GovernanceFault, sentence: string): void;
  tell(happening: Happening): void;
  /** A member or user under the name that their data give now, or gave last. */
  party(id: string): Party;
}

/** What `member_data` and `user_data` say of a name; Coco's rules know the same fields. */
export function nameIn(data: JsonValue | undefined): string | undefined {
  if (!isJsonObject(data)) return undefined;
  const { name, organisation } = data;
  if (typeof name === 'string' && name !== '') return name;
  return typeof organisation === 'string' && organisation !== '' ? organisation : undefined;
}
