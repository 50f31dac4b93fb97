/** The door of @coco/isolate. */
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
