/** The door of @coco/endpoint. */
export type { AuthenticationPolicy, Caller } from './caller.ts';
export type {
  Call,
  CommandEndpoint,
  Endpoint,
  ReadEndpoint,
  WriteEndpoint,
  WriteOutcome,
} from './endpoint.ts';
export type { Request, Response } from './request.ts';
export { bytesResponse, emptyResponse, jsonResponse, textResponse } from './request.ts';
