/**
 * Proposals on the ledger, verified again: each proposal, ballot and withdrawal carries the
 * signature of its member, says what was stored, and moves the proposal by one legal step.
 */
import { equalBytes, isJsonObject, LedgerError, parseJson, toHex, utf8Encode } from '@coco/base';
import { sha256 } from '@coco/crypto';
import {
  constitution,
  type ProposalInfoRow,
  type ProposalState,
  proposalInfos,
  proposals,
} from '@coco/governance';
import { describeActions, printable, shorten } from './describe-action.ts';
import type { RowChange } from './entry-changes.ts';
import type { EntryScene } from './entry-scene.ts';
import { isDueAt } from './ledger-time.ts';
import { ProposalIds } from './proposal-ids.ts';
import type { SignedRequest } from './signed-request.ts';
import type { Ballot, ProposalLife, Vote, VoteFailure } from './story.ts';

type Draft = { -readonly [Field in keyof ProposalLife]: ProposalLife[Field] };
type EndedBy = ProposalLife['endedBy'];

const decisions: ReadonlySet<ProposalState> = new Set(['Accepted', 'Rejected', 'Failed']);

export class ProposalAudit {
  /** By id, in the order of the ledger. */
  readonly #lives = new Map<string, Draft>();
  readonly #ids = new ProposalIds();

  get lives(): readonly ProposalLife[] {
    return [...this.#lives.values()];
  }

  /** Notes whether a decision came out again. */
  noteReplay(proposalId: string, isReproduced: boolean): void {
    const life = this.#lives.get(proposalId);
    if (life) life.isReproduced = isReproduced;
  }

  /** Checks what the entry does to proposals: the ids of those that it accepts. */
  check(scene: EntryScene): readonly string[] {
    const changes = scene.changes.rows(proposalInfos);
    const bodies = scene.changes.raw(proposals.name);
    const created = changes.filter(({ before }) => before === undefined).map(({ key }) => key);
    if (bodies.some(({ key, after }) => after && !created.includes(Buffer.from(key).toString()))) {
      scene.report('RequestMissing', 'The body of a proposal stands there that nobody submitted.');
    }
    const hasEnded = changes.some(({ before, after }) => hasLeftOpen(before, after));
    const accepted = changes
      .filter(({ before, after }) => after?.state === 'Accepted' && before?.state !== 'Accepted')
      .map(({ key }) => key);
    for (const change of changes) {
      if (!change.before) this.#checkCreated(scene, change);
      else if (!change.after) checkForgotten(scene, change, hasEnded);
      else this.#checkChanged(scene, change, accepted);
    }
    for (const request of scene.requests) {
      if (!isAnswered(request, changes)) {
        const what = `The signed ${request.type ?? 'request'} of ${nameOf(scene, request.memberId)}`;
        scene.report('RequestMismatch', `${what} changed nothing that it asks for.`);
      }
    }
    return accepted;
  }

  #checkCreated(scene: EntryScene, change: RowChange<ProposalInfoRow>): void {
    const { key: id, after: info } = change;
    if (!info) return;
    const body = proposals.get(scene.changes.after, id) ?? new Uint8Array(0);
    const request = requestOf(scene, { type: 'proposal', memberId: info.proposer_id });
    const who = nameOf(scene, info.proposer_id);
    if (!request) {
      scene.report('RequestMissing', `Proposal ${id}: ${who} did not sign it.`);
    } else {
      if (!equalBytes(body, request.payload)) {
        scene.report(
          'RequestMismatch',
          `Proposal ${id}: what ${who} signed is not what is stored.`,
        );
      }
      this.#ids.check(scene, id, request);
    }
    if (Object.keys(info.ballots).length > 0) {
      scene.report('RequestMissing', `Proposal ${id} begins with ballots that nobody signed.`);
    }
    const createdAtMs = (request?.createdAt ?? 0) * 1000;
    const actions = describeActions(body);
    const by = scene.party(info.proposer_id);
    scene.tell({ kind: 'proposed', proposalId: id, by, createdAtMs, actions });
    const draft: Draft = {
      id,
      proposer: by,
      createdAtMs,
      submitted: scene.at,
      actions,
      bodyDigest: toHex(sha256(body)),
      ballots: [],
      state: 'Open',
      ended: undefined,
      endedBy: undefined,
      votes: [],
      failures: [],
      isReproduced: undefined,
    };
    this.#lives.set(id, draft);
    if (info.state === 'Open') return;
    if (!decisions.has(info.state)) {
      scene.report('DecisionInvalid', `Proposal ${id} begins as ${info.state}.`);
    }
    this.#end(scene, { id, info, by: 'submission' });
  }

  #checkChanged(
    scene: EntryScene,
    change: RowChange<ProposalInfoRow>,
    accepted: readonly string[],
  ): void {
    const { key: id, before, after } = change;
    if (!before || !after) return;
    if (before.state !== 'Open') {
      scene.report(
        'DecisionInvalid',
        `Proposal ${id} was ${before.state} and changed all the same.`,
      );
      return;
    }
    if (before.proposer_id !== after.proposer_id) {
      scene.report('DecisionInvalid', `Proposal ${id} changed its proposer.`);
    }
    const ballot = this.#checkBallots(scene, change);
    const endedBy = reasonOf(scene, { id, info: after, hasBallot: ballot, accepted });
    if (after.state !== 'Open') this.#end(scene, { id, info: after, by: endedBy });
  }

  /** Whether the entry changes a ballot. */
  #checkBallots(scene: EntryScene, change: RowChange<ProposalInfoRow>): boolean {
    const { key: id, before, after } = change;
    let hasBallot = false;
    const [old, now] = [before?.ballots ?? {}, after?.ballots ?? {}];
    for (const memberId of new Set([...Object.keys(old), ...Object.keys(now)])) {
      const script = now[memberId];
      if (script === old[memberId]) continue;
      const who = nameOf(scene, memberId);
      hasBallot = true;
      if (old[memberId] !== undefined || script === undefined) {
        scene.report('DecisionInvalid', `Proposal ${id}: the ballot of ${who} changed.`);
        continue;
      }
      const request = requestOf(scene, { type: 'ballot', memberId, proposalId: id });
      if (!request) {
        scene.report('RequestMissing', `Proposal ${id}: ${who} did not sign the ballot.`);
      } else if (ballotIn(request.payload) !== script) {
        const text = `Proposal ${id}: the ballot that ${who} signed is not the one stored.`;
        scene.report('RequestMismatch', text);
      }
      this.#noteBallot(scene, { id, memberId, script, createdAt: request?.createdAt ?? 0 });
    }
    return hasBallot;
  }

  #noteBallot(
    scene: EntryScene,
    vote: {
      readonly id: string;
      readonly memberId: string;
      readonly script: string;
      readonly createdAt: number;
    },
  ): void {
    const by = scene.party(vote.memberId);
    const createdAtMs = vote.createdAt * 1000;
    const digest = toHex(sha256(utf8Encode(vote.script)));
    scene.tell({ kind: 'voted', proposalId: vote.id, by, createdAtMs, ballotDigest: digest });
    const script = shorten(vote.script);
    const ballot: Ballot = { member: by, at: scene.at, createdAtMs, digest, script };
    const life = this.#lives.get(vote.id);
    if (life) life.ballots = [...life.ballots, ballot];
  }

  #end(
    scene: EntryScene,
    end: { readonly id: string; readonly info: ProposalInfoRow; readonly by: EndedBy },
  ): void {
    const { id, info, by } = end;
    const { state } = info;
    const votes = Object.entries(info.final_votes ?? {}).map(
      ([memberId, isFor]): Vote => ({ member: scene.party(memberId), isFor }),
    );
    const failures = failuresOf(scene, info);
    checkVotes(scene, id, info);
    const life = this.#lives.get(id);
    if (life) Object.assign(life, { state, ended: scene.at, endedBy: by, votes, failures });
    if (state === 'Withdrawn') {
      const request = requestOf(scene, { type: 'withdrawal', proposalId: id });
      const createdAtMs = (request?.createdAt ?? 0) * 1000;
      const who = scene.party(info.proposer_id);
      scene.tell({ kind: 'withdrawn', proposalId: id, by: who, createdAtMs });
      return;
    }
    const failure = isJsonObject(info.failure) ? info.failure.reason : undefined;
    const reason = typeof failure === 'string' ? { failure } : {};
    scene.tell({ kind: 'decided', proposalId: id, state, votes, failures, ...reason });
  }
}

/** Why a proposal moved; reports where it must not. */
function reasonOf(
  scene: EntryScene,
  step: {
    readonly id: string;
    readonly info: ProposalInfoRow;
    readonly hasBallot: boolean;
    readonly accepted: readonly string[];
  },
): EndedBy {
  const { id, info, hasBallot, accepted } = step;
  switch (info.state) {
    case 'Withdrawn': {
      const request = requestOf(scene, {
        type: 'withdrawal',
        memberId: info.proposer_id,
        proposalId: id,
      });
      const who = nameOf(scene, info.proposer_id);
      if (!request) {
        scene.report('RequestMissing', `Proposal ${id}: ${who} did not sign the withdrawal.`);
      }
      return 'withdrawal';
    }
    case 'Dropped':
      if (!accepted.some((other) => other !== id)) {
        scene.report('DecisionInvalid', `Proposal ${id} was dropped, and no other was accepted.`);
      }
      return 'another proposal';
    case 'Open':
    case 'Accepted':
    case 'Rejected':
    case 'Failed': {
      if (hasBallot) return 'ballot';
      if (!isDueAt(scene, id)) {
        const text = `Proposal ${id} went to ${info.state} without a ballot, and no time was up.`;
        scene.report('DecisionInvalid', text);
      }
      return 'time';
    }
  }
}

function checkForgotten(
  scene: EntryScene,
  { key: id, before }: RowChange<ProposalInfoRow>,
  hasEnded: boolean,
): void {
  if (before?.state !== 'Open' && hasEnded) return;
  scene.report('DecisionInvalid', `Proposal ${id} was removed while it stood.`);
}

/** Votes are those of the ballots, and each ballot voted or failed. */
function checkVotes(scene: EntryScene, id: string, info: ProposalInfoRow): void {
  if (!decisions.has(info.state)) return;
  const failures = isJsonObject(info.vote_failures) ? Object.keys(info.vote_failures) : [];
  const counted = [...Object.keys(info.final_votes ?? {}), ...failures].sort();
  const cast = Object.keys(info.ballots).sort();
  const isSame = counted.length === cast.length && counted.every((key, at) => key === cast[at]);
  // While the ledger held no constitution, a sole member's proposal was its own consent.
  const isConsent =
    constitution.get(scene.changes.before) === '' &&
    cast.length === 0 &&
    counted.every((key) => key === info.proposer_id);
  if (isSame || isConsent) return;
  scene.report('DecisionInvalid', `Proposal ${id}: the votes counted are not the ballots cast.`);
}

function failuresOf(scene: EntryScene, info: ProposalInfoRow): readonly VoteFailure[] {
  if (!isJsonObject(info.vote_failures)) return [];
  return Object.entries(info.vote_failures).map(([memberId, failure]) => {
    const reason = isJsonObject(failure) ? failure.reason : undefined;
    const text = typeof reason === 'string' ? printable(reason) : '';
    return { member: scene.party(memberId), reason: text };
  });
}

function hasLeftOpen(
  before: ProposalInfoRow | undefined,
  after: ProposalInfoRow | undefined,
): boolean {
  return after !== undefined && after.state !== 'Open' && (!before || before.state === 'Open');
}

function requestOf(
  scene: EntryScene,
  wanted: { readonly type: string; readonly memberId?: string; readonly proposalId?: string },
): SignedRequest | undefined {
  return scene.requests.find(
    (request) =>
      request.type === wanted.type &&
      (wanted.memberId === undefined || request.memberId === wanted.memberId) &&
      (wanted.proposalId === undefined || request.proposalId === wanted.proposalId),
  );
}

/** Whether the entry does what the request asks for. Other requests are no proposal's matter. */
function isAnswered(
  request: SignedRequest,
  changes: readonly RowChange<ProposalInfoRow>[],
): boolean {
  switch (request.type) {
    case 'proposal':
      return changes.some(
        ({ before, after }) => !before && after?.proposer_id === request.memberId,
      );
    case 'ballot':
      return changes.some(
        ({ key, before, after }) =>
          key === request.proposalId &&
          after?.ballots[request.memberId] !== before?.ballots[request.memberId],
      );
    case 'withdrawal':
      return changes.some(
        ({ key, after }) => key === request.proposalId && after?.state === 'Withdrawn',
      );
    default:
      return true;
  }
}

function ballotIn(payload: Uint8Array): string | undefined {
  try {
    const value = parseJson(payload);
    const ballot = isJsonObject(value) ? value.ballot : undefined;
    return typeof ballot === 'string' ? ballot : undefined;
  } catch (error) {
    if (error instanceof LedgerError) return undefined;
    throw error;
  }
}

function nameOf(scene: EntryScene, id: string): string {
  const { name } = scene.party(id);
  return name === undefined
    ? `member ${id.slice(0, 16)}…`
    : `${shorten(name)} (${id.slice(0, 8)}…)`;
}
