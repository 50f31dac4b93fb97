/** A member of a test network, who speaks to its nodes by HTTPS, and requests to nodes in general. */

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { encodeJson, type JsonValue, parseJson, toBase64 } from '@coco/base';
import { createCertificate, EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import type { GovernanceMessageType } from '@coco/endpoint';
import { decryptShare, signGovernanceRequest } from '@coco/governance';

const api = 'api-version=2024-07-01';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array;
  readonly json: JsonValue;
}

export interface AskOptions {
  readonly method?: string;
  readonly body?: Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  /** PEM: a client certificate and its key. */
  readonly client?: { readonly cert: string; readonly key: string };
  /** A node that no service has endorsed yet shows a certificate by itself. */
  readonly isUnverified?: boolean;
}

export type Ask = (path: string, options?: AskOptions) => Promise<Answer>;

/** One request to `address` (host:port), whose certificate `ca` has to have endorsed. */
export function askNode(
  at: { readonly address: string; readonly ca: string },
  path: string,
  options: AskOptions = {},
): Promise<Answer> {
  const { method = 'GET', headers = {}, body, client, isUnverified = false } = options;
  const url = new URL(path, `https://${at.address}`);
  return new Promise((resolve, reject) => {
    const trust = { ca: at.ca, rejectUnauthorized: !isUnverified };
    const settings = { method, headers, ...trust, agent: false, ...client } as const;
    const outgoing = httpsRequest(url, settings, (answer) => {
      const parts: Uint8Array[] = [];
      answer.on('data', (part: Uint8Array) => parts.push(part));
      answer.on('end', () => {
        const bytes = Buffer.concat(parts);
        const isJson = answer.headers['content-type'] === 'application/json';
        const json = isJson ? parseJson(bytes, { bytesMax: 1 << 24, depthMax: 32 }) : null;
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes, json });
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export class MemberClient {
  readonly #ask: Ask;
  readonly #key: SigningKey = SigningKey.generate('P-256');
  readonly #encryptionKey: EncryptionKey = EncryptionKey.generate();
  #certificate = '';

  private constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Leaves certificate and encryption key in the folder: member.pem, member_enc.pem. */
  static async create(folder: string, ask: Ask): Promise<MemberClient> {
    const member = new MemberClient(ask);
    member.#certificate = await createCertificate({
      subject: 'member0',
      key: member.#key,
      isAuthority: false,
      notBeforeMs: Date.now() - 1000,
      days: 10,
    });
    await writeFile(join(folder, 'member.pem'), member.#certificate);
    await writeFile(join(folder, 'member_enc.pem'), member.#encryptionKey.publicPem);
    return member;
  }

  /** The member's certificate and key, for TLS. */
  get client(): { cert: string; key: string } {
    return { cert: this.#certificate, key: this.#key.privatePem() };
  }

  get id(): string {
    return parseCertificate(this.#certificate).id;
  }

  /** The body of a request that the member signs. */
  signedBody(type: GovernanceMessageType, payload?: JsonValue, proposalId?: string): Uint8Array {
    return signGovernanceRequest({
      key: this.#key,
      certificatePem: this.#certificate,
      type,
      payload: payload === undefined ? new Uint8Array(0) : encodeJson(payload),
      createdAt: Math.floor(Date.now() / 1000),
      ...(proposalId === undefined ? {} : { proposalId }),
    });
  }

  /** A request that the member signs. */
  signed(
    path: string,
    type: GovernanceMessageType,
    payload?: JsonValue,
    proposalId?: string,
  ): Promise<Answer> {
    return this.#ask(`${path}?${api}`, {
      method: 'POST',
      body: this.signedBody(type, payload, proposalId),
      headers: { 'content-type': 'application/cose' },
    });
  }

  /** The member's part in opening the service; resolves when it is open. */
  async openService(previous?: string): Promise<void> {
    const { id } = this;
    const next = (await this.#ask('/node/network')).json as { service_certificate: string };
    if (previous === undefined) {
      const digest = await this.signed(`/gov/members/state-digests/${id}:update`, 'state_digest');
      const { stateDigest } = digest.json as { stateDigest: string };
      await this.signed(`/gov/members/state-digests/${id}:ack`, 'ack', { stateDigest });
    }
    const args = {
      next_service_identity: next.service_certificate,
      ...(previous === undefined ? {} : { previous_service_identity: previous }),
    };
    const opened = await this.decide([{ name: 'transition_service_to_open', args }]);
    const { proposalState } = opened.json as { proposalState?: string };
    assert.equal(proposalState, 'Accepted', Buffer.from(opened.bytes).toString());
    if (previous !== undefined) {
      const shares = await this.#ask(`/gov/recovery/encrypted-shares/${id}?${api}`);
      const { encryptedShare } = shares.json as { encryptedShare: string };
      const share = toBase64(decryptShare(encryptedShare, this.#encryptionKey));
      await this.signed(`/gov/recovery/members/${id}:recover`, 'recovery_share', { share });
    }
    for (;;) {
      const ready = await this.#ask('/node/ready/app');
      const network = (await this.#ask('/node/network')).json as { service_status: string };
      if (ready.status === 204 && network.service_status === 'Open') return;
    }
  }

  /**
   * The member proposes and votes for it; the last answer. What a change of primary took back is
   * done again.
   */
  async decide(actions: readonly JsonValue[]): Promise<Answer> {
    const create = '/gov/members/proposals:create';
    for (;;) {
      const proposed = await this.signed(create, 'proposal', { actions: [...actions] });
      const { proposalId } = proposed.json as { proposalId?: string };
      if (proposalId === undefined) return proposed;
      if (!(await this.#isKept(proposed))) continue;
      const path = `/gov/members/proposals/${proposalId}/ballots/${this.id}:submit`;
      const ballot = { ballot: 'export function vote() { return true; }' };
      const voted = await this.signed(path, 'ballot', ballot, proposalId);
      if (await this.#isKept(voted)) return voted;
    }
  }

  async #isKept(answer: Answer): Promise<boolean> {
    const id = answer.headers['x-ms-ccf-transaction-id'];
    if (answer.status !== 200 || typeof id !== 'string') return true;
    const network = (await this.#ask('/node/network')).json as { service_status: string };
    // While a service recovers nothing commits.
    if (!['Opening', 'Open'].includes(network.service_status)) return true;
    return (await this.decided(id)) === 'Committed';
  }

  /** Waits until a transaction id is decided. */
  async decided(id: string): Promise<string> {
    for (;;) {
      const answer = await this.#ask(`/node/tx?transaction_id=${id}`);
      const { status } = answer.json as { status: string };
      if (status === 'Committed' || status === 'Invalid') return status;
    }
  }
}
