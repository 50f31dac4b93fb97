/**
 * Acknowledgements on the ledger, verified again: the member signed the digest of a state that the
 * service had signed, and became Active by nothing else.
 */
import { fromBase64, isJsonObject, LedgerError, parseJson } from '@coco/base';
import { type MemberAckRow, memberAcks, memberInfos } from '@coco/governance';
import type { RowChange } from './entry-changes.ts';
import type { EntryScene } from './entry-scene.ts';
import { verifyRequest } from './signed-request.ts';

/** Roots that a member may still acknowledge: those of the last signatures. */
const rootsMax = 10_000;

export class AcknowledgementAudit {
  /** Hex of the roots that were signed, the oldest first. */
  readonly #signedRoots = new Set<string>();

  noteSignedRoot(root: string): void {
    this.#signedRoots.add(root);
    if (this.#signedRoots.size <= rootsMax) return;
    const [oldest] = this.#signedRoots;
    if (oldest !== undefined) this.#signedRoots.delete(oldest);
  }

  /** The members whose acknowledgement the entry holds, verified or not. */
  check(scene: EntryScene): readonly string[] {
    const acknowledged: string[] = [];
    for (const change of scene.changes.rows(memberAcks)) {
      const { key: memberId, before, after } = change;
      if (!after) continue;
      const isSigned = after.cose_sign1_req !== before?.cose_sign1_req;
      if (isSigned && after.cose_sign1_req !== undefined) {
        acknowledged.push(memberId);
        this.#checkSigned(scene, change, after.cose_sign1_req);
        continue;
      }
      const isNew = after.state_digest !== before?.state_digest && after.state_digest !== '';
      if (isNew && !this.#signedRoots.has(after.state_digest)) {
        const text = `Member ${memberId} was given a state digest that the service never signed.`;
        scene.report('RequestMismatch', text);
      }
    }
    return acknowledged;
  }

  #checkSigned(scene: EntryScene, change: RowChange<MemberAckRow>, signed: string): void {
    const { key: memberId, before, after } = change;
    const state = scene.changes.before;
    const bytes = bytesIn(signed);
    const verdict = verifyRequest(bytes, { memberId, state, mustBeActive: false });
    const who = `The acknowledgement of member ${memberId}`;
    if (verdict.kind === 'refused') {
      scene.report('RequestInvalid', `${who} fails: ${verdict.reason}.`);
      return;
    }
    const { request } = verdict;
    if (request.type !== 'ack' || digestIn(request.payload) !== after?.state_digest) {
      scene.report('RequestMismatch', `${who} signs something else.`);
    }
    if (after?.state_digest !== before?.state_digest) {
      scene.report('RequestMismatch', `${who} changes the digest that it signs.`);
    }
    const info = memberInfos.get(state, memberId);
    const member = scene.party(memberId);
    const isFirst = info?.status === 'Accepted';
    scene.tell({ kind: 'member', change: isFirst ? 'activated' : 'acknowledged', member });
  }
}

function bytesIn(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (error) {
    if (error instanceof LedgerError) return new Uint8Array(0);
    throw error;
  }
}

function digestIn(payload: Uint8Array): string | undefined {
  try {
    const value = parseJson(payload);
    const digest = isJsonObject(value) ? value.stateDigest : undefined;
    return typeof digest === 'string' ? digest : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}
