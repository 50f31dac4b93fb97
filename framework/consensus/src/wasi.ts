/**
 * The few WASI calls that Go's runtime makes inside Raft's module, on our ports: no file, no
 * environment, no socket. Every import that is not listed answers ENOSYS, so that a new version
 * of Go that wants more fails visibly at start. Source: WASI preview 1
 * (wasi_snapshot_preview1.witx).
 */
import type { Clock, Random } from '@coco/base';
import { BugError } from '@coco/base';

const success = 0;
const badDescriptor = 8;
const notImplemented = 52;
const characterDevice = 2;
const standardError = 2;
const nanosecondsPerMs = 1_000_000n;
const realTimeClock = 0;
/** Go's runtime ends when its clock reads 0 at start. */
const runtimeStartNs = 1n;
/** A fatal message and a stack trace fit; a flood is cut. */
const errorTextMax = 8192;

export interface WasiHost {
  readonly random: Random;
  /** Without a clock, time stands still: Raft counts ticks and never reads it. */
  readonly clock: Clock | undefined;
  readonly onText: (text: string) => void;
}

/** Imports of one instance, and what is known of its memory once it exists. */
export class Wasi {
  readonly imports: WebAssembly.Imports;
  readonly #host: WasiHost;
  #memory: WebAssembly.Memory | undefined;
  #errorText = '';

  constructor(module: WebAssembly.Module, host: WasiHost) {
    this.#host = host;
    const known = this.#calls();
    const calls: Record<string, (...values: never[]) => unknown> = {};
    for (const { module: origin, name } of WebAssembly.Module.imports(module)) {
      if (origin !== 'wasi_snapshot_preview1') {
        throw new BugError(`the module imports ${origin}.${name}, which is not WASI`);
      }
      calls[name] = known[name] ?? (() => notImplemented);
    }
    this.imports = { wasi_snapshot_preview1: calls };
  }

  /** Must be called after instantiation and before any export runs. */
  attach(memory: WebAssembly.Memory): void {
    this.#memory = memory;
  }

  /** What the module wrote to standard error last: the reason, when it has died. */
  get errorText(): string {
    return this.#errorText;
  }

  /** A fresh view at each call: the old one is detached when the memory grows. */
  #view(): DataView {
    if (!this.#memory) throw new BugError('the module called out before its memory was attached');
    return new DataView(this.#memory.buffer);
  }

  #calls(): Record<string, (...values: number[]) => number> {
    return {
      sched_yield: () => success,
      proc_exit: (code) => {
        throw new BugError(`the Raft module ended with code ${code}: ${this.#errorText}`);
      },
      args_sizes_get: (count = 0, size = 0) => this.#writeZeros(count, size),
      args_get: () => success,
      environ_sizes_get: (count = 0, size = 0) => this.#writeZeros(count, size),
      environ_get: () => success,
      clock_time_get: (id, _precision, at = 0) => {
        this.#view().setBigUint64(at, this.#nowNs(id === realTimeClock), true);
        return success;
      },
      random_get: (at = 0, length = 0) => {
        const bytes = this.#host.random.bytes(length);
        new Uint8Array(this.#view().buffer, at, length).set(bytes);
        return success;
      },
      fd_write: (descriptor = 0, vectors = 0, count = 0, written = 0) =>
        this.#write({ descriptor, vectors, count, written }),
      fd_fdstat_get: (descriptor = 0, at = 0) => {
        if (descriptor > standardError) return badDescriptor;
        const view = this.#view();
        for (let offset = 0; offset < 24; offset += 4) view.setUint32(at + offset, 0, true);
        view.setUint8(at, characterDevice);
        return success;
      },
      fd_fdstat_set_flags: () => success,
      fd_prestat_get: () => badDescriptor,
      poll_oneoff: (_in, _out, _count, occurred = 0) => {
        this.#view().setUint32(occurred, 0, true);
        return success;
      },
    };
  }

  #writeZeros(first: number, second: number): number {
    const view = this.#view();
    view.setUint32(first, 0, true);
    view.setUint32(second, 0, true);
    return success;
  }

  #nowNs(isReal: boolean): bigint {
    const clock = this.#host.clock;
    if (!clock) return runtimeStartNs;
    const nowMs = isReal ? clock.nowMs() : clock.monotonicMs();
    return runtimeStartNs + BigInt(Math.floor(nowMs)) * nanosecondsPerMs;
  }

  #write(call: { descriptor: number; vectors: number; count: number; written: number }): number {
    if (call.descriptor > standardError) return badDescriptor;
    const view = this.#view();
    const decoder = new TextDecoder();
    let text = '';
    let total = 0;
    for (let index = 0; index < call.count; index++) {
      const at = view.getUint32(call.vectors + 8 * index, true);
      const length = view.getUint32(call.vectors + 8 * index + 4, true);
      text += decoder.decode(new Uint8Array(view.buffer, at, length));
      total += length;
    }
    this.#errorText = (this.#errorText + text).slice(-errorTextMax);
    this.#host.onText(text.slice(0, errorTextMax));
    view.setUint32(call.written, total, true);
    return success;
  }
}
