/** What the primary of an open service does by itself: renewals, and keys of token issuers. */
import type { Clock, Log } from '@coco/base';
import type { GovernancePorts } from '@coco/governance';
import type { BatchPipeline } from './batch-pipeline.ts';
import { renewCertificatesInTime } from './certificate-renewal.ts';
import { TokenKeyRefresh } from './token-key-refresh.ts';

export interface NodeJobs {
  readonly tokenKeys: TokenKeyRefresh;
  /** Begins nothing new; resolves when nothing runs. */
  stop(): Promise<void>;
}

export function startJobs(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly pipeline: BatchPipeline;
  readonly ports: Pick<GovernancePorts, 'clock' | 'serviceKey'>;
  readonly tokenKeysIntervalMs: number;
  /** Whether the service is open. */
  readonly isOpen: () => boolean;
}): NodeJobs {
  const { pipeline, isOpen, tokenKeysIntervalMs } = options;
  const duty = { ...options, isOnDuty: () => pipeline.isExecuting && isOpen() };
  const renewal = renewCertificatesInTime(duty);
  const tokenKeys = new TokenKeyRefresh({ ...duty, intervalMs: tokenKeysIntervalMs });
  return {
    tokenKeys,
    stop: async () => {
      await Promise.all([renewal.stop(), tokenKeys.stop()]);
    },
  };
}
