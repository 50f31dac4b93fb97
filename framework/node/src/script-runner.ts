/**
 * Where a node's scripts run. For now within its own process, each in a QuickJS of its own; the
 * pool of processes without keys takes this place (design, section 3, decision 4).
 */
import { readFile } from 'node:fs/promises';
import type { Clock, Random } from '@coco/base';
import { engineUrl, InProcessScriptRunner, ScriptEngine, type ScriptRunner } from '@coco/isolate';

export async function createScriptRunner(ports: {
  readonly clock: Clock;
  readonly random: Random;
}): Promise<ScriptRunner> {
  const engine = new ScriptEngine(await readFile(engineUrl));
  return new InProcessScriptRunner({ ...ports, engine });
}
