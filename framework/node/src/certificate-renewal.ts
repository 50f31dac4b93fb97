/**
 * Renews certificates by themselves, where the consortium has voted for it once: the primary looks
 * every hour and when the permission is committed. Without the permission it writes nothing, and
 * certificate-watch.ts warns.
 */

import { type Clock, type Log, utf8Encode } from '@coco/base';
import {
  type GovernancePorts,
  isRenewalDue,
  renewCertificates,
  standingPermissions,
} from '@coco/governance';
import type { BatchPipeline } from '@coco/replication';
import { runOptimistic } from '@coco/replication';
import { PrimaryJob } from './primary-job.ts';

const intervalMs = 3_600_000;
const permissionKey = utf8Encode('certificate_renewal');

/** Starts the job. */
export function renewCertificatesInTime(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly pipeline: BatchPipeline;
  readonly ports: Pick<GovernancePorts, 'clock' | 'serviceKey'>;
  /** Whether this node is the primary of an open service. */
  readonly isOnDuty: () => boolean;
}): PrimaryJob {
  const { clock, log, pipeline, ports, isOnDuty } = options;
  const job = new PrimaryJob({
    name: 'certificate_renewal',
    clock,
    log,
    intervalMs,
    isOnDuty,
    run: async () => {
      if (!isRenewalDue(pipeline.executedState(), clock.nowMs())) return;
      const { result } = await runOptimistic(pipeline, async (transaction) => ({
        result: await renewCertificates(transaction, ports),
      }));
      for (const owner of result) log.write('info', 'certificate.renewing', { owner });
    },
  });
  let seen: number | undefined;
  pipeline.addObserver({
    onCommitted: ({ state }) => {
      const version = state.map(standingPermissions.name).versionOf(permissionKey);
      if (version !== undefined && version !== seen) job.wake();
      seen = version;
    },
    rolledBack: () => job.wake(),
  });
  return job;
}
