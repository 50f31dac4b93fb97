/** The door of @coco/http. */
export { type HttpListener, listen } from './http-listener.ts';
export type { ListenerConfiguration } from './listener-configuration.ts';
