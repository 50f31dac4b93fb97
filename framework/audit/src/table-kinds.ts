/** Which tables are governance, and which of them only record how a decision came about. */
import {
  governanceHistory,
  memberAcks,
  proposalInfos,
  proposals,
  recentProposals,
} from '@coco/governance';

const governancePrefixes = ['public:ccf.gov.', 'public:coco.gov.'];

export function isGovernanceTable(name: string): boolean {
  return governancePrefixes.some((prefix) => name.startsWith(prefix));
}

/** Follows the members' rows in whatever entry writes them (member-index.ts checks that it does). */
export const activeMembersTable = 'public:coco.gov.active_members';

/**
 * Written by requests and resolutions, not by actions: what they may hold is checked where
 * proposals, acknowledgements and the ledger's time are.
 */
export const bookkeepingTables: ReadonlySet<string> = new Set([
  governanceHistory.name,
  memberAcks.name,
  proposalInfos.name,
  proposals.name,
  recentProposals.name,
  activeMembersTable,
  'public:coco.gov.clock',
  'public:coco.gov.decided',
  'public:coco.gov.proposal_times',
  'public:coco.gov.wakeups',
]);
