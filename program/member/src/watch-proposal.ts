/** Waits until a proposal is decided, and tells of each ballot and change on the way. */
import type { GovernanceService, ProposalInfo } from './governance-service.ts';

const pollFirstMs = 100;
const pollLastMs = 2_000;

/**
 * Resolves with the decided proposal, or with the open one when `signal` aborts.
 * @throws ProposalForgotten when another proposal was decided between two looks
 */
export async function watchProposal(
  governance: GovernanceService,
  id: string,
  watching: {
    readonly onChange: (proposal: ProposalInfo) => void;
    readonly pause: (delayMs: number) => Promise<void>;
    readonly signal?: AbortSignal;
  },
): Promise<ProposalInfo> {
  let seen: string | undefined;
  for (let delayMs = pollFirstMs; ; delayMs = Math.min(2 * delayMs, pollLastMs)) {
    const proposal = await governance.proposal(id);
    const now = `${proposal.state} ${proposal.ballotCount}`;
    if (now !== seen) {
      watching.onChange(proposal);
      delayMs = pollFirstMs;
    }
    seen = now;
    if (proposal.state !== 'Open' || watching.signal?.aborted) return proposal;
    await watching.pause(delayMs);
  }
}
