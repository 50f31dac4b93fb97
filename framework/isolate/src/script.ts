/**
 * What the framework asks of an isolate: to call a function of an ES module that nobody trusts,
 * with values in and a value out. A script reaches maps and functions through its access alone, and
 * each of them is checked outside the isolate, where the script cannot interfere.
 */

/** What goes in and out of a script: JSON, absence, and bytes (an ArrayBuffer in the script). */
export type ScriptValue =
  | undefined
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly ScriptValue[]
  | { readonly [name: string]: ScriptValue };

/** Whether it is an object with names: no list, no bytes, not null. */
export function isScriptObject(
  value: ScriptValue,
): value is { readonly [name: string]: ScriptValue } {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array)
  );
}

/** A map of the store as a script sees it through `ccf.kv`. */
export interface ScriptMap {
  get(key: Uint8Array): Uint8Array | undefined;
  has(key: Uint8Array): boolean;
  set(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  readonly size: number;
  versionOf(key: Uint8Array): number | undefined;
  /** All rows in byte order of keys. */
  range(): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
}

/**
 * A function of the node that a script may call, by its path below `ccf`:
 * `node.triggerLedgerRekey`. A LedgerError that it throws becomes an exception in the script, with
 * the same message.
 */
export type ScriptFunction = (args: readonly ScriptValue[]) => ScriptValue | Promise<ScriptValue>;

/**
 * In which role a script runs; it decides which maps it may read and write (map-permission.ts).
 * `governance-read`: validate, resolve and ballots. `governance-write`: apply.
 */
export type ScriptContext = 'governance-read' | 'governance-write' | 'app-read' | 'app-write';

/** What one run may reach. */
export interface ScriptAccess {
  readonly context: ScriptContext;
  /** Maps of one transaction. Permission was checked before. @throws LedgerError */
  map(name: string): ScriptMap;
  readonly functions: ReadonlyMap<string, ScriptFunction>;
}

/** CCF's `js_runtime_options`, as far as one run needs them. */
export interface ScriptLimits {
  readonly heapBytesMax: number;
  readonly stackBytesMax: number;
  readonly executionMsMax: number;
}

export interface ScriptCall {
  /** An ES module; it imports nothing. */
  readonly source: string;
  /** The name of the function that it exports. */
  readonly entry: string;
  readonly args: readonly ScriptValue[];
  readonly access: ScriptAccess;
  readonly limits: ScriptLimits;
  /** Whether the consortium voted for the script: a constitution, no ballot. */
  readonly isVoted: boolean;
  /** On whose behalf it runs: nobody's scripts hold up those of the others. */
  readonly party: string;
}

export type ScriptOutcome =
  | { readonly kind: 'returned'; readonly value: ScriptValue }
  /** The script threw, or ran out of heap or stack. */
  | { readonly kind: 'threw'; readonly reason: string; readonly trace: string | undefined }
  /** The module does not parse, or its body threw before the entry could be called. */
  | { readonly kind: 'unloadable'; readonly reason: string; readonly trace: string | undefined }
  /** The module loaded and exports no function of that name. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'timedOut' };

export interface ScriptRunner {
  /**
   * @throws TooManyScripts when as many wait as may; IsolateFailed when the isolate broke, which
   *   says nothing of the script; and what the access throws that is no refusal
   */
  run(call: ScriptCall): Promise<ScriptOutcome>;
}
