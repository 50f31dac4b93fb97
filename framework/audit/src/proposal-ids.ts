/**
 * A proposal's id follows from the Merkle root of the state that its transaction read and from the
 * signature: nobody chooses it, and no id comes twice. The window of recent proposals is checked
 * by the service's own rule.
 * Source: CCF, docs/formats/governance-tables.md.
 */
import { asSeqno, toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { recentProposals } from '@coco/governance';
import type { EntryScene } from './entry-scene.ts';
import type { SignedRequest } from './signed-request.ts';

/** A request runs for at most 5 s of script while some thousand entries a second go past it. */
const statesSearchedMax = 20_000;
/** Then a ledger has so many wrong ids that no search explains them. */
const longSearchesMax = 8;

export class ProposalIds {
  #longSearches = 0;

  check(scene: EntryScene, id: string, request: SignedRequest): void {
    if (!this.#isDerived(scene, id, request.signature)) {
      const text = `Proposal ${id}: the id does not follow from its signature and a state before it.`;
      scene.report('ProposalIdMismatch', text);
    }
    checkWindow(scene, id, request);
  }

  #isDerived(scene: EntryScene, id: string, signature: Uint8Array): boolean {
    const digest = sha256(signature);
    const last = scene.id.seqno - 1;
    const searched = this.#longSearches < longSearchesMax ? statesSearchedMax : 1;
    for (let seqno = last; seqno > last - searched && seqno >= 0; seqno--) {
      const root = scene.rootAt(asSeqno(seqno));
      if (!root) break;
      if (toHex(sha256(root, digest)) === id) return true;
    }
    this.#longSearches += 1;
    return false;
  }
}

/** The proposal was noted, was not there before, and is not older than the window's median. */
function checkWindow(scene: EntryScene, id: string, request: SignedRequest): void {
  const createdAt = String(request.createdAt).padStart(10, '0');
  const key = `${createdAt}:${request.signatureDigest}`;
  const report = (reason: string): void =>
    scene.report('ProposalReplayed', `Proposal ${id}: ${reason}.`);
  const noted = scene.changes.rows(recentProposals).find((change) => change.key === key);
  if (recentProposals.has(scene.changes.before, key)) {
    report('its signature was used before');
  } else if (noted?.after !== id) {
    report('its signature was not noted, so it could be used again');
  }
  const keys = recentProposals.keys(scene.changes.before);
  const median = keys[Math.floor(keys.length / 2)]?.split(':')[0];
  if (median !== undefined && createdAt < median) {
    report('it is older than the service may accept');
  }
}
