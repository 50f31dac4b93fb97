/**
 * Two nodes of a service without a network between them: each has its own pipeline, and a call from
 * one to the other is a function call that the test can break.
 */
import { emptyBytes, type View } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey } from '@coco/crypto';
import {
  type ClientSession,
  type Endpoint,
  Registry,
  type Request,
  type Response,
} from '@coco/endpoint';
import { identityLookup, nodeInfos, nodeJoins } from '@coco/governance';
import type { NodeCallLimits } from '@coco/http';
import { Forwarder } from '@coco/http';
import type { BatchPipeline } from '@coco/replication';
import { createLeadership } from '@coco/replication';
import { PipelineHarness } from '../../replication/test/pipeline-harness.ts';
import type { RedirectionConfiguration } from '../src/configuration-interfaces.ts';
import type { RequestContext } from '../src/request-context.ts';
import { answerRequest } from '../src/request-path.ts';

export const forwardingMsMax = 3_000;

type Placement = Pick<RequestContext, 'leadership' | 'forwarder' | 'becomeCurrent'>;

/** Of a service with one node. */
export function aloneOn(pipeline: BatchPipeline): Placement {
  const office = { report: undefined };
  const leadership = createLeadership({
    nodeId: 'alone',
    office,
    pipeline,
    nodeIdOf: () => undefined,
  });
  const forwarder = {
    forward: () => Promise.reject(new TypeError('nobody is there to forward to')),
  };
  return { leadership, forwarder, becomeCurrent: async () => {} };
}

const backdated = { isAuthority: false, notBeforeMs: 0, days: 36_500 } as const;

export class TestNode {
  readonly harness: PipelineHarness = new PipelineHarness();
  readonly nodeId: string;
  readonly certificate: Uint8Array;
  readonly registry: Registry = new Registry();
  readonly codes: unknown[] = [];
  redirections: RedirectionConfiguration | undefined;
  view: View = 2 as View;
  primaryId: string | undefined;
  isExecuting = false;
  becomeCurrent: () => Promise<void> = async () => {};
  /** Takes a call to another node; the test sets it. */
  call: (nodeId: string, request: Request, limits: NodeCallLimits) => Promise<Response> = () =>
    Promise.reject(new TypeError('no other node is set'));
  readonly #forwarder: Forwarder;

  private constructor(nodeId: string, certificate: Uint8Array) {
    this.nodeId = nodeId;
    this.certificate = certificate;
    this.#forwarder = new Forwarder({
      caller: { call: (id, request, limits) => this.call(id, request, limits) },
      leadership: { primaryId: () => this.primaryId },
      clock: this.harness.clock,
    });
  }

  static async create(): Promise<TestNode> {
    const key = SigningKey.generate('P-256');
    const pem = await createCertificate({ subject: 'node', key, ...backdated });
    return new TestNode(key.id, parseCertificate(pem).der);
  }

  context(): RequestContext {
    const { harness, nodeId } = this;
    const { pipeline, tracker, clock } = harness;
    const { redirections } = this;
    return {
      interface: {
        name: 'main',
        acceptedEndpoints: [],
        operatorFeatures: new Set<never>(),
        forwardingMsMax,
        redirections,
      } as unknown as RequestContext['interface'],
      registry: this.registry,
      tracker,
      clock,
      pipeline,
      leadership: {
        nodeId,
        view: () => this.view,
        isExecuting: () => this.isExecuting,
        primaryId: () => this.primaryId,
      },
      forwarder: this.#forwarder,
      becomeCurrent: () => this.becomeCurrent(),
      identities: identityLookup,
      isOpen: () => true,
      answered: () => {},
      failed: (error) => this.codes.push((error as { code?: string }).code),
    };
  }

  answer(request: Partial<Request>, session?: ClientSession): Promise<Response> {
    return answerRequest(
      this.context(),
      {
        method: 'GET',
        path: '/',
        query: new Map(),
        headers: new Map(),
        body: emptyBytes,
        clientCertificate: undefined,
        ...request,
      },
      session,
    );
  }
}

/** The first is the primary of view 2; both know each other. */
export async function createTwoNodes(
  endpoints: readonly Endpoint[],
): Promise<{ readonly primary: TestNode; readonly backup: TestNode }> {
  const [primary, backup] = [await TestNode.create(), await TestNode.create()];
  for (const node of [primary, backup]) {
    node.registry.add(endpoints);
    node.primaryId = primary.nodeId;
    const { pipeline } = node.harness;
    pipeline.startExecuting();
    pipeline.execute((transaction) => {
      for (const [at, { nodeId }] of [primary, backup].entries()) {
        nodeJoins.put(transaction, nodeId, {});
        nodeInfos.put(transaction, nodeId, {
          node_to_node_interface: {},
          rpc_interfaces: {
            main: { published_address: `node${at}.example:443` },
            plain: {
              published_address: `127.0.0.1:80${at}`,
              endorsement: { authority: 'Unsecured' },
            },
          },
          quote_info: { format: '', quote: '', endorsements: '' },
          encryption_pub_key: '',
          status: 'Trusted',
        });
      }
      return { result: undefined };
    });
    await node.harness.settle();
    node.harness.commit(1);
  }
  primary.isExecuting = true;
  backup.harness.pipeline.loseOffice(3 as View);
  backup.call = (nodeId, request) => {
    const node = [primary, backup].find((one) => one.nodeId === nodeId) ?? primary;
    return node.answer({ ...request, clientCertificate: backup.certificate });
  };
  return { primary, backup };
}
