/** What a node writes to its log, as the transcript and the counts of a run take it. */
import type { Log } from '@coco/base';
import type { FaultKind } from './fault-counts.ts';
import type { RunningNode } from './running-node.ts';
import type { World } from './world.ts';

/** Steps of membership that are counted. */
const steps: ReadonlyMap<unknown, FaultKind> = new Map([
  ['addLearner', 'learner'],
  ['promote', 'promotion'],
  ['replace', 'replacement'],
  ['remove', 'removal'],
]);
const counted: ReadonlyMap<string, FaultKind> = new Map([
  ['consensus.refused', 'dropped proposal'],
  ['install.refused', 'hostile source'],
  ['membership.told', 'told of members'],
]);

export function nodeLog(world: World, node: RunningNode): Log {
  const { transcript, counts } = world;
  return {
    write: (level, event, fields = {}) => {
      if (level === 'debug' || event === 'consensus.role') return;
      const kind = event === 'membership.step' ? steps.get(fields.kind) : counted.get(event);
      if (kind) counts.add(kind);
      // At the very moment at which the primary's replica decides.
      const promoted = fields.kind === 'promote' ? fields.id : fields.added;
      if (event === 'membership.step' && typeof promoted === 'number') {
        world.onPromotion(node, promoted);
      }
      transcript.write(node.name, `${event} ${JSON.stringify(fields)}`);
    },
  };
}
