/**
 * POST /node/join on a node of the service. The primary admits who proves the right code, tells a
 * Pending node that it is Pending, and gives a Trusted one what it needs, once the transaction that
 * made it Trusted is committed; another node points to the primary.
 */

import { type Clock, type JsonValue, LedgerError, type Log, toHex } from '@coco/base';
import { parseCertificate, sha256 } from '@coco/crypto';
import {
  type Call,
  type CommandEndpoint,
  endpointError,
  jsonResponse,
  type Response,
} from '@coco/endpoint';
import {
  type Admission,
  admitNode,
  encodePendingAnswer,
  encodeTrustedAnswer,
  type JoinedNetwork,
  type JoinPorts,
  nodeInfos,
  parseJoinRequest,
  serviceInfo,
  trustedNode,
  verifyJoiner,
} from '@coco/governance';
import type { ReadView } from '@coco/kv';
import { replicationError, runOptimistic } from '@coco/replication';
import { nodeError } from './errors.ts';
import { addressOfNode, nodesOfService, peerAddressText } from './node-addresses.ts';
import type { ServiceRuntime } from './service-runtime.ts';

/** How long a request waits for the commit of what it wrote; then the node asks again. */
const commitMsMax = 5_000;
/** Between two lines of the log on refusals of a kind: strangers cannot flood it. */
const refusalLogMs = 1_000;

/**
 * Nodes that nobody knows whose evidence is verified in each second: strangers cannot keep the
 * primary busy. A consortium adds one in a while.
 */
const newNodesPerSecond = 50;

export interface JoinPlace {
  readonly runtime: ServiceRuntime;
  readonly ports: JoinPorts;
  readonly clock: Clock;
  readonly log: Log;
}

export function joinEndpoint(place: JoinPlace): CommandEndpoint {
  const refusals = new RefusalLog(place);
  const budget = new VerificationBudget(place.clock);
  return {
    method: 'POST',
    path: '/node/join',
    summary: 'A node asks to become part of the network',
    authentication: [],
    mode: 'command',
    handle: async (call) => {
      try {
        return await answerJoin(place, budget, call);
      } catch (error) {
        refusals.note(error);
        throw error;
      }
    },
  };
}

async function answerJoin(
  place: JoinPlace,
  budget: VerificationBudget,
  { request }: Call,
): Promise<Response> {
  const { runtime, ports, log } = place;
  const { pipeline } = runtime.core;
  if (!pipeline.isExecuting) return pointToPrimary(runtime);
  const joiner = {
    certificate: request.clientCertificate,
    request: parseJoinRequest(request.body),
  };
  if (!isKnown(pipeline.executedState(), joiner.certificate)) budget.take();
  const { result: admission, id } = await runOptimistic(pipeline, async (transaction) => ({
    result: await admitNode(transaction, joiner, ports),
  }));
  if (id) await untilCommitted(place, pipeline.whenDecided(id));
  const { nodeId, status, isNew, replacedId } = admission;
  if (isNew) {
    const address = joiner.request.nodeToNodeInterface.publishedAddress;
    log.write('info', status === 'Trusted' ? 'join.trusted' : 'join.pending', {
      node: nodeId,
      address,
      ...(replacedId !== undefined && { replaced: replacedId }),
    });
  }
  const answer =
    status === 'Pending' ? encodePendingAnswer(nodeId) : await welcome(place, admission);
  return jsonResponse(answer);
}

function isKnown(state: ReadView, certificate: Uint8Array | undefined): boolean {
  if (certificate === undefined) return false;
  return nodeInfos.has(state, toHex(sha256(parseCertificate(certificate).spki)));
}

/** @throws JoinUndecided */
async function untilCommitted(
  { clock }: JoinPlace,
  decided: Promise<'Committed' | 'Invalid'>,
): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const cancel = clock.setTimer(commitMsMax, () => resolve('late'));
  const decision = await Promise.race([decided, late]);
  cancel();
  if (decision !== 'Committed') throw undecided();
}

function undecided(): LedgerError {
  return nodeError('JoinUndecided', 'The node is not committed as a part of the network yet.');
}

/**
 * What a Trusted node gets. This node must still be the primary, or it may not know that the other
 * was retired; and the policy must accept the other's code now, not only when it asked first.
 * @throws JoinUndecided, ReadIndexUnavailable, InvalidQuote
 */
async function welcome(
  { runtime, ports, log }: JoinPlace,
  { nodeId, nodeSpki, isNew }: Admission,
): Promise<JsonValue> {
  const { core, service, secrets, signer } = runtime;
  await core.replica.readIndex();
  const state = core.pipeline.committedState();
  const trusted = trustedNode(state, nodeId);
  if (!trusted) throw undecided();
  const { raftId, info, endorsedCertificatePem } = trusted;
  if (!isNew) {
    const quoteInfo = info.quote_info;
    await verifyJoiner(state, { quoteInfo, nodeSpki }, ports.developmentRoots);
  }
  log.write('info', 'join.welcomed', { node: nodeId, raftId });
  const network: JoinedNetwork = {
    raftId,
    committed: { view: core.tracker.committedId.view, seqno: state.seqno },
    serviceCertificatePem: serviceInfo.require(state).cert,
    endorsedCertificatePem,
    signer,
    peers: peersOf(state, nodeId),
    endorsements: runtime.endorsements(),
  };
  const ledgerSecrets = secrets
    .until(state.seqno)
    .map(({ fromSeqno: version, key: secret }) => ({ version, secret }));
  const given = { ledgerSecrets, serviceKeyPem: service.key.privatePem() };
  const answer = { status: 'Trusted', nodeId, network, secrets: given } as const;
  return encodeTrustedAnswer(answer, info.encryption_pub_key);
}

function peersOf(state: ReadView, joinerId: string): JoinedNetwork['peers'] {
  return nodesOfService(state).flatMap(({ id, raftId, info }) => {
    const nodeToNodeAddress = peerAddressText(info);
    const isPeer = info.status === 'Trusted' && id !== joinerId && nodeToNodeAddress !== undefined;
    return isPeer
      ? [{ nodeId: id, raftId, nodeToNodeAddress, rpcAddress: addressOfNode(state, id) }]
      : [];
  });
}

/** @throws NodeCannotHandleRequest while nobody leads */
function pointToPrimary({ core }: ServiceRuntime): Response {
  const leaderId = core.office.report?.leaderId;
  const state = core.pipeline.committedState();
  const primary = nodesOfService(state).find(({ raftId }) => raftId === leaderId);
  const address = primary && addressOfNode(state, primary.id);
  if (address === undefined) {
    throw replicationError('NodeCannotHandleRequest', 'Primary unknown');
  }
  const message = 'Node is not primary; cannot handle write';
  const body = { error: { code: 'NodeCannotHandleRequest', message } };
  const response = jsonResponse(body, 307);
  const location = `https://${address}/node/join`;
  return { ...response, headers: { ...response.headers, location } };
}

class VerificationBudget {
  readonly #clock: Clock;
  #second = Number.NEGATIVE_INFINITY;
  #used = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws TooManyPendingTransactions */
  take(): void {
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    if (second !== this.#second) this.#used = 0;
    this.#second = second;
    if (++this.#used <= newNodesPerSecond) return;
    const message = 'Too many unknown nodes ask to join at once; ask again shortly.';
    throw endpointError('TooManyPendingTransactions', message, { limit: newNodesPerSecond });
  }
}

/** Refused joiners: of each kind of refusal at most a line in each second. */
class RefusalLog {
  readonly #place: JoinPlace;
  #count = 0;
  /** When each code was logged last. There are few codes. */
  readonly #loggedMs = new Map<string, number>();

  constructor(place: JoinPlace) {
    this.#place = place;
  }

  note(error: unknown): void {
    if (!(error instanceof LedgerError)) return;
    const { clock, log } = this.#place;
    const { code, message: reason } = error;
    this.#count++;
    const nowMs = clock.monotonicMs();
    if (nowMs - (this.#loggedMs.get(code) ?? Number.NEGATIVE_INFINITY) < refusalLogMs) return;
    this.#loggedMs.set(code, nowMs);
    log.write('warning', 'join.refused', { code, reason, count: this.#count });
  }
}
