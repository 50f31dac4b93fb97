import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { emptyBytes, toHex } from '@coco/base';
import { createCertificate, parseCertificate, SigningKey, sha256 } from '@coco/crypto';
import { type Endpoint, emptyResponse, Registry } from '@coco/endpoint';
import { identityLookup, nodeInfos } from '@coco/governance';
import { PipelineHarness } from '../../replication/test/pipeline-harness.ts';
import { authenticateCall } from '../src/authenticate-call.ts';
import type { RequestContext } from '../src/request-context.ts';
import { aloneOn } from './two-nodes.ts';

const key = SigningKey.generate('P-256');
const certificate = parseCertificate(
  await createCertificate({ subject: 'node', key, isAuthority: false, notBeforeMs: 0, days: 9 }),
);
const id = toHex(sha256(key.spki));
const endpoint: Endpoint = {
  method: 'GET',
  path: '/node/x',
  mode: 'command',
  authentication: ['node_cert'],
  handle: () => emptyResponse(),
};

function contextOf(
  { pipeline, tracker, clock }: PipelineHarness,
  features: readonly string[] = [],
): RequestContext {
  return {
    interface: { operatorFeatures: new Set(features) } as never,
    registry: new Registry(),
    tracker,
    clock,
    pipeline,
    ...aloneOn(pipeline),
    identities: identityLookup,
    isOpen: () => true,
    answered: () => {},
    failed: () => {},
  };
}

const request = {
  method: 'GET',
  path: endpoint.path,
  query: new Map(),
  headers: new Map(),
  body: emptyBytes,
  clientCertificate: certificate.der,
};

function kindOf(context: RequestContext, asked: Endpoint = endpoint): string {
  const routed = { kind: 'routed', endpoint: asked, request, parameters: new Map() } as const;
  return authenticateCall(context, routed).kind;
}

suite('who calls a node', () => {
  test('is anybody where the operator opened the endpoint on the interface, and only there', () => {
    const harness = new PipelineHarness();
    const snapshot: Endpoint = { ...endpoint, operatorFeature: 'SnapshotRead' };
    const [closed, open] = [contextOf(harness), contextOf(harness, ['SnapshotRead'])];
    assert.equal(kindOf(closed, snapshot), 'response');
    assert.equal(kindOf(open, snapshot), 'call');
    assert.equal(kindOf(open, endpoint), 'response', 'another endpoint stays closed');
  });

  test('is a trusted node once its trust is committed, and not before', async () => {
    const harness = new PipelineHarness();
    const { pipeline } = harness;
    const context = contextOf(harness);
    pipeline.startExecuting();
    pipeline.execute((transaction) => {
      nodeInfos.put(transaction, id, {
        node_to_node_interface: {},
        rpc_interfaces: {},
        quote_info: { format: '', quote: '', endorsements: '' },
        encryption_pub_key: '',
        status: 'Trusted',
      });
      return { result: undefined };
    });
    assert.equal(kindOf(context), 'response');
    await harness.settle();
    harness.commit(harness.proposed.length);
    assert.equal(kindOf(context), 'call');
  });
});
