/**
 * Protection against replayed proposals (CCF's rule): the service remembers the last proposals by
 * the time their signer gave them and the digest of their signature. The same one again is refused,
 * and so is one older than the median, because it may have dropped out of the window.
 */
import { toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { governanceError } from './errors.ts';
import type { Writable } from './table.ts';
import { recentProposals, serviceConfig } from './tables.ts';

/** Ten digits last until the year 2286; keys of one length sort by time. */
const createdAtMax = 9_999_999_999;
export const proposalWindowDefault = 100;

/**
 * Notes the proposal in the window.
 * @throws InvalidCreatedAt, ProposalReplay, ProposalCreatedTooLongAgo
 */
export function noteProposal(
  transaction: Writable,
  proposal: {
    readonly id: string;
    /** Unix seconds. */
    readonly createdAt: number;
    readonly signature: Uint8Array;
  },
): void {
  if (proposal.createdAt > createdAtMax) {
    const message = 'Header parameter created_at value is too large';
    throw governanceError('InvalidCreatedAt', message);
  }
  const createdAt = String(proposal.createdAt).padStart(10, '0');
  const key = `${createdAt}:${toHex(sha256(proposal.signature))}`;
  const known = recentProposals.get(transaction, key);
  if (known !== undefined) {
    throw governanceError(
      'ProposalReplay',
      `Proposal submission replay, already exists as proposal ${known}`,
    );
  }
  const keys = recentProposals.keys(transaction);
  const config = serviceConfig.get(transaction);
  const window = config?.recent_cose_proposals_window_size ?? proposalWindowDefault;
  const median = keys[Math.floor(keys.length / 2)]?.split(':')[0];
  // CCF compares seconds alone; where a window's worth of proposals shares one second, those that
  // dropped out are told by their whole key: all of them sort before the ones that are kept.
  const isBelowWindow = keys.length >= window && key < (keys[0] ?? '');
  if (median !== undefined && (createdAt < median || isBelowWindow)) {
    throw governanceError(
      'ProposalCreatedTooLongAgo',
      `Proposal created too long ago, created_at must be greater than ${median}`,
    );
  }
  recentProposals.put(transaction, key, proposal.id);
  const surplus = Math.max(0, keys.length + 1 - window);
  for (const old of keys.slice(0, surplus)) recentProposals.delete(transaction, old);
}
