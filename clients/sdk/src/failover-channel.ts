/**
 * One channel over the nodes of one service. A request goes to the node that answered last; where
 * that one cannot be reached or cannot answer now, it goes to the next, if that is safe: what only
 * reads may be asked again, anything else only where nothing of it can have been carried out. A
 * write whose answer is lost is never sent again here: the caller alone can know what that means.
 */
import { type Clock, isJsonObject, LedgerError, parseJson } from '@coco/base';
import type { Channel, ChannelAnswer, ChannelRequest } from './channel.ts';
import { pause, withDeadline } from './deadline.ts';
import { sdkError } from './errors.ts';

/** A read without an answer by then goes to the next node: a stopped one accepts and hangs. */
const readMsMax = 5_000;
/** Between two tries while the service has no primary: a change of it takes about a second. */
const pauseFirstMs = 50;
const pauseLastMs = 500;
/** With these pauses some 10 s. */
const refusalsMax = 24;
const errorBytesMax = 16 * 1024;

/** Answers by which a node says that it carried out nothing, and that it passes. */
const passingCodes: ReadonlySet<string> = new Set([
  'NodeCallsFull',
  'NodeCannotHandleRequest',
  'NodeUnreachable',
  'PrimaryNotFound',
  'RequestAlreadyForwarded',
  'SessionConsistencyLost',
]);

export function failoverChannel(parts: {
  /** Of one service: each session ends at a node with a certificate by it. */
  readonly channels: readonly Channel[];
  /** Which is asked first. */
  readonly first: number;
  readonly clock: Clock;
}): Channel {
  const { channels, clock } = parts;
  let current = parts.first;
  const next = (): void => {
    current = (current + 1) % channels.length;
  };
  return {
    peerCertificate: undefined,
    close: () => {
      for (const channel of channels) channel.close();
    },
    request: async (request) => {
      let unreached = 0;
      for (let refusals = 0, delayMs = pauseFirstMs; ; ) {
        const outcome = await ask(channels[current], request, {
          clock,
          isOne: channels.length === 1,
        });
        if ('answer' in outcome) {
          unreached = 0;
          if (!isPassing(outcome.answer) || ++refusals > refusalsMax) return outcome.answer;
        } else if (!mayRepeat(request, outcome.error) || ++unreached >= channels.length) {
          throw outcome.error;
        }
        next();
        if ('error' in outcome) continue;
        await pause(clock, delayMs, request.signal);
        delayMs = Math.min(2 * delayMs, pauseLastMs);
      }
    },
  };
}

type Outcome = { readonly answer: ChannelAnswer } | { readonly error: LedgerError };

async function ask(
  channel: Channel | undefined,
  request: ChannelRequest,
  how: { readonly clock: Clock; readonly isOne: boolean },
): Promise<Outcome> {
  if (!channel) throw sdkError('ServiceUnreachable', 'No address of the service is given.');
  const { signal } = request;
  try {
    if (how.isOne || !isRead(request)) return { answer: await channel.request(request) };
    const time = { clock: how.clock, limitMs: readMsMax, signal };
    const answer = await withDeadline(time, (limited) =>
      channel.request({ ...request, signal: limited }),
    );
    return { answer };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof LedgerError) return { error };
    throw error;
  }
}

function isRead({ method }: ChannelRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function mayRepeat(request: ChannelRequest, error: LedgerError): boolean {
  const { code, metadata } = error;
  // No session with a node of this service came about.
  if (code === 'ServiceCertificateInvalid' || metadata.isSent === false) return true;
  return isRead(request) && (code === 'ServiceUnreachable' || code === 'ServiceTimeout');
}

function isPassing({ status, body }: ChannelAnswer): boolean {
  if ((status !== 500 && status !== 503) || body.length > errorBytesMax) return false;
  try {
    const document = parseJson(body, { bytesMax: errorBytesMax, depthMax: 8 });
    const error = isJsonObject(document) ? document.error : undefined;
    const code = isJsonObject(error) ? error.code : undefined;
    return typeof code === 'string' && passingCodes.has(code);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    return false;
  }
}
