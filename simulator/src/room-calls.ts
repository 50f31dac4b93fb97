/**
 * How often a run called into each room of production, as the engine itself counts calls: a room
 * that is never called is not under test, whatever the checkers say.
 */
import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';

/** Rooms that every run uses. Others are listed when they are called. */
export const roomsUnderTest = [
  'framework/base',
  'framework/crypto',
  'framework/merkle',
  'framework/receipt',
  'framework/kv',
  'framework/ledger',
  'framework/consensus',
  'framework/endpoint',
  'framework/governance',
  'framework/replication',
  'adapters/ethereum',
] as const;

const root = fileURLToPath(new URL('../../', import.meta.url));

export class RoomCalls {
  readonly #session = new Session();

  /** Counts from here on; the process runs a little slower. */
  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  }

  /** Calls by room since the start. */
  async take(): Promise<ReadonlyMap<string, number>> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    this.#session.disconnect();
    const calls = new Map<string, number>(roomsUnderTest.map((room) => [room, 0]));
    for (const { url, functions } of result) {
      const room = roomOf(url);
      if (room === undefined) continue;
      // The first function is the module itself, which runs when it is loaded.
      for (const { ranges } of functions.slice(1)) {
        calls.set(room, (calls.get(room) ?? 0) + (ranges[0]?.count ?? 0));
      }
    }
    return calls;
  }
}

function roomOf(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  const path = fileURLToPath(url);
  if (!path.startsWith(root)) return undefined;
  return /^((?:framework|adapters|clients)\/[^/]+)\/src\//.exec(path.slice(root.length))?.[1];
}
