/**
 * What the primary does by itself: in an open service renewals, and keys of token issuers; always
 * open proposals whose time has come.
 */

import type { Clock, Log } from '@coco/base';
import type { GovernancePorts } from '@coco/governance';
import type { BatchPipeline } from '@coco/replication';
import { renewCertificatesInTime } from './certificate-renewal.ts';
import { TokenKeyRefresh } from './token-key-refresh.ts';
import { wakeProposals } from './wake-proposals.ts';

export interface NodeJobs {
  readonly tokenKeys: TokenKeyRefresh;
  /** Begins nothing new; resolves when nothing runs. */
  stop(): Promise<void>;
}

export function startJobs(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly pipeline: BatchPipeline;
  readonly ports: GovernancePorts;
  readonly tokenKeysIntervalMs: number;
  /** Whether the service is open. */
  readonly isOpen: () => boolean;
}): NodeJobs {
  const { pipeline, isOpen, tokenKeysIntervalMs } = options;
  const duty = { ...options, isOnDuty: () => pipeline.isExecuting && isOpen() };
  const renewal = renewCertificatesInTime(duty);
  const tokenKeys = new TokenKeyRefresh({ ...duty, intervalMs: tokenKeysIntervalMs });
  const waker = wakeProposals(options);
  return {
    tokenKeys,
    stop: async () => {
      waker.stop();
      await Promise.all([renewal.stop(), tokenKeys.stop()]);
    },
  };
}
