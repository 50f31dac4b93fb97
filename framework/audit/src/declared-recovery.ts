/** What the first transaction of a recovered service says of its recovery. */
import { recoveryRecord } from '@coco/governance';
import type { EntryScene } from './entry-scene.ts';
import type { DeclaredRecovery } from './story.ts';

/** Undefined where the entry declares nothing, as those of earlier versions. */
export function declaredRecovery(scene: EntryScene): DeclaredRecovery | undefined {
  const row = scene.changes.single(recoveryRecord)?.after;
  if (!row) return undefined;
  return {
    recoveredTo: row.recovered_to,
    mayLackCommits: row.may_lack_commits,
    mayHaveVotedCount: row.may_have_voted.length,
    lookedAtCount: row.looked_at.length,
  };
}
