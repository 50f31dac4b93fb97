/**
 * The process in which scripts run: it holds no key, has an empty environment, and may read nothing
 * but its own code. It reads a call from its standard input, runs it, and writes the outcome to its
 * standard output; between the two it asks the node what the script asks it. It waits in reads, so
 * a script that asks stands still, and the node does not.
 *
 * Protocol: docs/formats/isolate-protocol.md. Its end: the node closes the input, or kills it.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readSync, writeSync } from 'node:fs';
import { assert } from '@coco/base';
import {
  decodeToIsolate,
  encodeFromIsolate,
  engineUrl,
  type FromIsolate,
  frame,
  frameHeadBytes,
  frameLength,
  type ScriptAnswer,
  ScriptEngine,
  type ScriptPort,
  type ScriptProgram,
  type ToIsolate,
  toIsolateBytesMax,
} from '@coco/isolate';

const input = 0;
const output = 1;

/** The node gave the run up. */
class Aborted extends Error {}

/** The node closed the input. */
class Closed extends Error {}

const port: ScriptPort = {
  ask: (request) => {
    write(request);
    const answer = read();
    if (answer.kind === 'abort') throw new Aborted();
    assert(answer.kind !== 'run', 'a call begins when the one before has ended');
    return answer satisfies ScriptAnswer;
  },
  random: (length) => randomBytes(length),
  nowMs: () => Date.now(),
  once: (compute) => compute(),
};

function main(): void {
  const engine = new ScriptEngine(readFileSync(engineUrl));
  write({ kind: 'ready' });
  for (;;) {
    const message = read();
    assert(message.kind === 'run', 'a call comes first');
    write(runProgram(engine, message.program));
  }
}

function runProgram(engine: ScriptEngine, program: ScriptProgram): FromIsolate {
  try {
    return { kind: 'ended', ...engine.run(program, port, () => performance.now()) };
  } catch (error) {
    if (error instanceof Aborted) return { kind: 'aborted' };
    throw error;
  }
}

function write(message: FromIsolate): void {
  const bytes = frame(encodeFromIsolate(message));
  for (let at = 0; at < bytes.length; ) at += writeSync(output, bytes, at);
}

function read(): ToIsolate {
  const length = frameLength(readWhole(frameHeadBytes), toIsolateBytesMax);
  return decodeToIsolate(readWhole(length));
}

function readWhole(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const count = readSync(input, bytes, at, length - at, null);
    if (count === 0) throw new Closed();
    at += count;
  }
  return bytes;
}

try {
  main();
} catch (error) {
  if (!(error instanceof Closed)) throw error;
}
