/** The real engine in the tests' process; its clock counts how often it is asked. */
import { readFileSync } from 'node:fs';
import { type Clock, SeededRandom } from '@coco/base';
import { engineUrl, InProcessScriptRunner, ScriptEngine, type ScriptRunner } from '@coco/isolate';

/** A script that loops is asked for the time every ten thousand steps or so: it ends soon. */
const askMs = 50;
let elapsedMs = 0;
const clock: Clock = {
  nowMs: () => 0,
  monotonicMs: () => (elapsedMs += askMs),
  setTimer: () => () => {},
};

export const scriptRunner: ScriptRunner = new InProcessScriptRunner({
  engine: new ScriptEngine(readFileSync(engineUrl)),
  clock,
  random: new SeededRandom(1),
});
