import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isJsonObject, type JsonValue } from '@coco/base';
import { openApiDocument } from '../src/open-api.ts';
import { endpointAt } from './endpoint-fixture.ts';

function at(value: JsonValue, ...names: readonly string[]): JsonValue {
  let part: JsonValue = value;
  for (const name of names) part = (isJsonObject(part) ? part[name] : undefined) ?? null;
  return part;
}

suite('OpenAPI document', () => {
  const document = openApiDocument({
    title: 'Coco node',
    description: 'A node',
    version: '1.0.0',
    prefix: '/node',
    endpoints: [
      { ...endpointAt('/node/network/nodes/{nodeId}'), summary: 'One node' },
      endpointAt('/node/network/nodes/{nodeId}', 'DELETE'),
      endpointAt('/node/commit'),
      endpointAt('/nodes'),
      endpointAt('/app/commit'),
    ],
  });

  test('lists the frontend’s paths with their methods and parameters', () => {
    assert.equal(at(document, 'openapi'), '3.0.0');
    assert.deepEqual(Object.keys(at(document, 'paths') ?? {}).sort(), [
      '/node/commit',
      '/node/network/nodes/{nodeId}',
    ]);
    assert.deepEqual(at(document, 'paths', '/node/network/nodes/{nodeId}', 'get'), {
      operationId: 'GetNodeNetworkNodesNodeId',
      summary: 'One node',
      parameters: [{ name: 'nodeId', in: 'path', required: true, schema: { type: 'string' } }],
      responses: {
        '200': { description: 'Default response description' },
        default: { $ref: '#/components/responses/default' },
      },
    });
  });

  test('every reference resolves and operation ids are unique', () => {
    const ids: string[] = [];
    const walk = (value: JsonValue): void => {
      if (Array.isArray(value)) for (const item of value) walk(item);
      if (!isJsonObject(value)) return;
      if (typeof value.operationId === 'string') ids.push(value.operationId);
      if (typeof value.$ref === 'string') {
        const target = at(document, ...value.$ref.slice(2).split('/'));
        assert.notEqual(target, null, value.$ref);
      }
      for (const item of Object.values(value)) walk(item);
    };
    walk(document);
    assert.equal(ids.length, 3);
    assert.equal(new Set(ids).size, 3);
  });
});
