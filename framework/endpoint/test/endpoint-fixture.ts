/** Endpoints and requests for the tests of this room. */
import { emptyBytes, isJsonObject, type JsonValue, parseJson } from '@coco/base';
import type { CommandEndpoint } from '../src/endpoint.ts';
import { emptyResponse, type Request, type Response } from '../src/request.ts';

export function endpointAt(
  path: string,
  method: CommandEndpoint['method'] = 'GET',
): CommandEndpoint {
  return { method, path, authentication: [], mode: 'command', handle: () => emptyResponse() };
}

export function requestTo(target: string, parts: Partial<Request> = {}): Request {
  const [path = '', query = ''] = target.split('?');
  return {
    method: 'GET',
    path,
    query: new Map(new URLSearchParams(query)),
    headers: new Map(),
    body: emptyBytes,
    clientCertificate: undefined,
    ...parts,
  };
}

export function bodyOf(response: Response): JsonValue {
  return response.body.length === 0 ? null : parseJson(response.body);
}

/** The error's code and message. */
export function errorOf(response: Response): { code?: JsonValue; message?: JsonValue } {
  const body = bodyOf(response);
  const error = isJsonObject(body) ? body.error : undefined;
  return isJsonObject(error) ? { code: error.code ?? null, message: error.message ?? null } : {};
}
