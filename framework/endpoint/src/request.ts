/**
 * Requests and responses as values, apart from sockets: what a listener parsed and what it is to
 * write. The listener has bounded body, headers and time before a Request exists.
 */
import { emptyBytes, encodeJson, type JsonValue, utf8Encode } from '@coco/base';

export interface Request {
  /** Upper case. */
  readonly method: string;
  /** Decoded path, without the query; a slash within a segment stays `%2F`. */
  readonly path: string;
  /** Path and query as they came, for who passes the request on; absent if it was made here. */
  readonly target?: string;
  /** The first value of each query parameter. */
  readonly query: ReadonlyMap<string, string>;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** DER of the client certificate that the TLS handshake proved possession of, if any. */
  readonly clientCertificate: Uint8Array | undefined;
}

export interface Response {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export function jsonResponse(value: JsonValue, status: number = 200): Response {
  return { status, headers: { 'content-type': 'application/json' }, body: encodeJson(value) };
}

export function textResponse(
  text: string,
  options: { status?: number; type?: string } = {},
): Response {
  const { status = 200, type = 'text/plain' } = options;
  return { status, headers: { 'content-type': type }, body: utf8Encode(text) };
}

export function bytesResponse(body: Uint8Array, type: string, status: number = 200): Response {
  return { status, headers: { 'content-type': type }, body };
}

/** 204 by default. */
export function emptyResponse(status: number = 204): Response {
  return { status, headers: {}, body: emptyBytes };
}
