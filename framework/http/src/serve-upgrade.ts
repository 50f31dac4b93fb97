/** A request to open a channel as a value: read like any other, and refused like any other. */
import type http from 'node:http';
import { emptyBytes, LedgerError } from '@coco/base';
import { errorResponse } from '@coco/endpoint';
import { type Channels, refuseUpgrade } from './channels.ts';
import { type ExchangePlace, surplus, toRequest } from './serve-exchange.ts';

export function serveUpgrade(
  place: Pick<ExchangePlace, 'connections' | 'configuration'>,
  channels: Channels,
  message: http.IncomingMessage,
  head: Buffer,
): void {
  const { connections, configuration } = place;
  try {
    if (connections.isSurplus(message.socket)) throw surplus(configuration.sessionsSoftMax);
    channels.upgrade(toRequest(message, emptyBytes), message, head);
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    refuseUpgrade(message.socket, errorResponse(error));
  }
}
