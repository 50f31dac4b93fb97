/**
 * What the sandbox does as its consortium's one member, over the governance API and with its own
 * keys: it becomes active, opens a new service, and brings a recovered one its secrets back. The
 * node never has these keys.
 */
import { encodeJson, isJsonObject, type JsonValue, toBase64 } from '@coco/base';
import { parseCertificate } from '@coco/crypto';
import { decryptShare, signGovernanceRequest } from '@coco/governance';
import { answerJson, type Client, type ClientAnswer } from '@coco/sdk';
import { cliError } from './errors.ts';
import type { SandboxMember } from './sandbox-folder.ts';

const version = 'api-version=2024-07-01';
const pollMs = 50;
/** Reading back a large private ledger takes its time; silence longer than this is a failure. */
const openMsMax = 30 * 60_000;

type MessageType = Parameters<typeof signGovernanceRequest>[0]['type'];

export class MemberSession {
  readonly #client: Client;
  readonly #member: SandboxMember;
  readonly #id: string;

  constructor(client: Client, member: SandboxMember) {
    this.#client = client;
    this.#member = member;
    this.#id = parseCertificate(member.certificatePem).id;
  }

  /** Acknowledges the ledger's state: an accepted member becomes active. */
  async activate(): Promise<void> {
    const path = `/gov/members/state-digests/${this.#id}`;
    const digest = await this.#post(`${path}:update`, 'state_digest', undefined);
    const { stateDigest } = objectOf(digest);
    await this.#post(`${path}:ack`, 'ack', { stateDigest: stateDigest ?? '' });
  }

  /** Proposes to open the service. `previous` is the identity that a recovered service had. */
  async proposeOpening(identities: { next: string; previous: string | undefined }): Promise<void> {
    const { next, previous } = identities;
    const args = {
      next_service_identity: next,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    };
    const proposed = await this.#post('/gov/members/proposals:create', 'proposal', {
      actions: [{ name: 'transition_service_to_open', args }],
    });
    const { proposalState, proposalId } = objectOf(proposed);
    const state =
      proposalState === 'Open' ? await this.#voteFor(String(proposalId)) : proposalState;
    if (state === 'Accepted') return;
    throw cliError('NodeDidNotStart', `The opening was not accepted: ${String(state)}.`);
  }

  /** The proposal's state with the member's ballot. */
  async #voteFor(proposalId: string): Promise<JsonValue | undefined> {
    const path = `/gov/members/proposals/${proposalId}/ballots/${this.#id}:submit`;
    const payload = { ballot: 'export function vote() { return true; }' };
    return objectOf(await this.#post(path, 'ballot', payload, proposalId)).proposalState;
  }

  /** Opens the member's share of the key to the ledger secrets and submits it. */
  async submitShare(): Promise<void> {
    const answer = await this.#client.request({
      path: `/gov/recovery/encrypted-shares/${this.#id}?${version}`,
    });
    const { encryptedShare } = objectOf(answered(answer));
    const share = decryptShare(String(encryptedShare), this.#member.encryptionKey);
    await this.#post(`/gov/recovery/members/${this.#id}:recover`, 'recovery_share', {
      share: toBase64(share),
    });
  }

  /** Waits until the service is open and its applications answer. */
  async waitUntilOpen(): Promise<void> {
    const untilMs = performance.now() + openMsMax;
    while (performance.now() < untilMs) {
      const { status } = await this.#client.request({ path: '/node/ready/app' });
      if (status === 204 && (await this.#status()) === 'Open') return;
      await new Promise((done) => setTimeout(done, pollMs));
    }
    throw cliError('NodeDidNotStart', 'The service did not open in half an hour.');
  }

  async #status(): Promise<JsonValue | undefined> {
    const answer = await this.#client.request({ path: '/node/network' });
    return objectOf(answered(answer)).service_status;
  }

  async #post(
    path: string,
    type: MessageType,
    payload: { readonly [key: string]: JsonValue } | undefined,
    proposalId?: string,
  ): Promise<JsonValue> {
    const body = signGovernanceRequest({
      key: this.#member.key,
      certificatePem: this.#member.certificatePem,
      type,
      payload: payload === undefined ? new Uint8Array(0) : encodeJson(payload),
      createdAt: Math.floor(Date.now() / 1000),
      ...(proposalId === undefined ? {} : { proposalId }),
    });
    const answer = await this.#client.request({
      method: 'POST',
      path: `${path}?${version}`,
      headers: { 'content-type': 'application/cose' },
      body,
    });
    return answered(answer);
  }
}

function answered(answer: ClientAnswer): JsonValue {
  if (answer.status === 204) return {};
  const value = answerJson(answer);
  if (answer.status >= 200 && answer.status < 300) return value;
  const { error } = objectOf(value);
  const { message } = objectOf(error ?? {});
  throw cliError('NodeDidNotStart', `Governance answered ${answer.status}: ${String(message)}`);
}

function objectOf(value: JsonValue): { readonly [key: string]: JsonValue } {
  return isJsonObject(value) ? value : {};
}
