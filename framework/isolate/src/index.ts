/** The door of @coco/isolate. */
export { InProcessScriptRunner } from './in-process-runner.ts';
export type { MapPermission } from './map-permission.ts';
export { mapPermission } from './map-permission.ts';
export type {
  ScriptAccess,
  ScriptCall,
  ScriptContext,
  ScriptFunction,
  ScriptLimits,
  ScriptMap,
  ScriptOutcome,
  ScriptRunner,
  ScriptValue,
} from './script.ts';
export { engineUrl, ScriptEngine } from './script-engine.ts';
