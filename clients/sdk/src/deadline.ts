/** Time limits by the clock port, as abort signals. */
import type { Clock } from '@coco/base';
import { sdkError } from './errors.ts';

/** The clock of the platform: Node and browsers have the same functions. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * Runs `work` with a signal that aborts when `limitMs` have passed or the caller's signal aborts.
 * It ends then, even where `work` does not heed its signal.
 * @throws ServiceTimeout, RequestAborted
 */
export async function withDeadline<Result>(
  options: { readonly clock: Clock; readonly limitMs: number; readonly signal?: AbortSignal },
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const { clock, limitMs, signal } = options;
  const controller = new AbortController();
  const onAbort = (): void => {
    controller.abort(sdkError('RequestAborted', 'The caller aborted the request.'));
  };
  const cancelTimer = clock.setTimer(limitMs, () => {
    controller.abort(sdkError('ServiceTimeout', `No result within ${limitMs} ms.`, { limitMs }));
  });
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    controller.signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason));
    });
    return await Promise.race([work(controller.signal), aborted]);
  } finally {
    cancelTimer();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Waits; rejects with the signal's reason when it aborts. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.setTimer(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
