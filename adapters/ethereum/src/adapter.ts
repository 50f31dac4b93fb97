/**
 * The Ethereum adapter: wires state, blocks, submission and JSON-RPC to one host. What it keeps in
 * memory is derived: `start` builds it from committed state, `rolledBack` corrects it.
 */

import type {
  Adapter,
  CommittedBatch,
  GovernedSettings,
  Host,
  OpenBatch,
  VisibleItem,
  Write,
} from '@coco/adapter';
import { assert, present, type Seqno } from '@coco/base';
import type { Caller, ChannelEndpoint, Endpoint } from '@coco/endpoint';
import type { Transaction } from '@coco/kv';
import { BlockBuilder } from './block-builder.ts';
import { CallBudget, type CallExecutor, SameThreadCalls } from './call-executor.ts';
import { CallSimulation } from './call-simulation.ts';
import { ChainReader } from './chain-reader.ts';
import { Confirmations } from './confirmations.ts';
import { ethereumError } from './errors.ts';
import { EthereumState, ethereumMaps } from './ethereum-state.ts';
import { writeGenesis } from './genesis.ts';
import { governedSettings } from './governed-settings.ts';
import { JsonRpc, type RpcMethod } from './json-rpc.ts';
import type { EthereumSettings } from './options.ts';
import { relayEndpoint } from './relay-endpoint.ts';
import { chainMethods } from './rpc-chain-methods.ts';
import { rpcChannels } from './rpc-channel.ts';
import type { RpcContext } from './rpc-context.ts';
import { debugMethods } from './rpc-debug-methods.ts';
import { rpcEndpoints } from './rpc-endpoints.ts';
import { logMethods } from './rpc-log-methods.ts';
import { networkMethods } from './rpc-network-methods.ts';
import { poolMethods } from './rpc-pool-methods.ts';
import { moduleMethods, refusedMethod } from './rpc-refused-methods.ts';
import { stateMethods } from './rpc-state-methods.ts';
import { transactionMethods } from './rpc-transaction-methods.ts';
import { simulateMethod } from './simulate.ts';
import type { Visibility } from './state-codec.ts';
import { Submission } from './submission.ts';
import { Subscriptions, subscriptionMethods } from './subscriptions.ts';
import type { TracingEngine } from './trace-types.ts';

/** What exists between start and stop. */
interface Running {
  readonly host: Host;
  readonly builder: BlockBuilder;
  readonly submission: Submission;
  readonly confirmations: Confirmations;
  readonly reader: ChainReader;
  readonly jsonRpc: JsonRpc;
  readonly subscriptions: Subscriptions;
}

/** Whether a caller may see an item of a chain with this visibility. */
export type VisibilityRule = (caller: Caller, item: VisibleItem, visibility: Visibility) => boolean;

/** Who proves an identity of the consortium sees everything; strangers, what is public. */
export const consortiumRule: VisibilityRule = (caller, _item, visibility) =>
  visibility === 'public' || caller.policy !== 'no_auth';

export class EthereumAdapter implements Adapter {
  readonly name: string = 'ethereum';
  readonly maps: readonly string[] = ethereumMaps;
  readonly endpoints: readonly Endpoint[];
  readonly channels: readonly ChannelEndpoint[];
  readonly governed: GovernedSettings = governedSettings;
  readonly #settings: EthereumSettings;
  readonly #engine: TracingEngine;
  readonly #rule: VisibilityRule;
  readonly #calls: CallExecutor | undefined;
  #running: Running | undefined;

  constructor(
    settings: EthereumSettings,
    engine: TracingEngine,
    rule: VisibilityRule,
    calls?: CallExecutor,
  ) {
    this.#settings = settings;
    this.#calls = calls;
    this.#engine = engine;
    this.#rule = rule;
    this.endpoints = this.#deferredEndpoints();
    this.channels = rpcChannels(() => this.#started(), settings.allowedOrigins);
  }

  genesis(transaction: Transaction): void {
    writeGenesis(transaction, this.#settings, this.#engine);
  }

  /** @throws ChainMismatch, EthereumStateInvalid */
  start(host: Host): void {
    assert(this.#running === undefined, 'an adapter is started once');
    const state = new EthereumState(host.committed());
    const chain = state.chain();
    const settings = this.#settings;
    if (chain.chainId !== settings.chainId) {
      throw ethereumError(
        'ChainMismatch',
        `The ledger holds chain ${chain.chainId}, but chain ${settings.chainId} is configured: configure the ledger's own, or start in an empty folder.`,
      );
    }
    const engine = this.#engine;
    const builder = new BlockBuilder(host, engine);
    const submission = new Submission({ host, builder, settings });
    const confirmations = new Confirmations(host, builder, settings.emptyBlockDelayMs);
    const reader = new ChainReader(host, builder, settings.limits.statesMax);
    const { waitingCallsMax, waitingCallsPerCallerMax, logQueriesMax } = settings.limits;
    const waiting = { waitingMax: waitingCallsMax, waitingPerCallerMax: waitingCallsPerCallerMax };
    const calls = this.#calls ?? new SameThreadCalls(engine, host.clock);
    const budget = new CallBudget({ ...waiting, atOnceMax: calls.atOnce });
    const queries = new CallBudget({ ...waiting, atOnceMax: logQueriesMax });
    const context: RpcContext = {
      host,
      engine,
      settings,
      admissionPool: settings.admissionPool,
      builder,
      submission,
      reader,
      calls,
      budget,
      queries,
      visible: (caller, item) => this.visible(caller, item),
    };
    const subscriptions = new Subscriptions(context);
    const jsonRpc = new JsonRpc(servedMethods(context), settings.limits, host);
    reader.remember(host.committed());
    confirmations.committed(state);
    this.#running = {
      host,
      builder,
      submission,
      confirmations,
      reader,
      jsonRpc,
      subscriptions,
    };
  }

  seal(transaction: Transaction, batch: OpenBatch): Write<void> {
    const { builder, submission, confirmations } = this.#started();
    if (builder.open) confirmations.cancel();
    builder.seal(transaction, batch);
    // What found the block full goes into the next one.
    submission.drainSoon();
    return { result: undefined };
  }

  visible(caller: Caller, item: VisibleItem): boolean {
    return this.#rule(caller, item, this.#started().reader.chain.visibility);
  }

  onCommitted(batch: CommittedBatch): void {
    const { builder, submission, confirmations, reader, subscriptions } = this.#started();
    builder.committed(batch.lastSeqno);
    submission.committed(batch.lastSeqno, batch.state);
    reader.remember(batch.state);
    confirmations.committed(new EthereumState(batch.state));
    subscriptions.committed();
  }

  rolledBack(to: Seqno): void {
    const { builder, submission } = this.#started();
    builder.rolledBack(to);
    submission.rolledBack(to);
  }

  async stop(): Promise<void> {
    this.#running?.confirmations.cancel();
    this.#running?.submission.stop();
    this.#running?.subscriptions.stop();
    await Promise.all([this.#settings.admissionPool.stop(), this.#calls?.stop()]);
  }

  #started(): Running {
    return present(this.#running, 'the adapter is started');
  }

  /** Endpoints are registered before `start`; their handlers look up what start made. */
  #deferredEndpoints(): readonly Endpoint[] {
    const { chainId, allowedOrigins } = this.#settings;
    const jsonRpc = {
      answer: (body: Uint8Array, caller: Caller) => this.#started().jsonRpc.answer(body, caller),
    };
    const greeting = `Coco: Ethereum, chain ${chainId}. POST JSON-RPC 2.0 here.\n`;
    return [
      ...rpcEndpoints(jsonRpc, { allowedOrigins, greeting }),
      relayEndpoint({
        admissionPool: this.#settings.admissionPool,
        submit: (transaction, isAwaited) => {
          this.#started().submission.submit(transaction, isAwaited);
        },
      }),
    ];
  }
}

/** Every method that is served, and those that say what to do instead. */
function servedMethods(context: RpcContext): Pick<ReadonlyMap<string, RpcMethod>, 'get'> {
  const simulation = new CallSimulation(context.calls, context.settings.limits);
  const methods = new Map([
    ...debugMethods(context),
    ...poolMethods(context),
    ...networkMethods(context),
    ...chainMethods(context),
    ...stateMethods(context, simulation),
    ...logMethods(context),
    ...transactionMethods(context),
    ...subscriptionMethods(context),
    ['eth_simulateV1', simulateMethod(context)] as const,
  ]);
  for (const [name, method] of moduleMethods(methods.keys())) methods.set(name, method);
  return { get: (name: string) => methods.get(name) ?? refusedMethod(name) };
}
