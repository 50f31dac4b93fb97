/** Raft's configuration as the main thread is told of it. */
import type { Configuration } from '@coco/consensus';
import type { ConfigurationReport } from './replica-messages.ts';

/** While a replacement is under way, who leaves still votes; who votes does not count as a learner. */
export function reportOf(configuration: Configuration): ConfigurationReport {
  const { voters, votersOutgoing, learners, learnersNext } = configuration;
  const all = [...new Set([...voters, ...votersOutgoing])];
  const receiving = [...new Set([...learners, ...learnersNext])].filter((id) => !all.includes(id));
  return { voters: all, learners: receiving };
}
