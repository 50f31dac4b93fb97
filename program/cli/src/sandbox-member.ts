/**
 * What the sandbox does as the members of its consortium, over the governance API and with their
 * own keys: they become active, open a new service by vote, and bring a recovered one its secrets
 * back. The node never has these keys.
 */
import { encodeJson, type JsonValue, LedgerError, toBase64 } from '@coco/base';
import { decryptShare } from '@coco/governance';
import {
  finishRequest,
  GovernanceService,
  type JsonObject,
  keySigner,
  type MemberFiles,
  type MemberRequest,
  objectOf,
  prepareRequest,
  proposalOf,
  type Signer,
  standardBallots,
} from '@coco/member';
import { answerJson, type Client } from '@coco/sdk';
import { cliError } from './errors.ts';

const pollMs = 50;
/** Reading back a large private ledger takes its time; silence longer than this is a failure. */
const openMsMax = 30 * 60_000;

/** A proposal under way, as far as it came. */
export interface ProposalDraft {
  proposalId: string | undefined;
}

interface SandboxMember {
  readonly files: MemberFiles;
  readonly signer: Signer;
}

/** The members of a sandbox, all at once. */
export class Consortium {
  readonly #client: Client;
  readonly #governance: GovernanceService;
  readonly #members: readonly SandboxMember[];

  private constructor(client: Client, members: readonly SandboxMember[]) {
    this.#client = client;
    this.#governance = new GovernanceService(client);
    this.#members = members;
  }

  /** @throws MemberFileInvalid */
  static async assemble(client: Client, members: readonly MemberFiles[]): Promise<Consortium> {
    const read = members.map(async (files) => ({
      files,
      signer: keySigner(await files.readCertificate(), await files.readSigningKey()),
    }));
    return new Consortium(client, await Promise.all(read));
  }

  /** Each acknowledges the ledger's state, by which an accepted member becomes active. */
  async activate(): Promise<void> {
    await Promise.all(this.#members.map((member) => this.#activate(member)));
  }

  async #activate({ signer }: SandboxMember): Promise<void> {
    const digest = await this.#post(signer, 'state_digest', new Uint8Array(0));
    const { stateDigest = '' } = objectOf(digest);
    await this.#post(signer, 'ack', encodeJson({ stateDigest }));
  }

  /** They open the service by vote. `previous` is the identity that a recovered service had. */
  async openService(identities: { next: string; previous: string | undefined }): Promise<void> {
    const { next, previous } = identities;
    const args = {
      next_service_identity: next,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    };
    const state = await this.#decide([{ name: 'transition_service_to_open', args }]);
    if (state === 'Accepted') return;
    throw cliError('NodeDidNotStart', `The opening was not accepted: ${state}.`);
  }

  /**
   * Trusts nodes that ask to join and removes others, in one transaction: so a node that takes the
   * place of another never makes the quorum larger. Returns what became of the proposal. Where an
   * attempt failed, another one with the same draft goes on with its proposal.
   */
  changeNodes(
    change: { readonly trust: readonly string[]; readonly remove: readonly string[] },
    draft: ProposalDraft,
  ): Promise<string> {
    const validFrom = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
    const trust = change.trust.map((node_id) => ({
      name: 'transition_node_to_trusted',
      args: { node_id, valid_from: `${validFrom}Z` },
    }));
    const remove = change.remove.map((node_id) => ({ name: 'remove_node', args: { node_id } }));
    // A node that joins from a snapshot has the whole ledger when the chunk that is open now ends.
    const chunk = { name: 'trigger_ledger_chunk' };
    return this.#decide([...trust, ...remove, chunk], draft);
  }

  /** The first proposes, and all vote for it until that decides. */
  async #decide(
    actions: readonly { name: string; args?: JsonObject }[],
    draft: ProposalDraft = { proposalId: undefined },
  ): Promise<string> {
    const [first] = this.#members;
    if (!first) return 'Open';
    let state = await this.#stateOf(draft);
    if (draft.proposalId === undefined) {
      const answer = await this.#post(first.signer, 'proposal', encodeJson({ actions }));
      const created = proposalOf(objectOf(answer));
      draft.proposalId = created.id;
      state = created.state;
    }
    const { proposalId } = draft;
    const ballot = encodeJson({ ballot: standardBallots.approve });
    for (const { signer } of this.#members) {
      if (state !== 'Open') break;
      const answer = await this.#post(signer, 'ballot', ballot, { proposalId });
      state = proposalOf(objectOf(answer)).state;
    }
    return state;
  }

  /** Of a proposal that was made before; it may have been lost with the primary that took it. */
  async #stateOf(draft: ProposalDraft): Promise<string> {
    if (draft.proposalId === undefined) return 'Open';
    try {
      return (await this.#governance.proposal(draft.proposalId)).state;
    } catch (error) {
      if (!(error instanceof LedgerError) || error.code !== 'ProposalForgotten') throw error;
      draft.proposalId = undefined;
      return 'Open';
    }
  }

  /** As many as it takes open their shares of the key to the ledger's secrets and submit them. */
  async submitShares(): Promise<void> {
    for (const { files, signer } of this.#members.toReversed()) {
      const path = `/gov/recovery/encrypted-shares/${signer.certificate.id}`;
      const { encryptedShare } = objectOf(await this.#governance.read(path));
      const share = decryptShare(String(encryptedShare), await files.readEncryptionKey());
      const payload = encodeJson({ share: toBase64(share) });
      const answer = objectOf(await this.#post(signer, 'recovery_share', payload));
      if (Number(answer.submittedCount) >= Number(answer.recoveryThreshold)) return;
    }
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
    return objectOf(answerJson(answer)).service_status;
  }

  async #post(
    signer: Signer,
    type: MemberRequest['type'],
    payload: Uint8Array,
    about: { readonly proposalId?: string } = {},
  ): Promise<JsonValue> {
    const { certificate } = signer;
    const createdAtSeconds = Math.floor(Date.now() / 1000);
    const request: MemberRequest = { type, payload, summary: type, ...about };
    const waiting = prepareRequest(request, { certificate, createdAtSeconds });
    const signature = await signer.sign(waiting.prepared.toBeSigned);
    return this.#governance.post(finishRequest(waiting, signature));
  }
}
