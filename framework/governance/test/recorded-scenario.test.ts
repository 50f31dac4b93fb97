/**
 * A scenario of signed requests that a CCF node answered, played to this one with its own default
 * constitution: status, headers and body of each answer are CCF's, but for the differences that
 * stand here by name. The room's README explains each of them.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isJsonObject, type JsonValue, utf8Encode } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import type { GovernanceMessageType } from '@coco/endpoint';
import { signGovernanceRequest } from '../src/governance-request.ts';
import {
  type Answer,
  answerOf,
  createMember,
  type TestMember,
  TestService,
} from './service-fixture.ts';
import { no, yes } from './test-constitution.ts';

interface Step {
  readonly note: string;
  readonly method: string;
  readonly path: string;
  readonly type?: GovernanceMessageType;
  readonly signer?: string;
  readonly payload?: string;
  readonly createdAt?: number;
  readonly raw?: { readonly contentType: string; readonly text: string };
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: JsonValue;
}

const { steps }: { readonly steps: readonly Step[] } = JSON.parse(
  readFileSync(new URL('recorded-scenario.json', import.meta.url), 'utf8'),
);

/** An answer in JSON. */
function json(status: number, body: JsonValue): JsonValue {
  return { status, headers: { 'content-type': 'application/json' }, body };
}

function refusal(code: string, message: string): JsonValue {
  return json(400, { error: { code, message } });
}

function invalid(description: string): JsonValue {
  return refusal('ProposalFailedToValidate', `Proposal failed to validate: ${description}`);
}

const noStack = 'our constitution does not show members the engine’s stack';
const notCose = 'what is no COSE message is the client’s fault, not ours';
/** What differs, by the number of the step: why, and our answer. */
const differences: ReadonlyMap<number, { readonly why: string; readonly answer: JsonValue }> =
  new Map([
    [3, { why: 'a proposal’s body is said to be JSON', answer: json(200, null) }],
    [
      11,
      {
        why: 'our constitution rejects what can no longer be accepted; the third vote comes late',
        answer: json(200, {
          ballotCount: 2,
          finalVotes: { '{member1}': false, '{member2}': false },
          proposalId: '{proposal3}',
          proposalState: 'Rejected',
          proposerId: '{member1}',
          voteFailures: {},
        }),
      },
    ],
    [
      13,
      {
        why: noStack,
        answer: invalid(
          'set_user at position 0 failed validation: Error: cert must be a valid X509 certificate (bundle) in PEM format',
        ),
      },
    ],
    [
      14,
      {
        why: noStack,
        answer: invalid(
          'set_user at position 0 failed validation: Error: args must be of type object but is undefined',
        ),
      },
    ],
    [
      16,
      {
        why: 'our constitution says what is wrong where CCF’s throws',
        answer: invalid(
          'The proposal does not parse: it is not a JSON object with an array "actions"',
        ),
      },
    ],
    [
      17,
      {
        why: 'our constitution says what is wrong where CCF’s throws',
        answer: invalid("The proposal does not parse: unexpected token: 'not'"),
      },
    ],
    [
      18,
      {
        why: noStack,
        answer: invalid(
          'remove_user at position 0 failed validation: Error: user_id must contain exactly 64 characters',
        ),
      },
    ],
    [
      21,
      {
        why: 'a ballot that is no module is the member’s fault, and is told why',
        answer: refusal(
          'InvalidInput',
          "Failed to compile public:ccf.gov.proposals_info[{proposal6}].ballots[m[{member1}]]: SyntaxError: expecting ';'",
        ),
      },
    ],
    [35, { why: notCose, answer: refusal('InvalidInput', 'The bytes are not CBOR.') }],
    [36, { why: notCose, answer: refusal('InvalidInput', 'The bytes are not CBOR.') }],
  ]);

const people = {
  member1: await createMember(),
  member2: await createMember(),
  member3: await createMember(),
  user0: await createMember('NonParticipant'),
} as const;
type Name = keyof typeof people;
const { member1, member2, member3 } = people;
const everybody = [member1, member2, member3];

class Player {
  readonly service: TestService;
  /** What stands for an id of this service in the recording. */
  readonly #names = new Map<string, string>();
  #proposals = 0;
  #lastBody: Uint8Array | undefined;

  private constructor(service: TestService) {
    this.service = service;
    for (const [name, { id }] of Object.entries(people)) this.#names.set(name, id);
  }

  static async start(): Promise<Player> {
    const service = await TestService.start(everybody, { constitution: createConstitution() });
    service.sign();
    for (const one of everybody) assert.equal((await service.acknowledge(one)).status, 204);
    const player = new Player(service);
    const opened = await service.open([member1, member3]);
    assert.equal(opened.field('proposalState'), 'Accepted', opened.text);
    player.#names.set('opening', String(opened.field('proposalId')));
    return player;
  }

  async play(step: Step): Promise<JsonValue> {
    const answer = await this.#send(step);
    this.#learn(answer);
    const isJson = answer.headers['content-type'] === 'application/json';
    const body = isJson && step.body !== undefined ? this.#withNames(answer.text) : null;
    return { status: answer.status, headers: { ...answer.headers }, body };
  }

  async #send(step: Step): Promise<Answer> {
    const target = `${this.#withIds(step.path)}?api-version=2024-07-01`;
    if (step.method === 'GET') return answerOf(await this.service.request('GET', target));
    const body = step.raw ? utf8Encode(step.raw.text) : this.#signed(step);
    const type = step.raw ? step.raw.contentType : 'application/cose';
    this.#lastBody = body;
    return answerOf(await this.service.request('POST', target, body, type));
  }

  #signed(step: Step): Uint8Array {
    if (step.note.startsWith('replayed') && step.status === 400 && this.#lastBody) {
      return this.#lastBody;
    }
    this.service.clock.advance(1000);
    const signer: TestMember = people[step.signer as Name];
    const [proposalId] = /\{proposal\d\}/.exec(step.path) ?? [];
    const body = signGovernanceRequest({
      key: signer.key,
      certificatePem: signer.certificatePem,
      type: step.type ?? 'proposal',
      payload: utf8Encode(this.#withIds(step.payload ?? '')),
      createdAt: step.createdAt ?? Math.floor(this.service.clock.nowMs() / 1000),
      ...(proposalId && { proposalId: this.#withIds(proposalId) }),
    });
    if (step.note === 'corrupt signature') body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
    return body;
  }

  /** Proposals are named in the order of their creation. */
  #learn(answer: Answer): void {
    const { body } = answer;
    if (!isJsonObject(body)) return;
    const { proposalId, stateDigest } = body;
    const known = [...this.#names.values()];
    if (typeof proposalId === 'string' && !known.includes(proposalId)) {
      this.#names.set(`proposal${++this.#proposals}`, proposalId);
    }
    if (typeof stateDigest === 'string') this.#names.set('digest', stateDigest);
  }

  id(name: string): string {
    return this.#names.get(name) ?? '';
  }

  #withIds(text: string): string {
    const { certificatePem } = people.user0;
    return text
      .replaceAll('"{user0}"', JSON.stringify(certificatePem))
      .replaceAll(/\{(\w+\d|digest)\}/g, (whole, name: string) => this.id(name) || whole);
  }

  #withNames(text: string): JsonValue {
    let named = text;
    for (const [name, id] of this.#names) named = named.replaceAll(id, `{${name}}`);
    return JSON.parse(named);
  }
}

/** Lists come in the order of ids, which differ; the median of the times of creation does too. */
function comparable(answer: JsonValue): JsonValue {
  const text = JSON.stringify(answer).replace(/must be greater than \d{10}/, 'must be greater');
  const sorted: JsonValue = JSON.parse(text, (key, value) =>
    key === 'value' && Array.isArray(value)
      ? value.toSorted((left, right) => (left.proposalId < right.proposalId ? -1 : 1))
      : value,
  );
  return sorted;
}

suite('a scenario that a CCF node answered', () => {
  test('is answered the same, but for the differences listed', async () => {
    const player = await Player.start();
    for (const [at, step] of steps.entries()) {
      // The recording does not show how these three were voted on.
      if (at === 5) {
        await player.service.vote(member1, player.id('proposal1'), yes);
        await player.service.vote(member3, player.id('proposal1'), yes);
      }
      if (at === 11) {
        for (const one of everybody) await player.service.vote(one, player.id('proposal3'), no);
      }
      const answer = comparable(await player.play(step));
      const { status, headers, body = null } = step;
      const recorded = comparable({ status, headers, body });
      const expected = differences.get(at)?.answer ?? recorded;
      assert.deepEqual(answer, expected, `step ${at}: ${step.note}`);
      if (differences.has(at)) assert.notDeepEqual(answer, recorded);
    }
  });
});
