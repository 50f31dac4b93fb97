/**
 * Admission: what can be said of a raw transaction without any state - it decodes, its signature
 * is good, this is who signed it. It costs more than executing a plain transfer, so it runs off
 * the executing thread, in bulk; the pool of threads is a port.
 */
import type {
  DecodedTransaction,
  ExecutionEngine,
  RecoveredAuthorization,
} from './engine-types.ts';

/** A transaction that decodes and whose signatures are recovered; nothing is known of its state. */
export interface AdmittedTransaction {
  readonly raw: Uint8Array;
  readonly decoded: DecodedTransaction;
  readonly sender: Uint8Array;
  readonly authorizations: readonly RecoveredAuthorization[];
}

export interface AdmissionPool {
  /**
   * Admits one raw transaction; calls made together are worked on together.
   * @throws what ExecutionEngine.decodeTransaction and recoverSender throw; PoolFull when too many
   * wait; AdmissionStopped
   */
  admit(raw: Uint8Array): Promise<AdmittedTransaction>;
  /** Ends the pool's threads; what waits is refused with AdmissionStopped. */
  stop(): Promise<void>;
}

/** Admits on the calling thread. @throws as AdmissionPool.admit */
export function admitTransaction(engine: ExecutionEngine, raw: Uint8Array): AdmittedTransaction {
  const decoded = engine.decodeTransaction(raw);
  return {
    raw,
    decoded,
    sender: engine.recoverSender(decoded),
    authorizations: engine.recoverAuthorizations(decoded),
  };
}

/** A pool without threads: for tests, the simulator, and machines with one core. */
export class SameThreadAdmission implements AdmissionPool {
  readonly #engine: ExecutionEngine;

  constructor(engine: ExecutionEngine) {
    this.#engine = engine;
  }

  async admit(raw: Uint8Array): Promise<AdmittedTransaction> {
    return admitTransaction(this.#engine, raw);
  }

  async stop(): Promise<void> {}
}
