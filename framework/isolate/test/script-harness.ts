import { readFileSync } from 'node:fs';
import { compareBytes, SeededRandom, toHex, utf8Encode } from '@coco/base';
import {
  engineUrl,
  InProcessScriptRunner,
  type ScriptAccess,
  type ScriptContext,
  ScriptEngine,
  type ScriptFunction,
  type ScriptLimits,
  type ScriptMap,
  type ScriptOutcome,
  type ScriptValue,
} from '@coco/isolate';

const engine: ScriptEngine = new ScriptEngine(readFileSync(engineUrl));

/** Each look at the time is a step on: a loop ends after as many looks, however fast it is. */
class SteppingClock {
  #nowMs = 0;

  nowMs(): number {
    return 1_700_000_000_123;
  }

  monotonicMs(): number {
    return this.#nowMs++;
  }

  setTimer(): () => void {
    return () => {};
  }
}

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A map in memory, whose range sees later writes ahead of it, as the store's does. */
export class MemoryMap implements ScriptMap {
  readonly rows: Map<string, Row> = new Map();

  #version = 0;

  get(key: Uint8Array): Uint8Array | undefined {
    return this.rows.get(toHex(key))?.value;
  }

  has(key: Uint8Array): boolean {
    return this.rows.has(toHex(key));
  }

  set(key: Uint8Array, value: Uint8Array): void {
    this.#version++;
    this.rows.set(toHex(key), { key, value });
  }

  delete(key: Uint8Array): void {
    this.#version++;
    this.rows.delete(toHex(key));
  }

  get size(): number {
    return this.rows.size;
  }

  versionOf(key: Uint8Array): number | undefined {
    return this.has(key) ? 42 : undefined;
  }

  *range(): Iterable<Row> {
    let last: Uint8Array | undefined;
    let version = -1;
    let ahead: Iterator<Row> = [].values();
    for (;;) {
      if (version !== this.#version) {
        version = this.#version;
        const isAhead = ({ key }: Row): boolean =>
          last === undefined || compareBytes(key, last) > 0;
        const rows = [...this.rows.values()].filter(isAhead);
        ahead = rows.sort((one, other) => compareBytes(one.key, other.key)).values();
      }
      const { value: row } = ahead.next();
      if (row === undefined) return;
      last = row.key;
      yield row;
    }
  }
}

export interface CallOptions {
  readonly args?: readonly ScriptValue[];
  readonly context?: ScriptContext;
  readonly maps?: ReadonlyMap<string, ScriptMap>;
  readonly functions?: Readonly<Record<string, ScriptFunction>>;
  readonly limits?: Partial<ScriptLimits>;
  readonly entry?: string;
}

const limits: ScriptLimits = {
  heapBytesMax: 32 * 1024 * 1024,
  stackBytesMax: 1024 * 1024,
  executionMsMax: 500,
};

function accessOf(options: CallOptions): ScriptAccess {
  const made = new Map<string, ScriptMap>(options.maps ?? []);
  return {
    context: options.context ?? 'governance-write',
    map: (name) => {
      const map = made.get(name) ?? new MemoryMap();
      made.set(name, map);
      return map;
    },
    functions: new Map(Object.entries(options.functions ?? {})),
  };
}

/** Runs a module whose entry is `run`, in this process. */
export function runModule(source: string, options: CallOptions = {}): Promise<ScriptOutcome> {
  const runner = new InProcessScriptRunner({
    engine,
    clock: new SteppingClock(),
    random: new SeededRandom(7),
  });
  return runner.run({
    source,
    entry: options.entry ?? 'run',
    args: options.args ?? [],
    access: accessOf(options),
    limits: { ...limits, ...options.limits },
    isVoted: false,
    party: 'member',
  });
}

/** Runs the body of a function with `args`, and returns what it returns. */
export function runBody(body: string, options: CallOptions = {}): Promise<ScriptOutcome> {
  return runModule(`export function run(...args) { ${body} }`, options);
}

export async function resultOf(body: string, options: CallOptions = {}): Promise<ScriptValue> {
  const outcome = await runBody(body, options);
  if (outcome.kind === 'returned') return outcome.value;
  throw new Error(JSON.stringify(outcome));
}

export async function reasonOf(body: string, options: CallOptions = {}): Promise<string> {
  const outcome = await runBody(body, options);
  return outcome.kind === 'threw' ? outcome.reason : JSON.stringify(outcome);
}

export const bytes: (text: string) => Uint8Array = utf8Encode;
