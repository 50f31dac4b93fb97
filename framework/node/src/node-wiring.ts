/**
 * A node's way to its service: keys and open interfaces first, then it starts, joins or recovers
 * one, and serves it when the state is here. It finishes a recovery when members have submitted
 * their shares. Wiring only; each stage's logic is elsewhere.
 */

import type { Adapter } from '@coco/adapter';
import { VirtualPlatform } from '@coco/attestation';
import { LedgerError, present, type Seqno } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { jsonResponse, type Request, type Response } from '@coco/endpoint';
import { isReadingPrivateLedger, openRecoveredService } from '@coco/governance';
import type { JoinConfiguration } from './command-configuration.ts';
import { readConfiguredText } from './configured-files.ts';
import { JoinAttempt } from './join-attempt.ts';
import { joinService } from './join-service.ts';
import {
  createKeys,
  describeBeginning,
  type NodeBeginning,
  peerListenOf,
} from './node-beginning.ts';
import { NodeListeners } from './node-listeners.ts';
import { NodeService } from './node-service.ts';
import { removeOutput, writeOutput } from './output-files.ts';
import { systemClock } from './real-ports.ts';
import { type RecoveredService, readPrivateLedger, recoverService } from './recover-service.ts';
import { ReplicaClient } from './replica-client.ts';
import type { RunNodeOptions } from './run-node-options.ts';
import { ScriptPools } from './script-pool.ts';
import type { NodeState, NodeSurroundings, ServiceRuntime } from './service-runtime.ts';
import { startService } from './start-service.ts';

export class NodeWiring {
  readonly #options: RunNodeOptions;
  readonly #adapters: readonly Adapter[];
  /** By the system's clock, whatever the node's is: processes live in real time. */
  readonly #scripts: ScriptPools = new ScriptPools({ clock: systemClock });
  readonly #listeners: NodeListeners;
  #replica: ReplicaClient | undefined;
  #beginning: NodeBeginning | undefined;
  #service: NodeService | undefined;
  #joining: { readonly attempt: JoinAttempt; readonly ended: Promise<void> } | undefined;
  recoveredSeqno: Seqno | undefined;
  #state: NodeState = 'Initialized';

  constructor(options: RunNodeOptions, adapters: readonly Adapter[]) {
    this.#options = options;
    this.#adapters = adapters;
    this.#listeners = new NodeListeners(options, (request) => this.#answerEarly(request));
  }

  get state(): NodeState {
    return this.#state;
  }

  get nodeId(): string {
    return present(this.#beginning, 'a node that runs has keys').keys.key.id;
  }

  get peerAddress(): string | undefined {
    return this.#replica?.peerAddress;
  }

  addresses(): Readonly<Record<string, string>> {
    return this.#listeners.addresses();
  }

  /**
   * Resolves when the service is served; for a node that joins, when it listens and asks.
   */
  async start(onFailed: (error: LedgerError) => void): Promise<void> {
    const { configuration, log } = this.#options;
    const { command, unused } = configuration;
    for (const setting of unused) log.write('warning', 'configuration.unused', { setting });
    const surroundings = await this.#surroundings(onFailed);
    const beginning = await this.#begin(surroundings);
    switch (command.type) {
      case 'Start': {
        const { start } = command;
        const started = await startService(surroundings, start, beginning, this.#adapters);
        await this.#serveNew(started, surroundings);
        break;
      }
      case 'Join':
        await this.#writeAddresses();
        await this.#writeOwnCertificate(beginning);
        this.#join(surroundings, command.join, beginning);
        return;
      case 'Recover': {
        const recovered = await recoverService(surroundings, command.recover, beginning);
        await this.#serveRecovered(recovered, surroundings);
      }
    }
    await this.#writeAddresses();
    this.#logStarted();
  }

  async stop(): Promise<void> {
    this.#joining?.attempt.stop();
    await this.#joining?.ended;
    if (this.#service) await this.#service.stop();
    else {
      await this.#listeners.stop();
      this.#scripts.close();
      await this.#replica?.stop();
    }
    const { baseFolder, configuration } = this.#options;
    await removeOutput(baseFolder, configuration.outputFiles.pid);
    this.#options.log.write('info', 'node.stopped');
  }

  async #surroundings(onFailed: (error: LedgerError) => void): Promise<NodeSurroundings> {
    const { configuration, baseFolder, measurement, hostData } = this.#options;
    const pem = await readConfiguredText(baseFolder, configuration.virtualRootKeyFile);
    const root = SigningKey.fromPem(pem);
    const platform = new VirtualPlatform({ root, measurement, hostData });
    const joinPolicy = { measurement, hostData };
    const developmentRoots = [root.spki];
    const own = { platform, joinPolicy, developmentRoots, scripts: this.#scripts };
    const onLockedOut = (): void => this.#listeners.withdraw();
    return { ...this.#options, ...own, onFailed, onLockedOut };
  }

  /** Keys, open interfaces, and evidence. */
  async #begin(surroundings: NodeSurroundings): Promise<NodeBeginning> {
    const { interfaces, nodeToNode } = this.#options.configuration;
    const keys = await createKeys(surroundings);
    const certificatePem = keys.selfSignedPem;
    await this.#listeners.open(interfaces, {
      certificatePem,
      privateKeyPem: keys.key.privatePem(),
    });
    const replica = await ReplicaClient.open({ peerListen: peerListenOf(nodeToNode, keys) });
    this.#replica = replica;
    const addresses = this.addresses();
    const beginning = await describeBeginning(surroundings, { keys, replica, addresses });
    this.#beginning = beginning;
    return beginning;
  }

  /** What a node says before it is part of a service. */
  #answerEarly({ method, path }: Request): Response | undefined {
    const keys = this.#beginning?.keys;
    if (!keys || method !== 'GET' || path !== '/node/state') return undefined;
    return jsonResponse({
      node_id: keys.key.id,
      state: this.#state,
      last_signed_seqno: this.#service?.runtime.core.pipeline.committedSeqno ?? 0,
      startup_seqno: 0,
      stop_notice: false,
    });
  }

  #wire(runtime: ServiceRuntime, { developmentRoots }: NodeSurroundings): NodeService {
    const place = {
      developmentRoots,
      options: this.#options,
      adapters: this.#adapters,
      listeners: this.#listeners,
      scripts: this.#scripts,
      state: () => this.#state,
    };
    this.#service = new NodeService(runtime, place);
    return this.#service;
  }

  /** The service is whole from the start. */
  async #serveNew(runtime: ServiceRuntime, surroundings: NodeSurroundings): Promise<void> {
    const service = this.#wire(runtime, surroundings);
    service.startAdapters();
    this.#state = 'PartOfNetwork';
    await service.open();
    service.enableSnapshots();
  }

  #join(surroundings: NodeSurroundings, join: JoinConfiguration, beginning: NodeBeginning): void {
    this.#state = 'Pending';
    const attempt = new JoinAttempt(surroundings, join, beginning);
    const ended = this.#joinWith(attempt, surroundings, beginning).catch((error: unknown) => {
      if (!(error instanceof LedgerError)) throw error;
      if (!attempt.isStopped) surroundings.onFailed(error);
    });
    this.#joining = { attempt, ended };
  }

  async #joinWith(
    attempt: JoinAttempt,
    surroundings: NodeSurroundings,
    beginning: NodeBeginning,
  ): Promise<void> {
    const trusted = await attempt.untilTrusted();
    if (!trusted) return;
    const joined = await joinService(surroundings, trusted, beginning);
    const service = this.#wire(joined.runtime, surroundings);
    if (!(await attempt.orStopped(joined.caughtUp))) return;
    service.startAdapters();
    this.#state = 'PartOfNetwork';
    await service.open();
    service.enableSnapshots();
    this.#logStarted();
    void joined.runtime.core.catchUp.fetchOlder();
  }

  async #serveRecovered(
    recovered: RecoveredService,
    surroundings: NodeSurroundings,
  ): Promise<void> {
    this.recoveredSeqno = recovered.ledger.lastId.seqno;
    this.#state = 'PartOfPublicNetwork';
    const service = this.#wire(recovered, surroundings);
    recovered.core.pipeline.addObserver({
      onCommitted: ({ state }) => {
        if (this.#state !== 'PartOfPublicNetwork' || !isReadingPrivateLedger(state)) return;
        this.#state = 'ReadingPrivateLedger';
        this.#finishRecovery(service, recovered, surroundings).catch((error: unknown) => {
          if (!(error instanceof LedgerError)) throw error;
          surroundings.onFailed(error);
        });
      },
      rolledBack: () => {},
    });
    await service.open();
  }

  async #finishRecovery(
    service: NodeService,
    recovered: RecoveredService,
    surroundings: NodeSurroundings,
  ): Promise<void> {
    await readPrivateLedger(recovered, surroundings, (transaction) =>
      openRecoveredService(transaction, service.governance),
    );
    service.startAdapters();
    this.#state = 'PartOfNetwork';
    service.enableSnapshots();
    this.#options.log.write('info', 'node.recovered', {
      seqno: recovered.core.pipeline.committedSeqno,
    });
  }

  /** Before anybody endorsed it. */
  async #writeOwnCertificate({ keys }: NodeBeginning): Promise<void> {
    const { baseFolder, configuration } = this.#options;
    await writeOutput(baseFolder, configuration.outputFiles.nodeCertificate, keys.selfSignedPem);
  }

  #logStarted(): void {
    this.#options.log.write('info', 'node.started', { node: this.nodeId, state: this.#state });
  }

  async #writeAddresses(): Promise<void> {
    const { baseFolder, configuration } = this.#options;
    const { rpcAddresses, nodeToNodeAddress } = configuration.outputFiles;
    await writeOutput(baseFolder, rpcAddresses, JSON.stringify(this.addresses()));
    const address = this.#replica?.peerAddress;
    if (nodeToNodeAddress === undefined || address === undefined) return;
    const text = JSON.stringify({ node_to_node_interface: address });
    await writeOutput(baseFolder, nodeToNodeAddress, text);
  }
}
