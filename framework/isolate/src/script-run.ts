/**
 * One call of a script in one instance, from its module to its outcome. Every way out is an
 * outcome: a script that runs out of time, heap or stack, or that breaks the engine, ends itself
 * and nothing else. What the host fails at is thrown on.
 */

import { shapeRefusal, unloadableRefusal } from './constitution-shape.ts';
import { HandedBytes, hostFunctions } from './host-functions.ts';
import { type PackedValue, packedExcess } from './packed-value.ts';
import type { Box } from './quickjs-exports.ts';
import {
  type Completion,
  type MemoryImage,
  OutOfMemory,
  QuickjsInstance,
} from './quickjs-instance.ts';
import type { ScriptLimits, ScriptOutcome } from './script.ts';
import type { ScriptPort } from './script-request.ts';

/** A call without its access: what goes into the isolate. */
export interface ScriptProgram {
  readonly source: string;
  readonly entry: string;
  readonly args: PackedValue;
  /** Functions that the run may call, by their paths below `ccf`. */
  readonly paths: readonly string[];
  readonly isGovernance: boolean;
  readonly limits: ScriptLimits;
}

/** What all runs of an engine share. */
export interface RunEngine {
  readonly module: WebAssembly.Module;
  readonly image: GuestImage;
  readonly monotonicMs: () => number;
  /** Of a large module that was run before; undefined for others. */
  bytecodeOf(source: string, compile: () => Uint8Array | undefined): Uint8Array | undefined;
}

export interface GuestImage extends MemoryImage {
  readonly entries: Readonly<Record<'prepare' | 'enter' | 'encode' | 'describe', Box>>;
}

/** What a script's text is called in its traces. */
const moduleName = 'script';
/** QuickJS's frames in WebAssembly's own stack take half of what they take natively. */
const stackFactor = 0.5;
/** Half of the engine's stack of 1 MiB: its native functions need the rest. */
const stackBytesCeiling = 512 * 1024;
/** For telling of an error when the heap is full. */
const lastWordsBytes = 256 * 1024;

/** A ScriptOutcome whose value nobody has parsed yet: it is a list of the one value. */
export type PackedOutcome =
  | Exclude<ScriptOutcome, { readonly kind: 'returned' }>
  | { readonly kind: 'returned'; readonly value: PackedValue };

/** How a run ended; `isSpent` when it tore the engine out of a call: let a process end then. */
export interface RunEnd {
  readonly outcome: PackedOutcome;
  readonly isSpent: boolean;
}

/** The script's way through its stages ended early. */
class Ended extends Error {
  readonly outcome: PackedOutcome;

  constructor(outcome: PackedOutcome) {
    super();
    this.outcome = outcome;
  }
}

export class ScriptRun {
  readonly #program: ScriptProgram;
  readonly #port: ScriptPort;
  readonly #engine: RunEngine;
  readonly #isOver: () => boolean;
  readonly #handed = new HandedBytes();
  #isTimedOut = false;
  /** What an error is called at the stage that the run has come to. */
  #stage: 'threw' | 'unloadable' = 'unloadable';

  constructor(program: ScriptProgram, port: ScriptPort, engine: RunEngine) {
    this.#program = program;
    this.#port = port;
    this.#engine = engine;
    const deadlineMs = engine.monotonicMs() + program.limits.executionMsMax;
    this.#isOver = () => {
      this.#isTimedOut ||= engine.monotonicMs() >= deadlineMs;
      return this.#isTimedOut;
    };
  }

  /** @throws what the port throws */
  perform(): RunEnd {
    try {
      return { outcome: this.#stages(), isSpent: false };
    } catch (error) {
      if (error instanceof Ended) return { outcome: error.outcome, isSpent: false };
      if (!isScriptsDoing(error)) throw error;
      return {
        outcome: this.#isTimedOut ? { kind: 'timedOut' } : this.#broken(error),
        isSpent: !(error instanceof OutOfMemory),
      };
    }
  }

  #stages(): PackedOutcome {
    const { entries } = this.#engine.image;
    const instance = this.#fresh();
    const { paths, isGovernance } = this.#program;
    const prepared = instance.newValue(JSON.stringify({ paths, isGovernance }));
    this.#take(instance, instance.call(entries.prepare, prepared));
    const namespace = this.#load(instance, this.#program.source);
    const callee = instance.property(namespace, this.#program.entry);
    if (!instance.isFunction(callee)) return { kind: 'missing' };
    this.#stage = 'threw';
    const { args } = this.#program;
    this.#handed.offer(args.buffers);
    const text = instance.newValue(args.text);
    const returned = this.#take(instance, instance.call(entries.enter, callee, text));
    const value = instance.isPromise(returned) ? this.#settle(instance, returned) : returned;
    this.#handed.collect();
    const encoded = this.#take(instance, instance.call(entries.encode, value));
    const packed = { text: instance.readString(encoded), buffers: this.#handed.collect() };
    const excess = packedExcess(packed);
    if (excess !== undefined)
      return { kind: 'threw', reason: `RangeError: ${excess}`, trace: undefined };
    return { kind: 'returned', value: packed };
  }

  #fresh(): QuickjsInstance {
    const { module, image } = this.#engine;
    const functions = hostFunctions({
      port: this.#port,
      handed: this.#handed,
      validate: (source) => this.#validate(source),
    });
    const host = {
      functions,
      isOver: this.#isOver,
      nowMs: () => this.#port.once(() => this.#port.nowMs()),
      random: (length: number) => this.#port.once(() => this.#port.random(length)),
    };
    const instance = new QuickjsInstance(module, host, image);
    const { heapBytesMax, stackBytesMax } = this.#program.limits;
    const stackBytes = Math.min(Math.floor(stackBytesMax * stackFactor), stackBytesCeiling);
    instance.limit({ heapBytesMax, stackBytesMax: stackBytes });
    return instance;
  }

  /** The module's namespace. */
  #load(instance: QuickjsInstance, source: string): Box {
    // Compiled apart from what runs: what a parse may break it breaks for this source alone.
    const compile = () => this.#fresh().compile(source, moduleName);
    const bytecode = this.#engine.bytecodeOf(source, compile);
    const evaluated =
      bytecode === undefined
        ? instance.evaluate(source, { name: moduleName, isModule: true })
        : instance.evaluateBytecode(bytecode);
    const promise = this.#take(instance, instance.complete(evaluated));
    return this.#settle(instance, promise);
  }

  #settle(instance: QuickjsInstance, promise: Box): Box {
    const isDrained = instance.runJobs();
    if (this.#isOver()) throw new Ended({ kind: 'timedOut' });
    const settled = isDrained ? instance.settled(promise) : undefined;
    if (settled !== undefined) return this.#take(instance, settled);
    const reason = 'The promise waits for what never comes.';
    throw new Ended({ kind: this.#stage, reason, trace: undefined });
  }

  /** The value of a completion. @throws Ended */
  #take(instance: QuickjsInstance, completion: Completion): Box {
    if (!completion.isThrown) return completion.value;
    if (this.#isOver()) throw new Ended({ kind: 'timedOut' });
    const { heapBytesMax } = this.#program.limits;
    instance.limitHeap(heapBytesMax + lastWordsBytes);
    const described = instance.call(this.#engine.image.entries.describe, completion.value);
    if (this.#isOver()) throw new Ended({ kind: 'timedOut' });
    const text = described.isThrown ? wordless : instance.readString(described.value);
    const [reason = '', trace = ''] = text.split('\0');
    throw new Ended({ kind: this.#stage, reason, trace: scriptFrames(trace) });
  }

  #broken(error: unknown): PackedOutcome {
    const reason =
      error instanceof OutOfMemory
        ? 'InternalError: out of memory'
        : error instanceof RangeError
          ? 'RangeError: Maximum call stack size exceeded'
          : 'InternalError: the script broke its isolate';
    return { kind: this.#stage, reason, trace: undefined };
  }

  /** See constitution-shape.ts. Runs the candidate's module in an instance of its own. */
  #validate(source: string): string {
    const instance = this.#fresh();
    try {
      const namespace = this.#load(instance, source);
      return shapeRefusal((name) => {
        const exported = instance.property(namespace, name);
        if (!instance.isFunction(exported)) return undefined;
        return instance.readNumber(instance.property(exported, 'length'));
      });
    } catch (error) {
      if (!(error instanceof Ended) || !('reason' in error.outcome)) throw error;
      return unloadableRefusal(error.outcome.reason);
    }
  }
}

/** A trace without the frames of the prelude. */
function scriptFrames(trace: string): string | undefined {
  const frames = trace.split('\n').filter((line) => !preludeFrame.test(line));
  return frames.length === 0 || frames.join('') === '' ? undefined : frames.join('\n');
}

const preludeFrame = /\((?:prelude:\d+:\d+|native)\)$/;
const wordless = 'The script threw what cannot be described.';

/** Traps of WebAssembly, and the end of the native stack under it. */
function isScriptsDoing(error: unknown): boolean {
  return (
    error instanceof OutOfMemory ||
    error instanceof RangeError ||
    error instanceof WebAssembly.RuntimeError
  );
}
