/** The error body that all frontends share: {"error":{"code","message","details"?}} (CCF). */
import { BugError, type JsonValue, LedgerError } from '@coco/base';
import { jsonResponse, type Response } from './request.ts';

/** Why one authentication policy refused a request. */
export interface ErrorDetail {
  readonly auth_policy: string;
  readonly code: string;
  readonly message: string;
}

/**
 * The response to an error. A LedgerError answers with its own status, code and sentence; anything
 * else tells the client nothing but InternalError, because its text may hold anything.
 * @throws BugError as it came: an invariant broke, so the node stops instead of answering.
 */
export function errorResponse(
  error: unknown,
  options: {
    readonly details?: readonly ErrorDetail[];
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Response {
  if (error instanceof BugError) throw error;
  const isCoded = error instanceof LedgerError;
  const body: Record<string, JsonValue> = {
    code: isCoded ? error.code : 'InternalError',
    message: isCoded ? error.message : 'The node failed to carry out the request.',
  };
  if (options.details) body.details = options.details.map((detail) => ({ ...detail }));
  const response = jsonResponse({ error: body }, isCoded ? error.status : 500);
  return { ...response, headers: { ...response.headers, ...options.headers } };
}
