import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { emptyBytes, toHex } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey, sha256 } from '@coco/crypto';
import { type Channel, type ChannelEndpoint, type ChannelHandler, Registry } from '@coco/endpoint';
import { identityLookup, nodeInfos } from '@coco/governance';
import { PipelineHarness } from '../../replication/test/pipeline-harness.ts';
import { openChannel } from '../src/open-channel.ts';
import type { RequestContext } from '../src/request-context.ts';
import { aloneOn } from './two-nodes.ts';

const key = SigningKey.generate('P-256');
const certificate = parseCertificate(
  await createCertificate({ subject: 'node', key, isAuthority: false, notBeforeMs: 0, days: 9 }),
);
const request = {
  method: 'GET',
  path: '/news',
  query: new Map(),
  headers: new Map(),
  body: emptyBytes,
  clientCertificate: certificate.der,
};

function endpointOf(handler: Partial<ChannelHandler> = {}): ChannelEndpoint {
  return {
    path: '/news',
    authentication: ['node_cert'],
    accept: () => () => ({ onMessage: async () => 'fine', onClosed: () => {}, ...handler }),
  };
}

class Node {
  isOpen = true;
  readonly failed: unknown[] = [];
  readonly harness = new PipelineHarness();
  readonly context: RequestContext;

  constructor(endpoint: ChannelEndpoint, acceptedEndpoints: readonly RegExp[] = []) {
    const { pipeline, tracker, clock } = this.harness;
    const registry = new Registry();
    registry.addChannels([endpoint]);
    this.context = {
      interface: { operatorFeatures: new Set(), acceptedEndpoints, name: 'main' } as never,
      registry,
      tracker,
      clock,
      pipeline,
      ...aloneOn(pipeline),
      identities: identityLookup,
      isOpen: () => this.isOpen,
      answered: () => {},
      failed: (error) => this.failed.push(error),
    };
  }

  /** A row of the ledger says that it is a node, or no more. */
  async write(status: 'Trusted' | 'Retired'): Promise<void> {
    const { harness } = this;
    harness.pipeline.execute((transaction) => {
      nodeInfos.put(transaction, toHex(sha256(key.spki)), {
        node_to_node_interface: {},
        rpc_interfaces: {},
        quote_info: { format: '', quote: '', endorsements: '' },
        encryption_pub_key: '',
        status,
      });
      return { result: undefined };
    });
    await harness.settle();
    harness.commit(harness.proposed.length);
  }
}

class TestChannel implements Channel {
  closedWith: number | undefined;
  caller(): undefined {
    return undefined;
  }
  notify(): void {}
  close(code: number): void {
    this.closedWith = code;
  }
}

suite('a channel of a node', () => {
  test('opens for who is known, and ends for who is known no more', async () => {
    const node = new Node(endpointOf());
    node.harness.pipeline.startExecuting();
    assert.equal(openChannel(node.context, request).kind, 'response');
    await node.write('Trusted');
    const opening = openChannel(node.context, request);
    assert.ok(opening.kind === 'open');
    assert.equal(opening.caller()?.policy, 'node_cert');
    node.isOpen = false;
    assert.equal(opening.caller(), undefined);
    node.isOpen = true;
    assert.ok(opening.caller());
    await node.write('Retired');
    assert.equal(opening.caller(), undefined);
  });

  test('is refused where the interface, the path or the service does not offer it', () => {
    const closed = new Node(endpointOf(), [/^\/node\/.*$/]);
    assert.throws(() => openChannel(closed.context, request), {
      code: 'NodeCannotHandleRequest',
    });
    const node = new Node(endpointOf());
    const elsewhere = openChannel(node.context, { ...request, path: '/elsewhere' });
    assert.ok(elsewhere.kind === 'response' && elsewhere.response.status === 404);
    node.isOpen = false;
    assert.throws(() => openChannel(node.context, request), { code: 'FrontendNotOpen' });
  });

  test('alone ends when a message meets a bug, and the node goes on', async () => {
    const bug = new RangeError('a bug');
    const onMessage = (): Promise<never> => Promise.reject(bug);
    const node = new Node({ ...endpointOf({ onMessage }), authentication: [] });
    const opening = openChannel(node.context, request);
    assert.ok(opening.kind === 'open');
    const channel = new TestChannel();
    const handler = opening.accept(channel);
    assert.equal(await handler.onMessage(emptyBytes, { policy: 'no_auth' }), undefined);
    assert.equal(channel.closedWith, 1011);
    assert.deepEqual(node.failed, [bug]);
  });
});
