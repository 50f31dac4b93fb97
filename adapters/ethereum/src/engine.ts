/**
 * The execution engine: revm and alloy's Ethereum formats as WebAssembly (../engine, in Rust)
 * behind typed values. Everything is synchronous; one Engine per thread. It keeps no state but a
 * cache of contract code, so an instance that trapped or grew too large is replaced.
 * docs/decisions/ethereum-revm-wasm.md says why it is built so.
 */
import { brotliDecompressSync } from 'node:zlib';
import { assert, concatBytes, LedgerError } from '@coco/base';
import { uniteBlooms, writeBlock, writeHeader, writeReceipt } from './engine-block.ts';
import { engineError } from './engine-errors.ts';
import { readExecution } from './engine-execution.ts';
import { type EngineAnswer, EngineInstance, type Operation } from './engine-instance.ts';
import type { EngineReader } from './engine-reader.ts';
import { decodingRefusal, executionRefusal, statusCodeMismatch } from './engine-refusal.ts';
import { readTrace, writeWish } from './engine-trace.ts';
import { readTransaction, writeRequest } from './engine-transaction.ts';
import type {
  Authorization,
  BlockRoots,
  DecodedTransaction,
  EncodedHeader,
  EncodedReceipt,
  Execution,
  ExecutionRequest,
  HeaderFields,
  ReceiptFields,
  RecoveredAuthorization,
  StateSource,
} from './engine-types.ts';
import { EngineWriter } from './engine-writer.ts';
import type { Trace, TraceWish, TracingEngine } from './trace-types.ts';

/** Where the compressed artefact lies; the node reads it and gives it to `loadEngineModule`. */
export const engineArtefactUrl: URL = new URL('../wasm/engine.wasm.br', import.meta.url);

/** The sender of calls in mode `system` (EIP-4788). */
export const systemSender: Uint8Array = new Uint8Array(20).fill(0xff).with(19, 0xfe);

/** Of the decompressed artefact: ten times what it is. */
const moduleBytesMax = 16 << 20;

/** Memory never shrinks: above this an instance is replaced after the operation. */
const instanceBytesMax = 256 << 20;

/**
 * Compiles the artefact. The module has no state and may be shared with worker threads.
 * @throws EngineArtefactInvalid
 */
export function loadEngineModule(compressed: Uint8Array): WebAssembly.Module {
  try {
    return new WebAssembly.Module(
      brotliDecompressSync(compressed, { maxOutputLength: moduleBytesMax }),
    );
  } catch (cause) {
    throw engineError('EngineArtefactInvalid', 'The artefact does not load.', {}, cause);
  }
}

export class Engine implements TracingEngine {
  readonly #module: WebAssembly.Module;
  readonly #writer = new EngineWriter();
  /** Absent after a trap or above `instanceBytesMax`: the next call makes a new one. */
  #instance: EngineInstance | undefined;

  /** @throws EngineArtefactInvalid when the module is not this engine in this version. */
  constructor(module: WebAssembly.Module) {
    this.#module = module;
    this.#instance = new EngineInstance(module);
  }

  /** Bytes of WebAssembly memory that the engine holds. */
  get memoryBytes(): number {
    return this.#instance?.memoryBytes ?? 0;
  }

  decodeTransaction(raw: Uint8Array): DecodedTransaction {
    return this.#run('decode_transaction', raw, ({ status, reader }) => {
      if (status !== 0) throw decodingRefusal(status, reader);
      return readTransaction(reader);
    });
  }

  /** What `decodeTransaction` reads, as bytes that cross threads; see readTransaction. */
  decodeToBytes(raw: Uint8Array): Uint8Array {
    return this.#run('decode_transaction', raw, ({ status, reader }) => {
      if (status !== 0) throw decodingRefusal(status, reader);
      return reader.rest();
    });
  }

  recoverSender(transaction: DecodedTransaction): Uint8Array {
    return this.#recover(transaction);
  }

  recoverAuthorizations(transaction: DecodedTransaction): readonly RecoveredAuthorization[] {
    return transaction.authorizationList.map((authorization) => {
      const { chainId, address, nonce } = authorization;
      return { chainId, address, nonce, authority: this.#recoverIfValid(authorization) };
    });
  }

  execute(request: ExecutionRequest, source: StateSource): Execution {
    this.#writer.reset();
    writeRequest(this.#writer, request);
    return this.#executed('execute', request, source, readExecution);
  }

  trace(request: ExecutionRequest, wish: TraceWish, source: StateSource): Trace {
    this.#writer.reset();
    writeWish(this.#writer, wish);
    writeRequest(this.#writer, request);
    return this.#executed('trace', request, source, (reader) => readTrace(reader, wish));
  }

  /** Runs the execution that was written; both kinds of it fail in the same ways. */
  #executed<Result>(
    operation: 'execute' | 'trace',
    request: ExecutionRequest,
    source: StateSource,
    read: (reader: EngineReader) => Result,
  ): Result {
    const { host } = this.#liveInstance();
    host.open(source);
    try {
      return this.#run(operation, this.#writer.message(), ({ status, reader }) => {
        if (host.failure !== undefined) throw host.failure.cause;
        assert(
          status !== statusCodeMismatch,
          'A state source gives the code of the hash it names.',
        );
        if (status !== 0) throw executionRefusal(status, reader, request);
        return read(reader);
      });
    } finally {
      host.close();
    }
  }

  blockRoots(transactions: readonly Uint8Array[], receipts: readonly ReceiptFields[]): BlockRoots {
    this.#writer.reset();
    writeBlock(this.#writer, transactions, receipts);
    return this.#run('block_roots', this.#writer.message(), (answer) => {
      const { reader } = accepted(answer);
      return {
        transactionsRoot: reader.fixed(32),
        receiptsRoot: reader.fixed(32),
        logsBloom: reader.fixed(256),
      };
    });
  }

  encodedBlockRoots(
    transactions: readonly Uint8Array[],
    receipts: readonly EncodedReceipt[],
  ): BlockRoots {
    // A root is that of a list of byte strings, whatever they encode.
    const root = (items: readonly Uint8Array[]): Uint8Array =>
      this.blockRoots(items, []).transactionsRoot;
    return {
      transactionsRoot: root(transactions),
      receiptsRoot: root(receipts.map(({ bytes }) => bytes)),
      logsBloom: uniteBlooms(receipts.map(({ logsBloom }) => logsBloom)),
    };
  }

  encodeReceipt(receipt: ReceiptFields): EncodedReceipt {
    this.#writer.reset();
    writeReceipt(this.#writer, receipt);
    return this.#run('encode_receipt', this.#writer.message(), (answer) => {
      const { reader } = accepted(answer);
      return { logsBloom: reader.fixed(256), bytes: reader.rest() };
    });
  }

  encodeHeader(header: HeaderFields): EncodedHeader {
    this.#writer.reset();
    writeHeader(this.#writer, header);
    return this.#run('encode_header', this.#writer.message(), (answer) => {
      const { reader } = accepted(answer);
      return { hash: reader.fixed(32), bytes: reader.rest() };
    });
  }

  keccak256(bytes: Uint8Array): Uint8Array {
    return this.#run('keccak256', bytes, (answer) => accepted(answer).reader.fixed(32));
  }

  #recover(signed: {
    readonly signingHash: Uint8Array;
    readonly r: Uint8Array;
    readonly s: Uint8Array;
    readonly yParity: number;
  }): Uint8Array {
    const parity = Uint8Array.of(signed.yParity);
    const message = concatBytes(signed.signingHash, signed.r, signed.s, parity);
    return this.#run('recover', message, ({ status, reader }) => {
      if (status !== 0) throw decodingRefusal(status, reader);
      return reader.fixed(20);
    });
  }

  #recoverIfValid(authorization: Authorization): Uint8Array | undefined {
    try {
      return this.#recover(authorization);
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'SignatureInvalid') return undefined;
      throw error;
    }
  }

  #liveInstance(): EngineInstance {
    this.#instance ??= new EngineInstance(this.#module);
    return this.#instance;
  }

  #run<Result>(
    operation: Operation,
    message: Uint8Array,
    read: (answer: EngineAnswer) => Result,
  ): Result {
    const instance = this.#liveInstance();
    let answer: EngineAnswer;
    try {
      answer = instance.call(operation, message);
    } catch (trap) {
      this.#instance = undefined;
      throw trap;
    }
    const result = read(answer);
    if (instance.memoryBytes > instanceBytesMax) this.#instance = undefined;
    return result;
  }
}

/** The answer of an operation that refuses nothing. */
function accepted(answer: EngineAnswer): EngineAnswer {
  assert(answer.status === 0, 'The engine takes every message of this operation.');
  return answer;
}
