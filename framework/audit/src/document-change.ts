/** How much of a document changed: digests, and lines as a person would count them. */
import { toHex, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import type { DocumentChange } from './story.ts';

/** Lines that stand in one text more often than in the other; their order does not count. */
export function documentChange(
  before: string | undefined,
  after: string | undefined,
): DocumentChange {
  const surplus = new Map<string, number>();
  const count = (text: string | undefined, by: number): void => {
    for (const line of text?.split('\n') ?? []) surplus.set(line, (surplus.get(line) ?? 0) + by);
  };
  count(before, -1);
  count(after, 1);
  let [linesAdded, linesRemoved] = [0, 0];
  for (const by of surplus.values()) {
    if (by > 0) linesAdded += by;
    else linesRemoved -= by;
  }
  const digestOf = (text: string | undefined): string | undefined =>
    text === undefined ? undefined : toHex(sha256(utf8Encode(text)));
  return { digestBefore: digestOf(before), digestAfter: digestOf(after), linesAdded, linesRemoved };
}
