/** A thread of WorkerCalls: executes on an engine of its own, and asks for the rows it reads. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LedgerError, present, toHex } from '@coco/base';
import { Engine } from './engine.ts';
import type { AccountState, StateSource } from './engine-types.ts';
import { ethereumError } from './errors.ts';
import type {
  CallOutcome,
  CallTask,
  CallThreadData,
  RowAnswer,
  RowQuestion,
} from './worker-calls.ts';

const { engineModule, bell, rows } = workerData as CallThreadData;
const engine = new Engine(engineModule);
const port = present(parentPort, 'the file runs as a thread');
/** Rows of one state that are kept; an estimate executes again and again on the same. */
const rowsMax = 10_000;

let known = new Map<string, AccountState | Uint8Array | undefined>();
let knownStateId = 0;

const source: StateSource = {
  getAccount: (address) =>
    read(`a${toHex(address)}`, { kind: 'account', address }) as AccountState | undefined,
  getCode: (codeHash) =>
    present(read(`c${toHex(codeHash)}`, { kind: 'code', codeHash }), 'code is there') as Uint8Array,
  getStorage: (address, slot) =>
    read(`s${toHex(address)}${toHex(slot)}`, { kind: 'storage', address, slot }) as
      | Uint8Array
      | undefined,
  getBlockHash: (number) =>
    read(`b${number}`, { kind: 'blockHash', number }) as Uint8Array | undefined,
};

port.on('message', (task: CallTask) => port.postMessage(run(task)));

function run({ request, wish, stateId }: CallTask): CallOutcome {
  if (stateId !== knownStateId || known.size > rowsMax) known = new Map();
  knownStateId = stateId;
  try {
    if (!wish) return { kind: 'execution', execution: engine.execute(request, source) };
    return { kind: 'trace', trace: engine.trace(request, wish, source) };
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error;
    return { kind: 'refused', code: error.code, message: error.message };
  }
}

function read(key: string, question: RowQuestion): AccountState | Uint8Array | undefined {
  if (known.has(key)) return known.get(key);
  Atomics.store(bell, 0, 0);
  rows.postMessage(question);
  // The ring of an answer before may come late: only what the bell says counts.
  while (Atomics.load(bell, 0) === 0) Atomics.wait(bell, 0, 0);
  const { message } = present(receiveMessageOnPort(rows), 'the bell rings after the answer') as {
    message: RowAnswer;
  };
  if (message.isFailed) throw ethereumError('CallTimeout', 'the state could not be read');
  known.set(key, message.row);
  return message.row;
}
