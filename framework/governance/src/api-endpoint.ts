/** GET /gov/api: the OpenAPI document of governance, made from its endpoints. */
import { isJsonObject, type JsonValue } from '@coco/base';
import {
  type CommandEndpoint,
  type Endpoint,
  jsonResponse,
  openApiDocument,
  parseApiVersion,
} from '@coco/endpoint';

const versionParameter: JsonValue = {
  name: 'api-version',
  in: 'query',
  required: true,
  schema: { type: 'string', enum: ['2023-06-01-preview', '2024-07-01'] },
};

export function apiEndpoint(endpoints: readonly Endpoint[]): CommandEndpoint {
  return {
    method: 'GET',
    path: '/gov/api',
    summary: 'OpenAPI document of this frontend',
    authentication: [],
    mode: 'command',
    handle: ({ request }) => {
      // CCF's own tools ask without a version.
      const isVersioned = request.query.has('api-version');
      const version = isVersioned ? parseApiVersion(request) : '2024-07-01';
      const document = openApiDocument({
        title: 'Coco governance API',
        description: 'What members govern a network of Coco by, and what anybody may see of it.',
        version,
        prefix: '/gov',
        endpoints,
      });
      return jsonResponse(withVersionParameter(document));
    },
  };
}

function withVersionParameter(document: JsonValue): JsonValue {
  if (!isJsonObject(document) || !isJsonObject(document.paths)) return document;
  const paths = mapObject(document.paths, (operations) =>
    mapObject(operations, (operation) => {
      const { parameters } = isJsonObject(operation) ? operation : {};
      const before = Array.isArray(parameters) ? (parameters as readonly JsonValue[]) : [];
      return { ...(operation as object), parameters: [...before, versionParameter] } as JsonValue;
    }),
  );
  return { ...document, paths };
}

function mapObject(
  value: JsonValue | undefined,
  change: (value: JsonValue) => JsonValue,
): JsonValue {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, change(item ?? null)]),
  );
}
