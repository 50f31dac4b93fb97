/**
 * Actions may renew certificates; whose they are stays. A service row of another key would make the
 * ledger one that nobody can verify or recover, and a node's of another key one that it cannot
 * use; a standing permission that does not parse would renew nothing, in silence.
 */
import { equalBytes, LedgerError, toHex, utf8Decode } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import type { Transaction } from '@coco/kv';
import { governanceError } from './errors.ts';
import type { GovernancePorts } from './ports.ts';
import { certificateRenewal, standingPermissions } from './standing-permissions.ts';
import { nodeCertificates, serviceInfo } from './tables.ts';

/** @throws GovernanceRowInvalid */
export function checkIdentityRows(
  transaction: Transaction,
  ports: Pick<GovernancePorts, 'serviceKey'>,
): void {
  for (const { name, rows } of transaction.writeSet().maps) {
    if (name === standingPermissions.name) certificateRenewal(transaction);
    if (name === serviceInfo.name) {
      const { spki } = ports.serviceKey();
      const { cert } = serviceInfo.require(transaction);
      if (!isOfKey(cert, (own) => equalBytes(own, spki))) throw foreign('service');
    }
    if (name !== nodeCertificates.name) continue;
    for (const { key, value } of rows) {
      const id = utf8Decode(key);
      const isOwn =
        value === undefined || isOfKey(utf8Decode(value), (own) => nodeIdOf(own) === id);
      if (!isOwn) throw foreign('node');
    }
  }
}

function isOfKey(pem: string, isExpected: (spki: Uint8Array) => boolean): boolean {
  try {
    return isExpected(parseCertificate(pem).spki);
  } catch (error) {
    if (error instanceof LedgerError) return false;
    throw error;
  }
}

function nodeIdOf(spki: Uint8Array): string {
  return toHex(sha256(spki));
}

function foreign(owner: 'node' | 'service'): LedgerError {
  const message = `The certificate of the ${owner} is not of the key of the ${owner}.`;
  return governanceError('GovernanceRowInvalid', message);
}
