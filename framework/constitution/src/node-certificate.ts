/** Certificates that the service endorses for its nodes, and how long certificates may be valid. */
import type { CcfGlobal } from './ccf-global.ts';
import type { Validity } from './check-arguments.ts';
import { refuse } from './refuse.ts';
import { writeText } from './rows.ts';
import { serviceConfig } from './service-state.ts';
import { nodeCertificateTable } from './tables.ts';

declare const ccf: CcfGlobal;

const daysMaxByDefault = 365;

/** The days asked for, which default to the most that the service allows. @throws Error */
export function daysWithin(days: number | undefined, configuredMax: number | undefined): number {
  const daysMax = configuredMax ?? daysMaxByDefault;
  if (days !== undefined && days > daysMax) {
    refuse(
      `Validity period ${days} (days) is not allowed: service max allowed is ${daysMax} (days)`,
    );
  }
  return days ?? daysMax;
}

export function endorseNode(nodeId: string, request: string, { validFrom, days }: Validity): void {
  const daysMax = serviceConfig().maximum_node_certificate_validity_days;
  const chosenDays = daysWithin(days, daysMax);
  const certificate = ccf.network.generateEndorsedCertificate(request, validFrom, chosenDays);
  writeText(nodeCertificateTable, nodeId, certificate);
}
