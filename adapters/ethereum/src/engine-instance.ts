/**
 * One instance of the engine's WebAssembly: messages in, results out, and whether it still lives.
 * A trap leaves its memory in an unknown state, so after one the instance is never called again.
 */
import { assert } from '@coco/base';
import { engineError } from './engine-errors.ts';
import { EngineHost } from './engine-host.ts';
import { EngineReader } from './engine-reader.ts';

/** Of the Rust source (lib.rs): raised when a message's layout changes. */
const interfaceVersion = 2;

const operations = [
  'decode_transaction',
  'execute',
  'trace',
  'block_roots',
  'encode_receipt',
  'encode_header',
  'keccak256',
  'recover',
] as const;

export type Operation = (typeof operations)[number];

type OperationExports = Readonly<Record<Operation, () => number>>;

interface EngineExports extends OperationExports {
  readonly memory: WebAssembly.Memory;
  readonly interface_version: () => number;
  readonly input_buffer: (length: number) => number;
  readonly result_buffer: () => number;
  readonly result_length: () => number;
}

/** `status` 0 is success, else a refusal's code (docs/formats/engine-abi.md). */
export interface EngineAnswer {
  readonly status: number;
  /** Over the engine's memory: read it before the next call. */
  readonly reader: EngineReader;
}

export class EngineInstance {
  readonly host: EngineHost = new EngineHost();
  readonly #exports: EngineExports;
  #isCalled = false;

  /** @throws EngineArtefactInvalid when the module is not this engine in this version. */
  constructor(module: WebAssembly.Module) {
    const names = new Set(WebAssembly.Module.exports(module).map(({ name }) => name));
    const required = [
      ...operations,
      'memory',
      'interface_version',
      'input_buffer',
      'result_buffer',
    ];
    const missing = required.find((name) => !names.has(name));
    if (missing !== undefined) {
      throw engineError('EngineArtefactInvalid', 'The module lacks an export.', { missing });
    }
    // The names were checked; their types are those of the Rust source.
    this.#exports = instantiate(module, this.host.imports) as unknown as EngineExports;
    this.host.attach(this.#exports.memory);
    const version = this.#exports.interface_version();
    if (version !== interfaceVersion) {
      throw engineError('EngineArtefactInvalid', 'The module has another interface version.', {
        version,
        expected: interfaceVersion,
      });
    }
  }

  /** Memory only grows; its owner replaces an instance that holds too much. */
  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /**
   * Runs one operation. Not re-entrant: a state source must not call its own engine.
   * @throws EngineTrapped: the instance must not be called again.
   */
  call(operation: Operation, message: Uint8Array): EngineAnswer {
    assert(!this.#isCalled, 'The engine is not called while it runs.');
    this.#isCalled = true;
    try {
      const at = this.#exports.input_buffer(message.length);
      this.host.bytes().set(message, at);
      const status = this.#exports[operation]();
      const start = this.#exports.result_buffer();
      const end = start + this.#exports.result_length();
      return { status, reader: new EngineReader(this.host.bytes().subarray(start, end)) };
    } catch (cause) {
      // Imports never throw, so this is a trap or an exhausted stack.
      throw engineError(
        'EngineTrapped',
        'The engine stopped within one operation.',
        { operation, place: this.host.panicPlace },
        cause,
      );
    } finally {
      this.#isCalled = false;
    }
  }
}

function instantiate(
  module: WebAssembly.Module,
  imports: WebAssembly.Imports,
): WebAssembly.Exports {
  try {
    return new WebAssembly.Instance(module, imports).exports;
  } catch (cause) {
    // Other imports than ours, or no memory left for another instance.
    throw engineError('EngineArtefactInvalid', 'The module does not start.', {}, cause);
  }
}
