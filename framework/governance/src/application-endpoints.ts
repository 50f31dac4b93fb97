/** What the consortium installed beside governance: the application's code, token issuers, keys. */
import { isJsonObject, type JsonValue, toBase64 } from '@coco/base';
import {
  type ApiVersion,
  type Endpoint,
  endpointError,
  jsonResponse,
  textResponse,
} from '@coco/endpoint';
import { appEndpoints, modules } from './app-tables.ts';
import { governanceRead } from './governance-endpoint.ts';
import { authorityBundles, tokenIssuers, tokenKeys } from './jwt-tables.ts';
import type { Readable } from './table.ts';

/** CCF added these after the preview. */
const versions: readonly ApiVersion[] = ['2024-07-01'];
const pemLineLength = 64;

export function applicationEndpoints(): readonly Endpoint[] {
  const path = '/service/javascript-modules';
  return [
    governanceRead(
      '/service/javascript-app',
      { summary: 'The endpoints of the application', versions },
      (view, { request }) => {
        const form = request.query.get('case');
        if (form !== undefined && form !== 'original') {
          const message = "Accepted values for the 'case' query parameter are: original";
          throw endpointError('InvalidQueryParameterValue', message);
        }
        return jsonResponse({ endpoints: describeApp(view, form === 'original') });
      },
    ),
    governanceRead(path, { summary: 'The modules of the application', versions }, (view) =>
      jsonResponse({ value: modules.keys(view).map((moduleName) => ({ moduleName })) }),
    ),
    governanceRead(
      `${path}/{moduleName}`,
      { summary: 'The source of a module', versions },
      (view, { parameters }) => {
        // The only slash in a segment is an escaped one.
        const name = (parameters.get('moduleName') ?? '').replaceAll(/%2f/gi, '/');
        const source = modules.get(view, name);
        if (source === undefined) {
          throw endpointError('ResourceNotFound', `Module ${name} does not exist.`);
        }
        return textResponse(source, { type: 'text/javascript' });
      },
    ),
    governanceRead('/service/jwk', { summary: 'Issuers of tokens and their keys' }, (view) =>
      jsonResponse({
        issuers: describeIssuers(view),
        keys: describeKeys(view),
        caCertBundles: Object.fromEntries(authorityBundles.rows(view)),
      }),
    ),
  ];
}

/** By path and verb. `isOriginal`: as the bundle had it, with its own names of fields. */
function describeApp(view: Readable, isOriginal: boolean): JsonValue {
  const endpoints: Record<string, Record<string, JsonValue>> = {};
  for (const [key, properties] of appEndpoints.rows(view)) {
    const at = key.indexOf(' ');
    const path = key.slice(at + 1);
    endpoints[path] ??= {};
    endpoints[path][key.slice(0, at)] = isOriginal ? properties : describeEndpoint(properties);
  }
  return endpoints;
}

/** Absent fields have CCF's defaults. */
function describeEndpoint(properties: JsonValue): JsonValue {
  const row = isJsonObject(properties) ? properties : {};
  return {
    jsModule: row.js_module ?? '',
    jsFunction: row.js_function ?? '',
    forwardingRequired: row.forwarding_required ?? 'always',
    redirectionStrategy: row.redirection_strategy ?? 'none',
    authnPolicies: row.authn_policies ?? [],
    mode: row.mode ?? 'readwrite',
    openApi: row.openapi ?? {},
  };
}

function describeIssuers(view: Readable): JsonValue {
  const rows = tokenIssuers.rows(view).map(([issuer, row]) => [
    issuer,
    {
      autoRefresh: row.auto_refresh,
      ...(row.ca_cert_bundle_name === undefined
        ? {}
        : { caCertBundleName: row.ca_cert_bundle_name }),
    },
  ]);
  return Object.fromEntries(rows) as JsonValue;
}

function describeKeys(view: Readable): JsonValue {
  const rows = tokenKeys.rows(view).map(([keyId, keys]) => [
    keyId,
    keys.map(({ publicKey, issuer, constraint }) => ({
      publicKey: publicKeyPem(publicKey),
      issuer,
      constraint: constraint ?? null,
    })),
  ]);
  return Object.fromEntries(rows);
}

/** The PEM text of DER SubjectPublicKeyInfo. */
function publicKeyPem(spki: Uint8Array): string {
  const lines = toBase64(spki).match(new RegExp(`.{1,${pemLineLength}}`, 'g')) ?? [];
  return ['-----BEGIN PUBLIC KEY-----', ...lines, '-----END PUBLIC KEY-----', ''].join('\n');
}
