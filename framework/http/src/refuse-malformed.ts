/**
 * What a client gets whose bytes are no HTTP request, or come too slowly: one coded answer, then
 * the end of the connection. CCF answers malformed HTTP with plain text, and oversized headers with
 * its error body.
 */

import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type LedgerError, refuse, utf8Decode } from '@coco/base';
import { errorResponse } from '@coco/endpoint';
import { httpError } from './errors.ts';

/** How long the answer may take to leave. */
const lingerMs = 1_000;

export interface ListenerLimits {
  readonly headerBytesMax: number;
  readonly headersMsMax: number;
  readonly requestMsMax: number;
}

/** Answers and closes; a connection that cannot be answered is only closed. */
export function refuseMalformed(
  error: NodeJS.ErrnoException,
  socket: Duplex,
  limits: ListenerLimits,
): void {
  // Before the end of its handshake a TLS socket has nobody to talk to: `end` would wait for ever.
  const isUnfinished = socket instanceof TLSSocket && !isHandshakeDone(socket);
  if (!socket.writable || isUnfinished) {
    socket.destroy();
    return;
  }
  socket.end(answerTo(refusalOf(error, limits)));
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once('close', () => clearTimeout(timer));
}

function isHandshakeDone(socket: TLSSocket): boolean {
  return socket.getFinished() !== undefined && socket.getPeerFinished() !== undefined;
}

function refusalOf(error: NodeJS.ErrnoException, limits: ListenerLimits): LedgerError {
  const { headerBytesMax, headersMsMax, requestMsMax } = limits;
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return httpError(
        'RequestHeaderTooLarge',
        `The headers of a request are limited to ${headerBytesMax} bytes.`,
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return httpError(
        'RequestTooSlow',
        `The headers of a request take at most ${headersMsMax} ms, all of it ${requestMsMax} ms.`,
      );
    default:
      return refuse('InvalidInput', 'The bytes are not an HTTP/1.1 request.');
  }
}

function answerTo(refusal: LedgerError): string {
  const { status, body } = errorResponse(refusal);
  const isPlain = refusal.code === 'InvalidInput';
  const text = isPlain ? `${refusal.code}: ${refusal.message}\n` : utf8Decode(body);
  return [
    `HTTP/1.1 ${status} ${refusal.code}`,
    `content-type: ${isPlain ? 'text/plain' : 'application/json'}`,
    `content-length: ${text.length}`,
    'connection: close',
    '',
    text,
  ].join('\r\n');
}
