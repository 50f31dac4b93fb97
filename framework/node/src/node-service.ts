/**
 * A service as this node serves it, from when it has a state to its end: adapters, endpoints,
 * certificates, snapshots and the primary's jobs, wired to the runtime. It does not matter how the
 * node came to the service, nor whether it is the primary now.
 */

import type { Adapter } from '@coco/adapter';
import { LedgerError, type View } from '@coco/base';
import { type Endpoint, Registry } from '@coco/endpoint';
import { type GovernancePorts, identityLookup, ServiceStatusReader } from '@coco/governance';
import { type NodeAlarms, startAlarms } from '@coco/monitor';
import type { TlsIdentity } from '@coco/peers';
import { handOver, hostAdapter } from '@coco/replication';
import { CertificateFollower, type NodeCertificates } from './certificate-follower.ts';
import { watchCertificates } from './certificate-watch.ts';
import { governancePorts } from './governance-ports.ts';
import { joinEndpoint } from './join-endpoint.ts';
import { collectMetrics, prometheusMetrics } from './metrics.ts';
import { type NodeJobs, startJobs } from './node-jobs.ts';
import type { NodeListeners } from './node-listeners.ts';
import { createPlacement, type NodePlacement } from './node-placement.ts';
import { type NodeSnapshots, openSnapshots } from './open-snapshots.ts';
import { writeOutput } from './output-files.ts';
import { registerEndpoints } from './register-endpoints.ts';
import type { RunNodeOptions } from './run-node-options.ts';
import type { ScriptPools } from './script-pool.ts';
import type { NodeState, ServiceRuntime } from './service-runtime.ts';
import { snapshotEndpoints } from './snapshot-endpoints.ts';

/** How long a stop waits for executed transactions to become committed. */
const drainMs = 500;

/** The node around the service. */
export interface ServicePlace {
  readonly options: RunNodeOptions;
  readonly adapters: readonly Adapter[];
  readonly listeners: NodeListeners;
  readonly scripts: ScriptPools;
  /** Keys (DER) whose virtual evidence this node believes. */
  readonly developmentRoots: readonly Uint8Array[];
  state(): NodeState;
}

export class NodeService {
  readonly runtime: ServiceRuntime;
  readonly governance: GovernancePorts;
  readonly #place: ServicePlace;
  readonly #registry = new Registry();
  readonly #certificates: CertificateFollower;
  readonly #serviceStatus = new ServiceStatusReader();
  readonly #placement: NodePlacement;
  #areAdaptersStarted = false;
  #snapshots: NodeSnapshots | undefined;
  #stopWatch: () => void = () => {};
  #alarms: NodeAlarms | undefined;
  #jobs: NodeJobs | undefined;

  constructor(runtime: ServiceRuntime, place: ServicePlace) {
    this.runtime = runtime;
    this.#place = place;
    this.#placement = createPlacement(runtime, place.options.clock);
    const { options, scripts, adapters, listeners } = place;
    this.governance = governancePorts(runtime, {
      ...options,
      scripts,
      forceSnapshot: () => this.#snapshots?.ask(),
      adapters: () => adapters,
    });
    this.#certificates = new CertificateFollower({
      node: runtime.node,
      service: runtime.service,
      log: options.log,
      show: (certificates) => listeners.renew(this.#identity(certificates)),
      write: (certificates) => this.#writeCertificates(certificates),
    });
  }

  /** The whole state is here: adapters read it and go on from it. */
  startAdapters(): void {
    const { options, adapters } = this.#place;
    const { pipeline } = this.runtime.core;
    for (const adapter of adapters) {
      const { callPrimary, leadership } = this.#placement;
      const view = (): View => leadership.view();
      adapter.start(hostAdapter(adapter, { ...options, pipeline, view, callPrimary }));
    }
    this.#areAdaptersStarted = true;
  }

  /** Nothing of the state can be discarded any more. */
  enableSnapshots(): void {
    this.#snapshots?.enable();
  }

  /** Serves clients from here on. @throws DiskFault */
  async open(): Promise<void> {
    const { options, listeners } = this.#place;
    const { pipeline, tracker } = this.runtime.core;
    const snapshots = await openSnapshots(this.runtime, options);
    this.#snapshots = snapshots;
    pipeline.addObserver(this.#certificates);
    this.#jobs = this.#startJobs();
    this.#register();
    this.#registry.add([...snapshotEndpoints(snapshots.files), this.#joinEndpoint()]);
    listeners.renew(this.#identity(this.#certificates.current));
    listeners.serve({
      registry: this.#registry,
      tracker,
      clock: options.clock,
      pipeline,
      ...this.#placement,
      identities: identityLookup,
      isOpen: () => this.#isOpen(),
    });
    // A node that joins was given the service's certificate.
    const isGiven = options.configuration.command.type === 'Join';
    if (!isGiven) await this.#writeCertificates(this.#certificates.current);
    this.#stopWatch = this.#watchCertificates();
    const { core } = this.runtime;
    const { memoryBytes } = options.configuration.limits;
    this.#alarms = startAlarms({ ...options, memoryBytes, core });
  }

  async stop(): Promise<void> {
    const { listeners, adapters, options } = this.#place;
    const { core } = this.runtime;
    this.#stopWatch();
    core.recorder.stop();
    this.#alarms?.stop();
    await this.#jobs?.stop();
    await this.#leaveOffice();
    await listeners.stop();
    this.#placement.caller.stop();
    this.#place.scripts.close();
    core.catchUp.stop();
    await this.#snapshots?.stop();
    for (const adapter of this.#areAdaptersStarted ? adapters : []) await adapter.stop();
    const timeout = Promise.withResolvers<void>();
    const cancel = options.clock.setTimer(drainMs, timeout.resolve);
    await Promise.race([core.pipeline.whenIdle(), timeout.promise]);
    cancel();
    await core.replica.stop();
    await this.#certificates.whenWritten();
  }

  #startJobs(): NodeJobs {
    const { options } = this.#place;
    const { pipeline } = this.runtime.core;
    const { tokenKeysIntervalMs } = options.configuration;
    const ports = this.governance;
    const isOpen = (): boolean => this.#isOpen();
    return startJobs({ ...options, pipeline, ports, tokenKeysIntervalMs, isOpen });
  }

  #register(): void {
    const { options, adapters, state } = this.#place;
    registerEndpoints(this.#registry, this.runtime, {
      ...options,
      adapters,
      placement: this.#placement,
      governance: this.governance,
      selfSignedPem: () => this.#certificates.current.selfSigned,
      state,
      isOpen: () => this.#isOpen(),
      tokenKeyRefreshes: () => this.#jobs?.tokenKeys.metrics() ?? {},
      metrics: () => collectMetrics(this.#measured()),
      prometheus: () => prometheusMetrics(this.#measured()),
    });
  }

  /**
   * A primary that ends hands its office over first: requests wait for the next one, and none is
   * refused. Where nobody can take it the others elect one when this node is silent.
   */
  async #leaveOffice(): Promise<void> {
    const { pipeline, replica } = this.runtime.core;
    const { log } = this.#place.options;
    if (!pipeline.isExecuting) return;
    try {
      const to = await replica.heir();
      if (to === undefined) return;
      await handOver({ pipeline, replica }, to);
      log.write('info', 'office.handedOver', { to });
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      log.write('warning', 'office.kept', { code: error.code });
    }
  }

  #measured(): Parameters<typeof collectMetrics>[0] {
    const { all: listeners, counts } = this.#place.listeners;
    const snapshots = this.#snapshots?.measures;
    const { count: forwardedCount } = this.#placement.forwarder;
    const { core } = this.runtime;
    return { core, listeners, counts, forwardedCount, alarms: this.#alarms, snapshots };
  }

  #joinEndpoint(): Endpoint {
    const { options, developmentRoots } = this.#place;
    const { silence } = this.runtime.core;
    const ports = {
      ...this.governance,
      developmentRoots,
      nodeCertificateDays: options.configuration.nodeCertificateDays,
      silentMs: (raftId: number) => silence.silentMs(raftId),
    };
    const { clock, log } = options;
    return joinEndpoint({ runtime: this.runtime, ports, clock, log });
  }

  #watchCertificates(): () => void {
    const { clock, log } = this.#place.options;
    return watchCertificates({
      clock,
      log,
      certificates: () => {
        const { service, endorsed } = this.#certificates.current;
        return new Map([
          ['service', service],
          ['node', endorsed],
        ]);
      },
    });
  }

  #isOpen(): boolean {
    const { pipeline } = this.runtime.core;
    if (this.#place.state() !== 'PartOfNetwork') return false;
    return this.#serviceStatus.status(pipeline.committedState()) === 'Open';
  }

  #identity({ endorsed }: NodeCertificates): TlsIdentity {
    return { certificatePem: endorsed, privateKeyPem: this.runtime.node.key.privatePem() };
  }

  async #writeCertificates({ selfSigned, service }: NodeCertificates): Promise<void> {
    const { baseFolder, configuration } = this.#place.options;
    await writeOutput(baseFolder, configuration.outputFiles.nodeCertificate, selfSigned);
    await writeOutput(baseFolder, configuration.serviceCertificateFile, service);
  }
}
