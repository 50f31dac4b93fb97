/** What the node gives to governance, of the service as it runs here. */

import type { Adapter } from '@coco/adapter';
import type { Clock, Random } from '@coco/base';
import type { GovernancePorts } from '@coco/governance';
import type { ScriptRunner } from '@coco/isolate';
import { adapterSettings } from './adapter-settings.ts';
import type { ServiceRuntime } from './service-runtime.ts';

export function governancePorts(
  runtime: ServiceRuntime,
  node: {
    readonly clock: Clock;
    readonly random: Random;
    readonly scripts: ScriptRunner;
    forceSnapshot(): void;
    adapters(): readonly Adapter[];
  },
): GovernancePorts {
  const { clock, random, scripts } = node;
  return {
    clock,
    random,
    scripts,
    adapterSettings: adapterSettings(() => node.adapters()),
    transactions: runtime.core.tracker,
    serviceKey: () => runtime.service.key,
    ledgerSecrets: () =>
      runtime.secrets.chain.map(({ fromSeqno, key }) => ({ version: fromSeqno, secret: key })),
    rootAt: () => runtime.tree.root(),
    historicalSecretRows: () => runtime.historicalSecretRows,
    ledger: { ...runtime.core.ledger, forceSnapshot: () => node.forceSnapshot() },
  };
}
