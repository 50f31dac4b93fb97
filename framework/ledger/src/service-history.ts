/**
 * The service's identity as a ledger tells it: which key signs, and which changes of
 * `public:ccf.gov.service.info` are legal. A new key appears only in the first transaction of the
 * ledger or of a recovery; PyPI ccf lets one in whenever the status is Opening.
 * Source: docs/formats/ledger.md section 7.
 */
import { equalBytes, type JsonValue, parseJson, refuse } from '@coco/base';
import { algorithmOf, type Certificate, parseCertificate } from '@coco/crypto';
import type { DecodedEntry } from './entry.ts';
import { singletonKey, textField } from './signature-entry.ts';

/** Its row has the key of a singleton. */
export const serviceInfoMap = 'public:ccf.gov.service.info';

export type ServiceStatus = 'Opening' | 'Open' | 'Recovering' | 'WaitingForRecoveryShares';

/** The legal next statuses, besides the same one. */
const nextStatuses: Readonly<Record<ServiceStatus, readonly ServiceStatus[]>> = {
  Opening: ['Open', 'WaitingForRecoveryShares'],
  Open: ['Recovering'],
  Recovering: ['WaitingForRecoveryShares'],
  WaitingForRecoveryShares: ['Open'],
};

/** The row of service.info, as far as verification needs it. */
export interface ServiceState {
  readonly certificate: Certificate;
  readonly status: ServiceStatus;
  /** The COSE algorithm of the certificate's key. */
  readonly algorithm: number;
}

function isServiceStatus(text: string | undefined): text is ServiceStatus {
  return text !== undefined && Object.hasOwn(nextStatuses, text);
}

/** The service.info row that an entry writes, if it does. @throws InvalidInput, InvalidCertificate */
export function writtenService(entry: DecodedEntry): ServiceState | undefined {
  const map = entry.publicMaps.find(({ name }) => name === serviceInfoMap);
  if (!map) return undefined;
  const [row] = map.rows;
  if (map.rows.length !== 1 || !row?.value || !equalBytes(row.key, singletonKey)) {
    throw refuse('InvalidInput', 'service.info has one row, which is never removed.');
  }
  return parseServiceState(row.value);
}

/** The row as it stands in a state. @throws InvalidInput, InvalidCertificate */
export function parseServiceState(value: Uint8Array): ServiceState {
  const info: JsonValue = parseJson(value);
  const status = textField(info, 'status');
  const pem = textField(info, 'cert');
  if (pem === undefined || !isServiceStatus(status)) {
    throw refuse('InvalidInput', 'service.info holds a certificate and a known status.');
  }
  const certificate = parseCertificate(pem);
  return { certificate, status, algorithm: algorithmOf(certificate.spki) };
}

/**
 * Checks the step from one row to the next. `isFirstOfService` says whether the entry may create a
 * service: the first of the ledger, or of a recovery. @throws InvalidInput
 */
export function assertServiceChange(
  before: ServiceState | undefined,
  after: ServiceState,
  isFirstOfService: boolean,
): void {
  if (!before) {
    if (isFirstOfService && after.status === 'Opening') return;
    throw refuse('InvalidInput', 'A service is created as Opening by the first transaction.');
  }
  const isSameKey = equalBytes(before.certificate.spki, after.certificate.spki);
  const isRecovery = isFirstOfService && after.status === 'Recovering';
  if (isRecovery && isSameKey) {
    throw refuse('InvalidInput', 'A recovered service has a key of its own.');
  }
  if (!isSameKey && !isRecovery) {
    throw refuse('InvalidInput', 'The service key changes outside of a recovery.');
  }
  const isLegal =
    before.status === after.status ||
    nextStatuses[before.status].includes(after.status) ||
    isRecovery;
  if (!isLegal) {
    throw refuse('InvalidInput', `The service goes from ${before.status} to ${after.status}.`);
  }
}
