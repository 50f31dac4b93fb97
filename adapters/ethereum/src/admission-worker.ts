/** A thread of WorkerAdmission: admits lists of raw transactions with an engine of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { LedgerError, present } from '@coco/base';
import { admitTransaction } from './admission.ts';
import { Engine } from './engine.ts';
import type { EngineErrorCode } from './engine-errors.ts';
import type { AdmissionOutcome } from './worker-admission.ts';

const engine = new Engine(workerData as WebAssembly.Module);
const port = present(parentPort, 'the file runs as a thread');

port.on('message', (bulk: readonly Uint8Array[]) => {
  port.postMessage(bulk.map(outcomeOf));
});

function outcomeOf(raw: Uint8Array): AdmissionOutcome {
  try {
    const { decoded, sender, authorizations } = admitTransaction(engine, raw);
    return { isAdmitted: true, transaction: { decoded, sender, authorizations } };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { isAdmitted: false, code: error.code as EngineErrorCode, message: error.message };
  }
}
