/**
 * Actions write governance's tables as they like. What the framework itself reads must keep its
 * form: a row that it cannot read would lock the consortium out of its own network.
 */
import type { Transaction } from '@coco/kv';
import { runtimeOptions } from './app-tables.ts';
import { ledgerClock, proposalTimes } from './coco-tables.ts';
import { governanceError } from './errors.ts';
import { tokenIssuers, tokenKeys } from './jwt-tables.ts';
import type { Singleton, Table } from './table.ts';
import {
  constitution,
  memberAcks,
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  nodeCertificates,
  nodeInfos,
  proposalInfos,
  serviceConfig,
  serviceInfo,
  userCertificates,
  userInfos,
} from './tables.ts';

const tables: readonly (Table<unknown> | Singleton<unknown>)[] = [
  constitution,
  ledgerClock,
  memberAcks,
  memberCertificates,
  memberEncryptionKeys,
  memberInfos,
  nodeCertificates,
  nodeInfos,
  proposalInfos,
  proposalTimes,
  runtimeOptions,
  serviceConfig,
  serviceInfo,
  tokenIssuers,
  tokenKeys,
  userCertificates,
  userInfos,
];
const byName = new Map(tables.map((table) => [table.name, table]));
/** Without these rows nothing can be decided any more. */
const indispensable = new Set([constitution.name, serviceConfig.name, serviceInfo.name]);

/** @throws GovernanceRowInvalid */
export function checkWrittenRows(transaction: Transaction): void {
  for (const { name, rows } of transaction.writeSet().maps) {
    const table = byName.get(name);
    for (const { value } of table ? rows : []) {
      const isKept = value !== undefined && table?.decode(value) !== '';
      if (!isKept && indispensable.has(name)) throw missing(name);
    }
  }
}

function missing(name: string): Error {
  return governanceError('GovernanceRowInvalid', `The row of ${name} must not be empty.`);
}
