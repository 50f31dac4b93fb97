/** The door of @coco/http. */
export type { ChannelOpening } from './channels.ts';
export { httpError } from './errors.ts';
export { Forwarder } from './forwarder.ts';
export { type HttpListener, listen } from './http-listener.ts';
export { type FetchedKeys, fetchIssuerKeys } from './issuer-client.ts';
export type { ChannelLimits, ListenerConfiguration } from './listener-configuration.ts';
export { NodeCaller, type NodeCallLimits } from './node-caller.ts';
