/**
 * What a running script asks of the outside, and what it is answered. In the node's pool these are
 * messages between two processes that do not trust each other (docs/formats/isolate-protocol.md).
 */
import type { PackedValue } from './packed-value.ts';

/** Operations on a map, named as in `ccf.kv`; permission goes by the map's name. */
export type MapRequest =
  | {
      readonly kind: 'get' | 'has' | 'delete' | 'versionOf';
      readonly map: string;
      readonly key: Uint8Array;
    }
  | {
      readonly kind: 'set';
      readonly map: string;
      readonly key: Uint8Array;
      readonly value: Uint8Array;
    }
  | { readonly kind: 'clear' | 'size' | 'open'; readonly map: string };

/** More rows of what `open` began, or no more of them. */
type CursorRequest = { readonly kind: 'next' | 'close'; readonly cursor: number };

type CallRequest = {
  readonly kind: 'call';
  readonly path: string;
  readonly args: PackedValue;
};

export type ScriptRequest = MapRequest | CursorRequest | CallRequest;

export interface ScriptRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export type ScriptAnswer =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  /** `cursor` is 0 behind the last row. */
  | { readonly kind: 'rows'; readonly cursor: number; readonly rows: readonly ScriptRow[] }
  | { readonly kind: 'value'; readonly value: PackedValue }
  /** Becomes an exception in the script. */
  | { readonly kind: 'refused'; readonly isType: boolean; readonly reason: string };

/** The outside of one run, as the isolate sees it. */
export interface ScriptPort {
  ask(request: ScriptRequest): ScriptAnswer;
  random(length: number): Uint8Array;
  /** The host's clock. */
  nowMs(): number;
  /** Runs what gives another result each time, such as making a key. */
  once<Result>(compute: () => Result): Result;
}
