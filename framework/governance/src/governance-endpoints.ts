/** All endpoints of governance, for the node's registry. */
import type { Endpoint } from '@coco/endpoint';
import { acknowledgementEndpoints } from './acknowledgement-endpoints.ts';
import type { GovernancePorts } from './ports.ts';
import { proposalEndpoints } from './proposal-endpoints.ts';
import { recoveryEndpoints } from './recovery-endpoints.ts';
import { serviceEndpoints } from './service-endpoints.ts';

export function governanceEndpoints(ports: GovernancePorts): readonly Endpoint[] {
  return [
    ...acknowledgementEndpoints(ports),
    ...proposalEndpoints(ports),
    ...recoveryEndpoints(ports),
    ...serviceEndpoints(ports),
  ];
}
