/** The door of @coco/endpoint. */
export { answerError } from './answer-error.ts';
export type { ApiVersion } from './api-version.ts';
export { parseApiVersion } from './api-version.ts';
export type { Authentication } from './authenticate.ts';
export { authenticate } from './authenticate.ts';
export type {
  AllOfPolicy,
  AuthenticationPolicy,
  Caller,
  PolicyName,
  SignedCaller,
  TokenCaller,
} from './caller.ts';
export type { CallerValue } from './caller-value.ts';
export { callerValue } from './caller-value.ts';
export type {
  Channel,
  ChannelCloseCode,
  ChannelEndpoint,
  ChannelHandler,
} from './channel.ts';
export { ClientSession } from './client-session.ts';
export type {
  Call,
  CommandEndpoint,
  Endpoint,
  ForwardingRequired,
  OperatorFeature,
  ReadEndpoint,
  RedirectionStrategy,
  WriteEndpoint,
  WriteOutcome,
} from './endpoint.ts';
export type { ErrorDetail } from './error-response.ts';
export { errorResponse } from './error-response.ts';
export type { EndpointErrorCode } from './errors.ts';
export { endpointError } from './errors.ts';
export type { ForwardedFrom } from './forwarded-request.ts';
export { encodeForwarded, forwardingHeader, receiveRequest } from './forwarded-request.ts';
export type { IdentityLookup, KnownParty, TokenKey } from './identity-lookup.ts';
export { isConstraintOf } from './issuer-constraint.ts';
export { openApiDocument } from './open-api.ts';
export { forwardingOf, redirectionOf } from './placement.ts';
export type { ChannelRoute, Route, RouteMatch } from './registry.ts';
export { Registry } from './registry.ts';
export type { Request, Response } from './request.ts';
export { bytesResponse, emptyResponse, jsonResponse, textResponse } from './request.ts';
export type { GovernanceHeader, GovernanceMessageType } from './signed-header.ts';
export { governanceLabel, parseGovernanceMessage } from './signed-header.ts';
export { parseRequestedId, transactionEndpoints } from './transaction-endpoints.ts';
export type { TransactionDecision, TransactionStatus } from './transaction-status.ts';
export { TransactionStatusTracker } from './transaction-status.ts';
