/** A whole node in a folder of its own, with a member who can open it. */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Adapter } from '@coco/adapter';
import { type Clock, encodeJson, type JsonValue, type Log, parseJson, toBase64 } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { createCertificate, EncryptionKey, parseCertificate, SigningKey } from '@coco/crypto';
import type { GovernanceMessageType } from '@coco/endpoint';
import { decryptShare, signGovernanceRequest } from '@coco/governance';
import {
  parseConfiguration,
  type RunningNode,
  runNode,
  systemClock,
  systemRandom,
} from '../src/index.ts';

const silent: Log = { write: () => {} };
const api = 'api-version=2024-07-01';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array;
  readonly json: JsonValue;
}

export class NodeHarness {
  readonly folder: string;
  readonly #key: SigningKey = SigningKey.generate('P-256');
  readonly #encryptionKey: EncryptionKey = EncryptionKey.generate();
  #certificate = '';
  #adapters: (() => Adapter) | undefined;
  node: RunningNode | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(
    adapter?: () => Adapter,
    constitution: string = createConstitution(),
  ): Promise<NodeHarness> {
    const harness = new NodeHarness(await mkdtemp(join(tmpdir(), 'coco-node-')));
    harness.#adapters = adapter;
    await mkdir(join(harness.folder, 'node'));
    harness.#certificate = await createCertificate({
      subject: 'member0',
      key: harness.#key,
      isAuthority: false,
      notBeforeMs: Date.now() - 1000,
      days: 10,
    });
    await harness.#put('constitution.js', constitution);
    await harness.#put('member.pem', harness.#certificate);
    await harness.#put('member_enc.pem', harness.#encryptionKey.publicPem);
    await harness.#put('root.pem', SigningKey.generate('P-256').privatePem());
    return harness;
  }

  #put(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  get ledgerFolder(): string {
    return join(this.folder, 'node', 'ledger');
  }

  /** Starts a new service, or recovers the one of `previousIdentity` (a file in the folder). */
  async start(
    previousIdentity?: string,
    options: {
      chunkSize?: string;
      acceptTailLoss?: boolean;
      /** Ledgers of other nodes, to compare with before a recovery. */
      otherLedgers?: readonly string[];
      acceptPossibleLoss?: boolean;
      snapshotEntries?: number;
      clock?: Clock;
      /** Where the node listens for other nodes. */
      nodeToNode?: string;
      /** `coco.limits`. */
      limits?: Record<string, string>;
      log?: Log;
    } = {},
  ): Promise<RunningNode> {
    const { chunkSize = '5MB', acceptTailLoss = false, clock = systemClock } = options;
    const configuration = parseConfiguration({
      network: {
        rpc_interfaces: {
          main: {
            bind_address: '127.0.0.1:0',
            enabled_operator_features: ['SnapshotRead'],
            http_configuration: { max_body_size: '64KB' },
          },
        },
        ...(options.nodeToNode && {
          node_to_node_interface: { bind_address: options.nodeToNode },
        }),
      },
      output_files: { node_to_node_address_file: 'peers.json' },
      command: {
        type: previousIdentity === undefined ? 'Start' : 'Recover',
        start: {
          constitution_files: ['../constitution.js'],
          members: [
            {
              certificate_file: '../member.pem',
              encryption_public_key_file: '../member_enc.pem',
            },
          ],
        },
        recover: {
          previous_service_identity_file: previousIdentity ?? 'none',
          accept_tail_loss: acceptTailLoss,
        },
      },
      ledger: { chunk_size: chunkSize },
      snapshots: { tx_count: options.snapshotEntries ?? 10_000 },
      jwt: { key_refresh_interval: '1s' },
      coco: {
        service_curve: 'P-256',
        virtual_root_key_file: '../root.pem',
        recovery: {
          ledger_directories: [...(options.otherLedgers ?? [])],
          accept_possible_loss: options.acceptPossibleLoss ?? false,
        },
        adapters: this.#adapters ? { test: {} } : {},
        ...(options.limits && { limits: options.limits }),
      },
    });
    const make = this.#adapters;
    this.node = await runNode({
      configuration,
      baseFolder: join(this.folder, 'node'),
      adapters: new Map(make ? [['test', async () => make()]] : []),
      measurement: '11'.repeat(32),
      hostData: '22'.repeat(32),
      version: '0.0.0',
      clock,
      random: systemRandom,
      log: options.log ?? silent,
    });
    return this.node;
  }

  /** Keeps the present service's certificate for a recovery. */
  async keepIdentity(): Promise<string> {
    const pem = await readFile(join(this.folder, 'node', 'service_cert.pem'), 'utf8');
    await this.#put('previous.pem', pem);
    return '../previous.pem';
  }

  /** The identity that was kept. */
  previousPem(): Promise<string> {
    return readFile(join(this.folder, 'previous.pem'), 'utf8');
  }

  async stop(): Promise<void> {
    await this.node?.stop();
    this.node = undefined;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  async request(
    path: string,
    options: {
      method?: string;
      body?: Uint8Array;
      headers?: Record<string, string>;
      /** PEM: a client certificate and its key. */
      client?: { cert: string; key: string };
    } = {},
  ): Promise<Answer> {
    const ca = await readFile(join(this.folder, 'node', 'service_cert.pem'), 'utf8');
    const url = new URL(path, `https://${this.node?.addresses.main}`);
    const { method = 'GET', headers = {}, body, client } = options;
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        url,
        { method, headers, ca, agent: false, ...client },
        (answer) => {
          const parts: Uint8Array[] = [];
          answer.on('data', (part: Uint8Array) => parts.push(part));
          answer.on('end', () => {
            const bytes = Buffer.concat(parts);
            const isJson = answer.headers['content-type'] === 'application/json';
            const json = isJson ? parseJson(bytes, { bytesMax: 1 << 24, depthMax: 32 }) : null;
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, bytes, json });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  /** The member's certificate and key, for TLS. */
  get memberClient(): { cert: string; key: string } {
    return { cert: this.#certificate, key: this.#key.privatePem() };
  }

  get memberId(): string {
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
    return this.request(`${path}?${api}`, {
      method: 'POST',
      body: this.signedBody(type, payload, proposalId),
      headers: { 'content-type': 'application/cose' },
    });
  }

  /** The member's part in opening the service; resolves when it is open. */
  async openService(previous?: string): Promise<void> {
    const id = this.memberId;
    const next = (await this.request('/node/network')).json as { service_certificate: string };
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
      const shares = await this.request(`/gov/recovery/encrypted-shares/${id}?${api}`);
      const { encryptedShare } = shares.json as { encryptedShare: string };
      const share = toBase64(decryptShare(encryptedShare, this.#encryptionKey));
      await this.signed(`/gov/recovery/members/${id}:recover`, 'recovery_share', { share });
    }
    for (;;) {
      const ready = await this.request('/node/ready/app');
      const network = (await this.request('/node/network')).json as { service_status: string };
      if (ready.status === 204 && network.service_status === 'Open') return;
    }
  }

  /** The member proposes and votes for it; the last answer. */
  async decide(actions: readonly JsonValue[]): Promise<Answer> {
    const create = '/gov/members/proposals:create';
    const proposed = await this.signed(create, 'proposal', { actions: [...actions] });
    const { proposalId } = proposed.json as { proposalId?: string };
    if (proposalId === undefined) return proposed;
    const path = `/gov/members/proposals/${proposalId}/ballots/${this.memberId}:submit`;
    const ballot = { ballot: 'export function vote() { return true; }' };
    return this.signed(path, 'ballot', ballot, proposalId);
  }

  /** Waits until a transaction id is decided. */
  async decided(id: string): Promise<string> {
    for (;;) {
      const answer = await this.request(`/node/tx?transaction_id=${id}`);
      const { status } = answer.json as { status: string };
      if (status === 'Committed' || status === 'Invalid') return status;
    }
  }
}
