/**
 * The HTTP side of JSON-RPC: POST on `/` and `/ethereum`, a short text for a person's GET. The
 * required content type makes every browser ask first (CORS preflight), and so obey the origins.
 */
import type { LedgerError } from '@coco/base';
import {
  type Call,
  type Endpoint,
  emptyResponse,
  type Response,
  textResponse,
} from '@coco/endpoint';
import { ethereumError } from './errors.ts';
import type { JsonRpc } from './json-rpc.ts';

/** Where JSON-RPC is offered, over HTTP and WebSocket. */
export const rpcPaths = ['/', '/ethereum'] as const;
/** Certificates are asked for by TLS and optional: whoever shows none calls as a stranger. */
export const rpcCallers = ['user_cert', 'member_cert', 'no_auth'] as const;
/** As geth takes them. */
const contentTypes: ReadonlySet<string> = new Set([
  'application/json',
  'application/json-rpc',
  'application/jsonrequest',
]);
/** How long a browser may remember a preflight's answer. */
const preflightSeconds = 600;

export function rpcEndpoints(
  jsonRpc: Pick<JsonRpc, 'answer'>,
  options: { readonly allowedOrigins: readonly string[]; readonly greeting: string },
): readonly Endpoint[] {
  const { allowedOrigins, greeting } = options;
  const isAllowed = (origin: string): boolean => isOriginAllowed(origin, allowedOrigins);
  return rpcPaths.flatMap((path): Endpoint[] => [
    {
      method: 'POST',
      path,
      authentication: rpcCallers,
      mode: 'command',
      isSessionExempt: true,
      handle: (call) => withCors(call, isAllowed, () => answer(jsonRpc, call)),
    },
    {
      method: 'OPTIONS',
      path,
      authentication: [],
      mode: 'command',
      isSessionExempt: true,
      handle: (call) => withCors(call, isAllowed, async () => preflight()),
    },
    {
      method: 'GET',
      path,
      authentication: [],
      mode: 'command',
      isSessionExempt: true,
      handle: () => textResponse(greeting),
    },
  ]);
}

async function answer(
  jsonRpc: Pick<JsonRpc, 'answer'>,
  { request, caller }: Call,
): Promise<Response> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (!contentTypes.has(type ?? '')) {
    return refusal(
      ethereumError(
        'JsonRpcUnsupportedMediaType',
        'invalid content type, only application/json is supported',
      ),
    );
  }
  const body = await jsonRpc.answer(request.body, caller);
  return { status: 200, headers: { 'content-type': 'application/json' }, body };
}

function preflight(): Response {
  return {
    ...emptyResponse(),
    headers: {
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': String(preflightSeconds),
    },
  };
}

/** Refuses a foreign page; tells the browser that a known one may read the answer. */
async function withCors(
  { request }: Call,
  isAllowed: (origin: string) => boolean,
  respond: () => Promise<Response>,
): Promise<Response> {
  const origin = request.headers.get('origin');
  if (origin === undefined) return respond();
  if (!isAllowed(origin)) {
    return refusal(
      ethereumError('OriginNotAllowed', 'This web page may not call the Ethereum port.'),
    );
  }
  const response = await respond();
  return {
    ...response,
    headers: { ...response.headers, 'access-control-allow-origin': origin, vary: 'origin' },
  };
}

function refusal(error: LedgerError): Response {
  return textResponse(`${error.code}: ${error.message}\n`, { status: error.status });
}

const loopbackOrigin = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/** @param allowedOrigins origins beside loopback, as a browser writes them */
export function isOriginAllowed(
  origin: string | undefined,
  allowedOrigins: readonly string[],
): boolean {
  return origin === undefined || loopbackOrigin.test(origin) || allowedOrigins.includes(origin);
}
