/** The OpenAPI 3.0.0 document of a frontend, made from its endpoints. */
import type { JsonValue } from '@coco/base';
import type { Endpoint } from './endpoint.ts';
import { parsePathTemplate } from './path-template.ts';

/** The document of the endpoints whose paths start with `prefix`, e.g. `/node`. */
export function openApiDocument(options: {
  readonly title: string;
  readonly description: string;
  readonly version: string;
  readonly prefix: string;
  readonly endpoints: readonly Endpoint[];
}): JsonValue {
  const { title, description, version } = options;
  const paths: Record<string, Record<string, JsonValue>> = {};
  for (const endpoint of options.endpoints) {
    if (!endpoint.path.startsWith(`${options.prefix}/`)) continue;
    const operations = (paths[endpoint.path] ??= {});
    operations[endpoint.method.toLowerCase()] = operationOf(endpoint);
  }
  return {
    openapi: '3.0.0',
    info: { title, description, version },
    servers: [],
    paths,
    components: { schemas: { CCFError: errorSchema }, responses: { default: errorAnswer } },
  };
}

const errorSchema: JsonValue = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: {
        code: { type: 'string', description: 'Stable code of the error; docs/ERRORS.md lists all' },
        message: { type: 'string', description: 'A sentence for people' },
      },
    },
  },
};

const errorAnswer: JsonValue = {
  description: 'An error occurred',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/CCFError' } } },
};

function operationOf(endpoint: Endpoint): JsonValue {
  const { names } = parsePathTemplate(endpoint.path);
  return {
    operationId: operationId(endpoint),
    ...(endpoint.summary === undefined ? {} : { summary: endpoint.summary }),
    parameters: names.map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    responses: {
      '200': { description: 'Default response description' },
      default: { $ref: '#/components/responses/default' },
    },
  };
}

/** CCF's form: GET /node/network/nodes/{id} is GetNodeNetworkNodesId. Unique, for paths differ. */
function operationId(endpoint: Endpoint): string {
  const words = [endpoint.method.toLowerCase(), ...endpoint.path.split(/[^A-Za-z0-9]+/)];
  return words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
}
