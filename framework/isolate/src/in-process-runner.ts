/**
 * Runs scripts in this process: for tests and the simulator, which have no second one. The same
 * engine, limits and outcomes as the node's pool has, but nobody ends a native loop, and a script
 * that breaks out of the engine would be among the process's keys.
 *
 * A script waits for nothing, so where a function of its access answers with a promise the run is
 * given up, and begun again when the answer is there: what was answered before is answered from a
 * record, so the script takes the same way, and nothing is written or called twice.
 */
import type { Clock, Random } from '@coco/base';
import type { ScriptCall, ScriptOutcome, ScriptRunner } from './script.ts';
import type { ScriptEngine } from './script-engine.ts';
import { outcomeOf, programOf } from './script-program.ts';
import type { ScriptAnswer, ScriptPort } from './script-request.ts';
import { ScriptServer } from './script-server.ts';

export interface InProcessParts {
  readonly engine: ScriptEngine;
  readonly clock: Clock;
  readonly random: Random;
}

/** Carries a promise out of the engine. */
class Waiting extends Error {
  readonly answer: Promise<ScriptAnswer>;

  constructor(answer: Promise<ScriptAnswer>) {
    super();
    this.answer = answer;
  }
}

export class InProcessScriptRunner implements ScriptRunner {
  readonly #parts: InProcessParts;

  constructor(parts: InProcessParts) {
    this.#parts = parts;
  }

  async run(call: ScriptCall): Promise<ScriptOutcome> {
    const { engine, clock } = this.#parts;
    const program = programOf(call);
    const server = new ScriptServer(call.access);
    const record: unknown[] = [];
    for (;;) {
      const port = this.#port(server, record);
      try {
        return outcomeOf(engine.run(program, port, () => clock.monotonicMs()).outcome);
      } catch (error) {
        if (!(error instanceof Waiting)) throw error;
        record.push(await error.answer);
      }
    }
  }

  /** Answers from the record as long as it lasts, then adds to it. */
  #port(server: ScriptServer, record: unknown[]): ScriptPort {
    const { clock, random } = this.#parts;
    let at = 0;
    const recorded = <Result>(compute: () => Result): Result => {
      if (at === record.length) record.push(compute());
      return record[at++] as Result;
    };
    return {
      ask: (request) =>
        recorded(() => {
          const answer = server.answer(request);
          if (answer instanceof Promise) throw new Waiting(answer);
          return answer;
        }),
      random: (length) => random.bytes(length),
      nowMs: () => clock.nowMs(),
      once: recorded,
    };
  }
}
