/** All endpoints of governance, for the node's registry. */
import { type Endpoint, transactionEndpoints } from '@coco/endpoint';
import { acknowledgementEndpoints } from './acknowledgement-endpoints.ts';
import { apiEndpoint } from './api-endpoint.ts';
import { applicationEndpoints } from './application-endpoints.ts';
import { cocoEndpoints } from './coco-endpoints.ts';
import { memberEndpoints } from './member-endpoints.ts';
import type { GovernancePorts } from './ports.ts';
import { proposalEndpoints } from './proposal-endpoints.ts';
import { recoveryEndpoints } from './recovery-endpoints.ts';
import { serviceEndpoints } from './service-endpoints.ts';

export function governanceEndpoints(ports: GovernancePorts): readonly Endpoint[] {
  const endpoints = [
    ...acknowledgementEndpoints(ports),
    ...proposalEndpoints(ports),
    ...recoveryEndpoints(ports),
    ...memberEndpoints(),
    ...serviceEndpoints(ports),
    ...applicationEndpoints(),
    ...cocoEndpoints(),
  ];
  const builtIn = transactionEndpoints('/gov', ports.transactions);
  return [...endpoints, ...builtIn, apiEndpoint(endpoints, builtIn)];
}
