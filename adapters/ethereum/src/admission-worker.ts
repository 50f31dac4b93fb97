/** A thread of WorkerAdmission: admits lists of raw transactions with an engine of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { LedgerError, present } from '@coco/base';
import { type AdmissionResult, packResults, unpackRaws } from './admission-message.ts';
import { Engine } from './engine.ts';
import type { EngineErrorCode } from './engine-errors.ts';
import { EngineReader } from './engine-reader.ts';
import { readTransaction } from './engine-transaction.ts';

const engine = new Engine(workerData as WebAssembly.Module);
const port = present(parentPort, 'the file runs as a thread');

port.on('message', (bulk: Uint8Array) => {
  const results = packResults(unpackRaws(bulk).map(resultOf));
  port.postMessage(results, [results.buffer]);
});

function resultOf(raw: Uint8Array): AdmissionResult {
  try {
    const decodedBytes = engine.decodeToBytes(raw);
    const decoded = readTransaction(new EngineReader(decodedBytes));
    const authorities = engine.recoverAuthorizations(decoded).map(({ authority }) => authority);
    return { isAdmitted: true, decodedBytes, sender: engine.recoverSender(decoded), authorities };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { isAdmitted: false, code: error.code as EngineErrorCode, message: error.message };
  }
}
