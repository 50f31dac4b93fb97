/**
 * Starts or recovers the service, wires rooms and adapters to the registry, listens, finishes a
 * recovery when members have submitted their shares, and stops. Wiring only; each stage's logic is
 * elsewhere.
 */

import type { Adapter } from '@coco/adapter';
import { VirtualPlatform } from '@coco/attestation';
import type { Clock, JsonValue, Log, Random, Seqno } from '@coco/base';
import { LedgerError } from '@coco/base';
import { SigningKey } from '@coco/crypto';
import { Registry } from '@coco/endpoint';
import {
  type GovernancePorts,
  identityLookup,
  isReadingPrivateLedger,
  openRecoveredService,
  ServiceStatusReader,
} from '@coco/governance';
import type { TlsIdentity } from '@coco/peers';
import { type BatchPipeline, hostAdapter, type SnapshotMaker } from '@coco/replication';
import { CertificateFollower, type NodeCertificates } from './certificate-follower.ts';
import { watchCertificates } from './certificate-watch.ts';
import type { NodeConfiguration } from './configuration.ts';
import { readConfiguredText } from './configured-files.ts';
import { governancePorts } from './governance-ports.ts';
import { collectMetrics } from './metrics.ts';
import { type NodeJobs, startJobs } from './node-jobs.ts';
import { NodeListeners } from './node-listeners.ts';
import { openSnapshots } from './open-snapshots.ts';
import { removeOutput, writeOutput } from './output-files.ts';
import { systemClock } from './real-ports.ts';
import { type RecoveredService, readPrivateLedger, recoverService } from './recover-service.ts';
import { registerEndpoints } from './register-endpoints.ts';
import { ScriptPools } from './script-pool.ts';
import type { NodeState, NodeSurroundings, ServiceRuntime } from './service-runtime.ts';
import { snapshotEndpoints } from './snapshot-endpoints.ts';
import { startService } from './start-service.ts';

/** How long a stop waits for executed transactions to become committed. */
const drainMs = 500;

/** Makes an adapter of its part of the configuration. */
export type AdapterFactory = (options: JsonValue) => Promise<Adapter>;

export interface RunNodeOptions {
  readonly configuration: NodeConfiguration;
  readonly baseFolder: string;
  readonly adapters: ReadonlyMap<string, AdapterFactory>;
  /** Hex digests of the code and of the launcher: what the virtual platform reports. */
  readonly measurement: string;
  readonly hostData: string;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class NodeWiring {
  readonly #options: RunNodeOptions;
  readonly #adapters: readonly Adapter[];
  /** By the system's clock, whatever the node's is: processes live in real time. */
  readonly #scripts: ScriptPools = new ScriptPools({ clock: systemClock });
  readonly #registry = new Registry();
  readonly #listeners: NodeListeners;
  #runtime: ServiceRuntime | undefined;
  recoveredSeqno: Seqno | undefined;
  #state: NodeState = 'Initialized';
  readonly #serviceStatus = new ServiceStatusReader();
  #areAdaptersStarted = false;
  #snapshots: SnapshotMaker | undefined;
  #stopWatch: () => void = () => {};
  #certificates: CertificateFollower | undefined;
  #jobs: NodeJobs | undefined;

  constructor(options: RunNodeOptions, adapters: readonly Adapter[]) {
    this.#options = options;
    this.#adapters = adapters;
    this.#listeners = new NodeListeners(options.log);
  }

  get state(): NodeState {
    return this.#state;
  }

  addresses(): Readonly<Record<string, string>> {
    return this.#listeners.addresses();
  }

  async start(onFailed: (error: LedgerError) => void): Promise<void> {
    const { configuration, log } = this.#options;
    const surroundings = await this.#surroundings(onFailed);
    const { command, unused } = configuration;
    for (const setting of unused) log.write('warning', 'configuration.unused', { setting });
    if (command.type === 'Start') {
      this.#runtime = await startService(surroundings, command.start, this.#adapters);
      this.#startAdapters(this.#runtime);
      this.#state = 'PartOfNetwork';
    } else {
      const recovered = await recoverService(surroundings, command.recover);
      this.#runtime = recovered;
      this.recoveredSeqno = recovered.ledger.lastId.seqno;
      this.#state = 'PartOfPublicNetwork';
      this.#finishRecoveryWhenAsked(recovered, surroundings, onFailed);
    }
    const { maker, files } = await openSnapshots(this.#runtime, this.#options);
    this.#snapshots = maker;
    if (this.#state === 'PartOfNetwork') maker.enable();
    const certificates = this.#followCertificates(this.#runtime);
    this.#jobs = this.#startJobs(this.#runtime);
    this.#register(this.#runtime, certificates);
    this.#registry.add(snapshotEndpoints(files));
    await this.#listen(this.#runtime, certificates);
    await this.#writeCertificates(certificates.current);
    await this.#writeAddresses();
    this.#stopWatch = watchCertificates({
      clock: this.#options.clock,
      log,
      certificates: () =>
        new Map([
          ['service', certificates.current.service],
          ['node', certificates.current.endorsed],
        ]),
    });
    log.write('info', 'node.started', { node: this.#runtime.node.key.id, state: this.#state });
  }

  async stop(): Promise<void> {
    const runtime = this.#runtime;
    this.#stopWatch();
    await this.#jobs?.stop();
    await this.#listeners.stop();
    this.#scripts.close();
    await this.#snapshots?.stop();
    if (runtime) {
      for (const adapter of this.#areAdaptersStarted ? this.#adapters : []) await adapter.stop();
      const drained = runtime.core.pipeline.whenIdle();
      const timeout = Promise.withResolvers<void>();
      const cancel = this.#options.clock.setTimer(drainMs, timeout.resolve);
      await Promise.race([drained, timeout.promise]);
      cancel();
      await runtime.core.replica.stop();
      await this.#certificates?.whenWritten();
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
    return { ...this.#options, platform, joinPolicy, onFailed, scripts: this.#scripts };
  }

  #startAdapters(runtime: ServiceRuntime): void {
    const { pipeline } = runtime.core;
    for (const adapter of this.#adapters) {
      adapter.start(hostAdapter(adapter, { ...this.#options, pipeline }));
    }
    this.#areAdaptersStarted = true;
  }

  #finishRecoveryWhenAsked(
    recovered: RecoveredService,
    surroundings: NodeSurroundings,
    onFailed: (error: LedgerError) => void,
  ): void {
    recovered.core.pipeline.addObserver({
      onCommitted: ({ state }) => {
        if (this.#state !== 'PartOfPublicNetwork' || !isReadingPrivateLedger(state)) return;
        this.#state = 'ReadingPrivateLedger';
        this.#finishRecovery(recovered, surroundings).catch((error: unknown) => {
          if (!(error instanceof LedgerError)) throw error;
          onFailed(error);
        });
      },
      rolledBack: () => {},
    });
  }

  async #finishRecovery(
    recovered: RecoveredService,
    surroundings: NodeSurroundings,
  ): Promise<void> {
    await readPrivateLedger(recovered, surroundings, (transaction) =>
      openRecoveredService(transaction, this.#portsOf(recovered)),
    );
    this.#startAdapters(recovered);
    this.#state = 'PartOfNetwork';
    this.#snapshots?.enable();
    this.#options.log.write('info', 'node.recovered', {
      seqno: recovered.core.pipeline.committedSeqno,
    });
  }

  #portsOf(runtime: ServiceRuntime): GovernancePorts {
    return governancePorts(runtime, {
      ...this.#options,
      scripts: this.#scripts,
      forceSnapshot: () => this.#snapshots?.ask(),
      adapters: () => this.#adapters,
    });
  }

  #followCertificates(runtime: ServiceRuntime): CertificateFollower {
    const { node, service, core } = runtime;
    const follower = new CertificateFollower({
      node,
      service,
      log: this.#options.log,
      show: (certificates) => this.#listeners.renew(tlsIdentity(runtime, certificates)),
      write: (certificates) => this.#writeCertificates(certificates),
    });
    core.pipeline.addObserver(follower);
    this.#certificates = follower;
    return follower;
  }

  #startJobs(runtime: ServiceRuntime): NodeJobs {
    const { pipeline } = runtime.core;
    const { tokenKeysIntervalMs } = this.#options.configuration;
    const ports = this.#portsOf(runtime);
    const isOpen = (): boolean => this.#isOpen(pipeline);
    return startJobs({ ...this.#options, pipeline, ports, tokenKeysIntervalMs, isOpen });
  }

  #register(runtime: ServiceRuntime, certificates: CertificateFollower): void {
    const { core } = runtime;
    registerEndpoints(this.#registry, runtime, {
      ...this.#options,
      adapters: this.#adapters,
      governance: this.#portsOf(runtime),
      selfSignedPem: () => certificates.current.selfSigned,
      state: () => this.#state,
      isOpen: () => this.#isOpen(core.pipeline),
      tokenKeyRefreshes: () => this.#jobs?.tokenKeys.metrics() ?? {},
      metrics: () =>
        collectMetrics({
          core,
          listeners: this.#listeners.all,
          counts: this.#listeners.counts,
        }),
    });
  }

  #listen(runtime: ServiceRuntime, { current }: CertificateFollower): Promise<void> {
    const { pipeline, tracker } = runtime.core;
    const { configuration, clock } = this.#options;
    return this.#listeners.open(configuration.interfaces, tlsIdentity(runtime, current), {
      registry: this.#registry,
      tracker,
      clock,
      pipeline,
      identities: identityLookup,
      isOpen: () => this.#isOpen(pipeline),
    });
  }

  #isOpen(pipeline: BatchPipeline): boolean {
    if (this.#state !== 'PartOfNetwork') return false;
    return this.#serviceStatus.status(pipeline.committedState()) === 'Open';
  }

  async #writeCertificates(certificates: NodeCertificates): Promise<void> {
    const { baseFolder, configuration } = this.#options;
    await writeOutput(
      baseFolder,
      configuration.outputFiles.nodeCertificate,
      certificates.selfSigned,
    );
    await writeOutput(baseFolder, configuration.serviceCertificateFile, certificates.service);
  }

  async #writeAddresses(): Promise<void> {
    const { baseFolder, configuration } = this.#options;
    const { rpcAddresses, nodeToNodeAddress } = configuration.outputFiles;
    await writeOutput(baseFolder, rpcAddresses, JSON.stringify(this.addresses()));
    const address = this.#runtime?.core.replica.peerAddress;
    if (nodeToNodeAddress === undefined || address === undefined) return;
    const text = JSON.stringify({ node_to_node_interface: address });
    await writeOutput(baseFolder, nodeToNodeAddress, text);
  }
}

function tlsIdentity({ node }: ServiceRuntime, { endorsed }: NodeCertificates): TlsIdentity {
  return { certificatePem: endorsed, privateKeyPem: node.key.privatePem() };
}
