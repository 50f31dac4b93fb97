/** What a trace of an execution tells, and what is asked of it (engine.ts, `trace`). */
import type {
  EventLog,
  Execution,
  ExecutionEngine,
  ExecutionRequest,
  StateSource,
} from './engine-types.ts';

export interface TraceWish {
  /** Calls and creations with their logs. */
  readonly frames: boolean;
  /** Instructions; undefined: none. */
  readonly steps: StepWish | undefined;
  /** Accounts and slots that were read or written. */
  readonly accounts: boolean;
  /** Of the record; beyond it the trace is refused. */
  readonly bytesMax: number;
}

export interface StepWish {
  readonly stack: boolean;
  readonly memory: boolean;
  readonly storage: boolean;
  readonly returnData: boolean;
  /** Later instructions are left out. */
  readonly countMax: number;
}

export interface Trace {
  readonly execution: Execution;
  /** The outermost frame; absent unless frames were wished. */
  readonly frame: TracedFrame | undefined;
  readonly steps: readonly TracedStep[];
  readonly accounts: readonly TracedAccount[];
}

export type FrameKind =
  | 'CALL'
  | 'CALLCODE'
  | 'DELEGATECALL'
  | 'STATICCALL'
  | 'CREATE'
  | 'CREATE2'
  | 'SELFDESTRUCT';

export interface TracedFrame {
  readonly kind: FrameKind;
  readonly from: Uint8Array;
  /** Of a creation that failed: undefined. */
  to: Uint8Array | undefined;
  readonly value: bigint;
  readonly gas: bigint;
  gasUsed: bigint;
  readonly input: Uint8Array;
  output: Uint8Array;
  /** geth's words; undefined after a success. */
  error: string | undefined;
  readonly calls: TracedFrame[];
  readonly logs: TracedLog[];
}

interface TracedLog {
  readonly log: EventLog;
  /** How many frames its frame had called before. */
  readonly position: number;
  /** Its place among all logs of the execution. */
  readonly index: number;
}

export interface TracedStep {
  readonly pc: number;
  readonly opcode: number;
  readonly gas: bigint;
  readonly gasCost: bigint;
  readonly depth: number;
  readonly refund: bigint;
  readonly stack: readonly bigint[];
  readonly memory: Uint8Array;
  readonly returnData: Uint8Array;
  readonly error: string | undefined;
  /** The slot that the instruction read or wrote. */
  readonly slot: { readonly key: Uint8Array; readonly value: Uint8Array } | undefined;
}

/** An account at one moment; one that does not exist is empty. */
export interface TracedMoment {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly codeHash: Uint8Array;
}

export interface TracedAccount {
  readonly address: Uint8Array;
  readonly existed: boolean;
  readonly isCreated: boolean;
  readonly isGone: boolean;
  readonly before: TracedMoment;
  readonly after: TracedMoment;
  readonly slots: readonly {
    readonly key: Uint8Array;
    readonly before: Uint8Array;
    readonly after: Uint8Array;
  }[];
}

/** An engine that can also say what happened within an execution. */
export interface TracingEngine extends ExecutionEngine {
  /** @throws as `execute`, TraceTooLarge */
  trace(request: ExecutionRequest, wish: TraceWish, source: StateSource): Trace;
}
