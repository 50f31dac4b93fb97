/** What of a call goes into an isolate, and what comes back out of it. */
import { packValue, unpackValue } from './packed-value.ts';
import type { ScriptCall, ScriptOutcome } from './script.ts';
import type { PackedOutcome, ScriptProgram } from './script-run.ts';

export function programOf(call: ScriptCall): ScriptProgram {
  return {
    source: call.source,
    entry: call.entry,
    args: packValue(call.args),
    paths: [...call.access.functions.keys()],
    isGovernance: call.access.context.startsWith('governance'),
    limits: call.limits,
  };
}

/** @throws InvalidScriptMessage when the value is none */
export function outcomeOf(outcome: PackedOutcome): ScriptOutcome {
  if (outcome.kind !== 'returned') return outcome;
  const list = unpackValue(outcome.value);
  return { kind: 'returned', value: Array.isArray(list) ? list[0] : undefined };
}
