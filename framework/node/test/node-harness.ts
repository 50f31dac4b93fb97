/** A whole node in a folder of its own, with a member who can open it. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Adapter } from '@coco/adapter';
import { type Clock, type JsonValue, type Log, present } from '@coco/base';
import { createConstitution } from '@coco/constitution';
import { SigningKey } from '@coco/crypto';
import {
  parseConfiguration,
  type RunningNode,
  runNode,
  systemClock,
  systemRandom,
} from '../src/index.ts';
import { type Answer, type AskOptions, askNode, MemberClient } from './member-client.ts';

export type { Answer } from './member-client.ts';

const silent: Log = { write: () => {} };
export class NodeHarness {
  readonly folder: string;
  #member: MemberClient | undefined;
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
    harness.#member = await MemberClient.create(harness.folder, (path, options) =>
      harness.request(path, options),
    );
    await harness.#put('constitution.js', constitution);
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
      readOnlyLedger?: string;
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
      ledger: {
        chunk_size: chunkSize,
        ...(options.readOnlyLedger !== undefined && {
          read_only_directories: [options.readOnlyLedger],
        }),
      },
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

  async request(path: string, options: AskOptions = {}): Promise<Answer> {
    const ca = await readFile(join(this.folder, 'node', 'service_cert.pem'), 'utf8');
    return askNode({ address: `${this.node?.addresses.main}`, ca }, path, options);
  }

  get member(): MemberClient {
    return present(this.#member, 'a harness has a member');
  }

  /** The member's certificate and key, for TLS. */
  get memberClient(): { cert: string; key: string } {
    return this.member.client;
  }

  get memberId(): string {
    return this.member.id;
  }

  signedBody(...given: Parameters<MemberClient['signedBody']>): Uint8Array {
    return this.member.signedBody(...given);
  }

  signed(...given: Parameters<MemberClient['signed']>): Promise<Answer> {
    return this.member.signed(...given);
  }

  openService(previous?: string): Promise<void> {
    return this.member.openService(previous);
  }

  decide(actions: readonly JsonValue[]): Promise<Answer> {
    return this.member.decide(actions);
  }

  decided(id: string): Promise<string> {
    return this.member.decided(id);
  }
}
