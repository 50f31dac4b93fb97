/**
 * One fresh QuickJS in one fresh linear memory. Nothing that it says is trusted: addresses and
 * lengths from it are only used to read its own memory, where a wrong one is a RangeError.
 *
 * A JavaScript exception that leaves an import unwinds the engine's frames; the instance is then
 * beyond use. That is how a run ends whose host failed.
 */
import { assert, equalBytes, utf8Encode } from '@coco/base';
import { pageBytes } from './limit-memory.ts';
import { type Box, type QuickjsExports, quickjsExports } from './quickjs-exports.ts';

/** What a host function answers; a string is a JavaScript string. */
export type HostResult = undefined | boolean | number | string | Uint8Array | Utf8;
export type HostFunction = (instance: QuickjsInstance, args: readonly Box[]) => HostResult;

/** Text in UTF-8 as the engine takes it: what is malformed in it becomes U+FFFD there. */
export class Utf8 {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export interface QuickjsHost {
  /** By the name under which the prelude was given it. */
  readonly functions: ReadonlyMap<string, HostFunction>;
  /** Asked every few thousand steps of the script; true ends it, and no `catch` sees it. */
  isOver(): boolean;
  nowMs(): number;
  random(length: number): Uint8Array;
}

/** The linear memory of an instance, ready to be copied into fresh ones. */
export interface MemoryImage {
  readonly pages: number;
  /** Where it is not as in a fresh instance: most of it is. */
  readonly parts: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  readonly stackPointer: number;
  readonly runtime: number;
  readonly context: number;
}

/** The engine could not allocate what the host wanted to hand it. */
export class OutOfMemory extends Error {}

/** Either a value or what was thrown. */
export interface Completion {
  readonly isThrown: boolean;
  readonly value: Box;
}

const textDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
/**
 * ECMAScript's own objects; not `performance`, `DOMException`, `atob` and `btoa`, which belong to
 * browsers.
 */
const intrinsics = 0x3ff;
const evalModule = 1;
const errno = { success: 0, badFile: 8, noSystem: 52 };
const nanosecondsPerMs = 1_000_000n;

export class QuickjsInstance {
  readonly #exports: QuickjsExports;
  readonly #host: QuickjsHost;

  /** Starts from nothing, or from an image of another instance of the same module. */
  constructor(module: WebAssembly.Module, host: QuickjsHost, image?: MemoryImage) {
    this.#host = host;
    this.#exports = quickjsExports(new WebAssembly.Instance(module, this.#imports()));
    if (image === undefined) {
      this.#exports._initialize();
      assert(this.#exports.qjs_init2(intrinsics) === 0, 'the engine starts');
    } else {
      this.#restore(image);
    }
  }

  limit(limits: { readonly heapBytesMax: number; readonly stackBytesMax: number }): void {
    this.#exports.qjs_set_memory_limit(limits.heapBytesMax);
    this.#exports.qjs_set_max_stack_size(limits.stackBytesMax);
    this.#exports.qjs_set_interrupt_handler(1);
  }

  limitHeap(heapBytesMax: number): void {
    this.#exports.qjs_set_memory_limit(heapBytesMax);
  }

  image(module: WebAssembly.Module): MemoryImage {
    const fresh = quickjsExports(new WebAssembly.Instance(module, this.#imports()));
    const memory = new Uint8Array(this.#exports.memory.buffer);
    return {
      pages: memory.length / pageBytes,
      parts: differences(memory, new Uint8Array(fresh.memory.buffer)),
      stackPointer: this.#exports.__stack_pointer.value,
      runtime: this.#exports.qjs_get_runtime_ptr(),
      context: this.#exports.qjs_get_context_ptr(),
    };
  }

  /** Evaluates a script, or a module: its value is the promise of its namespace. */
  evaluate(source: string, options: { readonly name: string; readonly isModule: boolean }): Box {
    const code = this.#place(utf8Encode(source));
    const name = this.#place(utf8Encode(options.name));
    const flags = options.isModule ? evalModule : 0;
    const value = this.#exports.qjs_eval(code.at, code.length, name.at, flags);
    this.#exports.wasm_free(code.at);
    this.#exports.wasm_free(name.at);
    return value;
  }

  /** A module's bytecode; undefined when it does not parse. Runs none of it. */
  compile(source: string, name: string): Uint8Array | undefined {
    const code = this.#place(utf8Encode(source));
    const placed = this.#place(utf8Encode(`${name}\0`));
    const lengthAt = this.#allocate(4);
    const engine = this.#exports;
    const at = engine.qjs_compile(code.at, code.length, placed.at, evalModule, 0, lengthAt);
    const length = this.#length(lengthAt);
    return at === 0 ? undefined : this.#copy(at, length);
  }

  /** Evaluates a module's bytecode, which this very engine made. */
  evaluateBytecode(bytecode: Uint8Array): Box {
    const placed = this.#place(bytecode);
    const value = this.#exports.qjs_eval_bytecode(placed.at, placed.length);
    this.#exports.wasm_free(placed.at);
    return value;
  }

  /** Calls a function with `undefined` as its `this`. */
  call(callee: Box, ...args: readonly Box[]): Completion {
    const at = this.#allocate(4 * Math.max(args.length, 1));
    const view = new DataView(this.#exports.memory.buffer);
    args.forEach((arg, index) => {
      view.setUint32(at + 4 * index, arg, true);
    });
    const self = this.#exports.qjs_get_undefined();
    const value = this.#exports.qjs_call(callee, self, args.length, at);
    this.#exports.wasm_free(at);
    return this.complete(value);
  }

  /** Takes the exception out of the engine where `value` stands for one. */
  complete(value: Box): Completion {
    if (!this.isException(value)) return { isThrown: false, value };
    return { isThrown: true, value: this.#exports.qjs_get_exception() };
  }

  /** Runs what promises wait for, until nothing does. False when the run was ended meanwhile. */
  runJobs(): boolean {
    while (this.#exports.qjs_is_job_pending() !== 0) {
      if (this.#exports.qjs_execute_pending_job() < 0) return false;
    }
    return true;
  }

  isPromise(value: Box): boolean {
    return this.#exports.qjs_is_promise(value) !== 0;
  }

  /** A promise's value or reason; undefined while it is pending. Runs no code of the script. */
  settled(promise: Box): Completion | undefined {
    const state = this.#exports.qjs_promise_state(promise);
    if (state === 0) return undefined;
    return { isThrown: state === 2, value: this.#exports.qjs_promise_result(promise) };
  }

  property(object: Box, name: string): Box {
    const placed = this.#place(utf8Encode(`${name}\0`));
    const value = this.#exports.qjs_get_prop_string(object, placed.at);
    this.#exports.wasm_free(placed.at);
    return value;
  }

  isFunction(value: Box): boolean {
    return this.#exports.qjs_is_function(value) !== 0;
  }

  isString(value: Box): boolean {
    return this.#exports.qjs_is_string(value) !== 0;
  }

  isException(value: Box): boolean {
    return this.#exports.qjs_is_exception(value) !== 0;
  }

  /** The UTF-8 of a string; a lone surrogate is three bytes, as QuickJS has it. */
  readUtf8(value: Box): Uint8Array {
    assert(this.isString(value), 'the prelude hands a string over');
    const lengthAt = this.#allocate(4);
    const at = this.#exports.qjs_get_string_len(value, lengthAt);
    if (at === 0) throw new OutOfMemory();
    const bytes = this.#copy(at, this.#length(lengthAt));
    this.#exports.qjs_free_cstring(at);
    return bytes;
  }

  readString(value: Box): string {
    return textDecoder.decode(this.readUtf8(value));
  }

  readNumber(value: Box): number {
    return this.#exports.qjs_get_float64(value);
  }

  /** A copy of an ArrayBuffer's bytes; undefined when the value is none, or a detached one. */
  readBytes(value: Box): Uint8Array | undefined {
    if (this.#exports.qjs_is_array_buffer(value) === 0) return undefined;
    const lengthAt = this.#allocate(4);
    const at = this.#exports.qjs_get_array_buffer(value, lengthAt);
    const length = this.#length(lengthAt);
    return at === 0 ? undefined : this.#copy(at, length);
  }

  /** @throws OutOfMemory */
  newHostFunction(name: string): Box {
    const placed = this.#place(utf8Encode(name));
    const value = this.#exports.qjs_new_host_function(placed.at, placed.length, 0);
    this.#exports.wasm_free(placed.at);
    return value;
  }

  /** The value may be an exception: QuickJS may be out of memory. @throws OutOfMemory */
  newValue(value: HostResult): Box {
    const engine = this.#exports;
    if (value === undefined) return engine.qjs_get_undefined();
    if (typeof value === 'boolean') return value ? engine.qjs_get_true() : engine.qjs_get_false();
    if (typeof value === 'number') return engine.qjs_new_number(value);
    const isText = !(value instanceof Uint8Array);
    const bytes = typeof value === 'string' ? utf8Encode(value) : isText ? value.bytes : value;
    const placed = this.#place(bytes);
    const box = isText
      ? engine.qjs_new_string(placed.at, placed.length)
      : engine.qjs_new_array_buffer(placed.at, placed.length);
    engine.wasm_free(placed.at);
    return box;
  }

  free(value: Box): void {
    this.#exports.qjs_free_value(value);
  }

  #restore(image: MemoryImage): void {
    const engine = this.#exports;
    const missing = image.pages - engine.memory.buffer.byteLength / pageBytes;
    if (missing > 0) engine.memory.grow(missing);
    const memory = new Uint8Array(engine.memory.buffer);
    for (const { at, bytes } of image.parts) memory.set(bytes, at);
    engine.qjs_set_runtime_and_context(image.runtime, image.context);
    engine.__stack_pointer.value = image.stackPointer;
  }

  /** Copies bytes in, with a zero behind them. */
  #place(bytes: Uint8Array): { readonly at: number; readonly length: number } {
    const at = this.#allocate(bytes.length + 1);
    const memory = new Uint8Array(this.#exports.memory.buffer);
    memory.set(bytes, at);
    memory[at + bytes.length] = 0;
    return { at, length: bytes.length };
  }

  #allocate(bytes: number): number {
    const at = this.#exports.wasm_malloc(bytes);
    if (at === 0) throw new OutOfMemory();
    return at >>> 0;
  }

  #copy(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, at >>> 0, length).slice();
  }

  #length(at: number): number {
    const length = new DataView(this.#exports.memory.buffer).getUint32(at, true);
    this.#exports.wasm_free(at);
    return length;
  }

  #imports(): WebAssembly.Imports {
    const view = () => new DataView(this.#exports.memory.buffer);
    return {
      env: {
        // tidy-allow: the engine's signature.
        host_call: (name: number, length: number, _self: Box, count: number, args: number): Box =>
          this.#hostCall({ name, length, count, args }),
        host_interrupt: () => (this.#host.isOver() ? 1 : 0),
        host_promise_rejection: (promise: Box, reason: Box) => {
          this.free(promise);
          this.free(reason);
        },
        // No loader is switched on: every import fails in the engine.
        host_module_normalize: () => 0,
        host_module_load: () => 0,
        // A script's time zone is UTC, whatever the host's is.
        host_get_timezone_offset: () => 0,
      },
      wasi_snapshot_preview1: {
        clock_time_get: (_clock: number, _precision: bigint, at: number) => {
          const nowMs = BigInt(Math.floor(this.#host.nowMs()));
          view().setBigUint64(at, nowMs * nanosecondsPerMs, true);
          return errno.success;
        },
        random_get: (at: number, length: number) => {
          new Uint8Array(this.#exports.memory.buffer, at, length).set(this.#host.random(length));
          return errno.success;
        },
        // The engine's own diagnostics, which nobody reads.
        fd_write: () => errno.badFile,
        fd_close: () => errno.noSystem,
        fd_fdstat_get: () => errno.badFile,
        fd_seek: () => errno.noSystem,
      },
    };
  }

  #hostCall(call: { name: number; length: number; count: number; args: number }): Box {
    const name = textDecoder.decode(this.#copy(call.name, call.length));
    const callee = this.#host.functions.get(name);
    assert(callee !== undefined, 'the prelude calls functions that it was given');
    const view = new DataView(this.#exports.memory.buffer);
    const args = Array.from({ length: call.count }, (_, at) =>
      view.getUint32(call.args + 4 * at, true),
    );
    const value = this.newValue(callee(this, args));
    if (!this.isException(value)) return value;
    // The engine holds the exception (it is out of memory); no value tells it to throw.
    this.free(value);
    return 0;
  }
}

/** As long as a page of the processor: shorter parts touch no fewer of them. */
const partBytes = 4096;

function differences(memory: Uint8Array, fresh: Uint8Array): MemoryImage['parts'] {
  const parts: { at: number; bytes: Uint8Array }[] = [];
  for (let at = 0; at < memory.length; at += partBytes) {
    const bytes = memory.slice(at, at + partBytes);
    const former =
      at < fresh.length ? fresh.subarray(at, at + partBytes) : new Uint8Array(partBytes);
    if (!equalBytes(bytes, former)) parts.push({ at, bytes });
  }
  return parts;
}
