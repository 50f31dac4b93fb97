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

/** `builtIn`: those that every frontend has, which need no version. */
export function apiEndpoint(
  versioned: readonly Endpoint[],
  builtIn: readonly Endpoint[],
): CommandEndpoint {
  const needVersion = new Set(versioned.map(({ path }) => path));
  const endpoint: CommandEndpoint = {
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
        endpoints: [...versioned, ...builtIn, endpoint],
      });
      return jsonResponse(withVersionParameter(document, needVersion));
    },
  };
  return endpoint;
}

function withVersionParameter(document: JsonValue, needVersion: ReadonlySet<string>): JsonValue {
  if (!isJsonObject(document)) return document;
  const paths = mapObject(document.paths, (operations, path) =>
    needVersion.has(path) ? mapObject(operations, withParameter) : operations,
  );
  return { ...document, paths };
}

function withParameter(operation: JsonValue): JsonValue {
  if (!isJsonObject(operation)) return operation;
  const { parameters } = operation;
  const before = Array.isArray(parameters) ? (parameters as readonly JsonValue[]) : [];
  return { ...operation, parameters: [...before, versionParameter] };
}

function mapObject(
  value: JsonValue | undefined,
  change: (value: JsonValue, key: string) => JsonValue,
): JsonValue {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, change(item ?? null, key)]),
  );
}
