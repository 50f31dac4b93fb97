/** Calls of scripts as the isolate's pool takes them. */
import type { ScriptAccess, ScriptCall, ScriptFunction, ScriptMap } from '@coco/isolate';

/** Rows by text, in order. */
function mapOf(rows: Map<string, Uint8Array>): ScriptMap {
  const text = (key: Uint8Array) => Buffer.from(key).toString();
  return {
    get: (key) => rows.get(text(key)),
    has: (key) => rows.has(text(key)),
    set: (key, value) => void rows.set(text(key), value),
    delete: (key) => void rows.delete(text(key)),
    get size() {
      return rows.size;
    },
    versionOf: () => 3,
    range: () => [...rows].sort().map(([key, value]) => ({ key: Buffer.from(key), value })),
  };
}

export interface CallParts {
  readonly isVoted?: boolean;
  readonly party?: string;
  readonly context?: ScriptAccess['context'];
  readonly rows?: Map<string, Uint8Array>;
  readonly functions?: Readonly<Record<string, ScriptFunction>>;
  readonly executionMsMax?: number;
  readonly args?: ScriptCall['args'];
}

export function callOf(source: string, parts: CallParts = {}): ScriptCall {
  const map = mapOf(parts.rows ?? new Map());
  return {
    source,
    entry: 'run',
    args: parts.args ?? [],
    isVoted: parts.isVoted ?? false,
    party: parts.party ?? 'member',
    limits: {
      heapBytesMax: 16 << 20,
      stackBytesMax: 1 << 20,
      executionMsMax: parts.executionMsMax ?? 10_000,
    },
    access: {
      context: parts.context ?? 'governance-write',
      map: () => map,
      functions: new Map(Object.entries(parts.functions ?? {})),
    },
  };
}

/** A script that does this. */
export const bodyOf = (body: string): string => `export function run(...args) { ${body} }`;
