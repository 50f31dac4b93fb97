/** Lets a run go on: one event, and everything that waits on promises alone behind it. */
import { check } from './errors.ts';
import type { World } from './world.ts';

/** Longer than anything that is waited for takes. */
const stepsMax = 200_000;

/** What the engine's own cryptography (certificates, receipts) has under way on other threads. */
let pendingCount = 0;

watchCrypto();

/**
 * Everything that waits on promises alone has run when this resolves, and what computes on other
 * threads: how long that takes must not show in a run.
 */
export async function microtasks(): Promise<void> {
  do await new Promise<void>((resolve) => setImmediate(resolve));
  while (pendingCount > 0);
}

function watchCrypto(): void {
  const subtle: object = globalThis.crypto.subtle;
  for (const name of ['importKey', 'exportKey', 'verify', 'sign', 'digest'] as const) {
    const original: (...given: unknown[]) => Promise<unknown> = Reflect.get(subtle, name);
    const value = async (...given: unknown[]): Promise<unknown> => {
      pendingCount++;
      try {
        return await Reflect.apply(original, subtle, given);
      } finally {
        pendingCount--;
      }
    };
    Object.defineProperty(subtle, name, { value });
  }
}

/** Steps until it holds. @throws SimulationFailed when it does not within `withinMs` */
export async function stepUntil(
  world: World,
  holds: () => boolean,
  bound: { readonly what: string; readonly withinMs: number },
): Promise<void> {
  const endMs = world.agenda.nowMs + bound.withinMs;
  for (let step = 0; !holds(); step++) {
    const isInTime = world.agenda.nowMs <= endMs && step < stepsMax;
    check(isInTime, `${bound.what} within ${bound.withinMs} ms`);
    check(world.agenda.step(), `${bound.what} before nothing is left to happen`);
    await microtasks();
  }
}

/** Steps until the promise is settled. */
export async function settled<Value>(world: World, promise: Promise<Value>): Promise<Value> {
  let isDone = false;
  const done = (): void => {
    isDone = true;
  };
  promise.then(done, done);
  await microtasks();
  await stepUntil(world, () => isDone, { what: 'an answer comes', withinMs: 60_000 });
  return promise;
}
