/**
 * Runs calls of scripts, each in a QuickJS of its own that nothing else ever ran in: an instance is
 * a copy of a memory in which only the prelude has run. Decided in docs/decisions/isolate.md.
 */
import { assert, BugError, toHex } from '@coco/base';
import { sha256 } from '@coco/crypto';
import { cryptoNames, legacyCryptoNames } from './crypto-functions.ts';
import { guestHostNames, guestPrelude } from './guest-prelude.ts';
import { limitMemory, pageBytes } from './limit-memory.ts';
import type { Box } from './quickjs-exports.ts';
import { QuickjsInstance } from './quickjs-instance.ts';
import type { ScriptPort } from './script-request.ts';
import { type GuestImage, type RunEnd, type ScriptProgram, ScriptRun } from './script-run.ts';

/** Where the engine stands; reading it is the caller's (this room does no I/O). */
export const engineUrl: URL = new URL(import.meta.resolve('quickjs-wasi/quickjs.wasm'));
/** Of quickjs-wasi 3.6.2: what runs is what was looked at. */
const engineDigest = 'd4c9375f2b1ca4dc95f72c8aa2982a7a9951ac8011490d79c6582df732b4bbd9';

/** Beside what a script may use: the engine's own data, and fragments between blocks. */
const spareBytes = 8 * 1024 * 1024;
/** A heap that doubles an array holds the old one too, which QuickJS counts once. */
const heapFactor = 2;
/** The largest heap that a script is given, whatever the settings say. */
const heapBytesCeiling: number = 512 * 1024 * 1024;
/** Compiling takes some 10 ms; a network has one or two settings. */
const modulesMax = 4;
/** Reading the bytecode of a constitution takes a quarter of parsing it; ballots are short. */
const bytecode = { sourceCharactersMin: 8 * 1024, countMax: 4, bytesMax: 4 * 1024 * 1024 };

export class ScriptEngine {
  readonly #bytes: Uint8Array;
  readonly #image: GuestImage;
  readonly #modules = new Map<number, WebAssembly.Module>();
  /** By source, the one used last at the end. */
  readonly #bytecode = new Map<string, Uint8Array>();

  /** @param bytes the file at engineUrl @throws BugError when it is another one */
  constructor(bytes: Uint8Array) {
    if (toHex(sha256(bytes)) !== engineDigest) {
      throw new BugError('the script engine does not have its recorded digest');
    }
    this.#bytes = bytes;
    this.#image = imageWithPrelude(this.#module(0));
  }

  /** Runs one call to its end; it never runs longer than the program's limit and one native call. */
  run(program: ScriptProgram, port: ScriptPort, monotonicMs: () => number): RunEnd {
    const heapBytesMax = Math.min(program.limits.heapBytesMax, heapBytesCeiling);
    const limits = { ...program.limits, heapBytesMax };
    const engine = {
      module: this.#module(heapBytesMax),
      image: this.#image,
      monotonicMs,
      bytecodeOf: (source: string, compile: () => Uint8Array | undefined) =>
        this.#bytecodeOf(source, compile),
    };
    return new ScriptRun({ ...program, limits }, port, engine).perform();
  }

  #bytecodeOf(source: string, compile: () => Uint8Array | undefined): Uint8Array | undefined {
    if (source.length < bytecode.sourceCharactersMin) return undefined;
    const bytes = this.#bytecode.get(source) ?? compile();
    if (bytes === undefined || bytes.length > bytecode.bytesMax) return undefined;
    this.#bytecode.delete(source);
    for (const former of this.#bytecode.keys()) {
      if (this.#bytecode.size >= bytecode.countMax) this.#bytecode.delete(former);
    }
    this.#bytecode.set(source, bytes);
    return bytes;
  }

  #module(heapBytesMax: number): WebAssembly.Module {
    const pagesMax = Math.ceil((heapBytesMax * heapFactor + spareBytes) / pageBytes);
    let module = this.#modules.get(pagesMax);
    if (module === undefined) {
      module = new WebAssembly.Module(limitMemory(this.#bytes, pagesMax));
      for (const former of this.#modules.keys()) {
        if (this.#modules.size >= modulesMax) this.#modules.delete(former);
      }
      this.#modules.set(pagesMax, module);
    }
    return module;
  }
}

/** A memory in which the prelude has run, and where its entries are. */
function imageWithPrelude(module: WebAssembly.Module): GuestImage {
  const noCall = () => assert(false, 'the prelude calls nothing while it loads') as undefined;
  const instance = new QuickjsInstance(module, {
    functions: new Map(guestHostNames.map((name) => [name, noCall])),
    isOver: () => false,
    nowMs: () => 0,
    random: (length) => new Uint8Array(length),
  });
  const names = { crypto: cryptoNames, legacy: legacyCryptoNames };
  const start = instance.complete(
    instance.evaluate(guestPrelude(names), { name: 'prelude', isModule: false }),
  );
  assert(!start.isThrown, 'the prelude parses');
  const functions = guestHostNames.map((name) => instance.newHostFunction(name));
  const started = instance.call(start.value, ...functions);
  assert(!started.isThrown, 'the prelude starts');
  const entry = (name: string): Box => instance.property(started.value, name);
  const entries = {
    prepare: entry('prepare'),
    enter: entry('enter'),
    encode: entry('encode'),
    describe: entry('describe'),
  };
  return { ...instance.image(module), entries };
}
